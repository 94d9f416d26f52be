/// The routes of what is no frame: records by machine, kind and time, and the items in quarantine.
///
/// Errors: handlers answer with a `problem`; nothing of another farm, or of a machine that the token is not for, is ever
///   shown, retried or dropped.
/// Threads: as api.hpp. Limits: storage::page_rows_max rows a page; an answer is waited for at most 10 s.
#pragma once

#include "actors/node.hpp"
#include "tools/furrowd/http/router.hpp"

namespace furrow::http {

/// The node outlives every call.
void add_record_routes(router& to, actors::node& node);

} // namespace furrow::http
