/// The routes for records (by machine, kind and time) and for quarantined items.
///
/// Errors: handlers answer with a `problem`. No call shows, retries or drops data of another farm, or of a machine that
///   the token does not cover.
/// Threads: as api.hpp.
/// Limits: storage::page_rows_max rows a page; a handler waits at most 10 s for an answer.
#pragma once

#include "actors/node.hpp"
#include "tools/furrowd/http/router.hpp"

namespace furrow::http {

/// The node outlives every call.
void add_record_routes(router& to, actors::node& node);

} // namespace furrow::http
