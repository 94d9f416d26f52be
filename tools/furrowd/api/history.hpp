/// Telemetry, signals and rollups of a machine, made by the digest, over HTTP and page by page.
///
/// Errors: a `problem`; never data of another farm, or of a machine that the token does not cover.
/// Threads: the strand of the connection.
/// Limits: pages of 2,000 rows; `next` is the `after` of the next call.
#pragma once

#include "storage/store.hpp"
#include "tools/furrowd/http/router.hpp"

namespace furrow::http {

/// Adds the routes; the store outlives the router.
void add_history_routes(router& routes, storage::store& store);

} // namespace furrow::http
