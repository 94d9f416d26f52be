/// What the digest has made, over HTTP: telemetry, signals and rollups of a machine, page by page.
///
/// Errors: a `problem`; nothing of another farm, or of a machine that the token is not for.
/// Threads: the strand of the connection.
/// Limits: pages of 2,000 rows; `next` is what `after` of the next call says.
#pragma once

#include "storage/store.hpp"
#include "tools/furrowd/http/router.hpp"

namespace furrow::http {

/// Adds the routes; the store outlives the router.
void add_history_routes(router& routes, storage::store& store);

} // namespace furrow::http
