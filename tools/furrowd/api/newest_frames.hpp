/// The newest frames of a machine: GET /api/v1/equipment/{name}/frames?last=N.
///
/// Shape: text as /api/v1/frames gives it (candump or jsonl), the latest frame at the end.
/// Limits: 1 to storage::newest_frames_max frames; 100 unless the caller says more.
#pragma once

#include "storage/store.hpp"
#include "tools/furrowd/http/router.hpp"

namespace furrow::http {

void add_newest_frames_route(router& routes, storage::store& store);

} // namespace furrow::http
