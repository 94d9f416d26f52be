/// The routes of fields and of what people say of machines: list, read, make, change, remove.
///
/// Errors: a `problem`; nothing of another farm is ever shown or changed.
/// Threads: each call runs on the strand of its connection; values are checked there.
/// Limits: a body as the server takes it (1 MiB), a page of 1,000 rows, 10 s for an answer.
#pragma once

#include "actors/node.hpp"
#include "tools/furrowd/http/router.hpp"

namespace furrow::http {

/// The node and its store outlive the routes' calls.
void add_repository_routes(router& routes, actors::node& node);

} // namespace furrow::http
