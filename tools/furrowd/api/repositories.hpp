/// The routes for fields and for equipment records: list, read, create, change, remove.
///
/// Errors: a `problem`; no call shows or changes data of another farm.
/// Threads: each call runs on the strand of its connection; values are checked there.
/// Limits: the body limit of the server (1 MiB), pages of 1,000 rows, 10 s for an answer.
#pragma once

#include "actors/node.hpp"
#include "tools/furrowd/http/router.hpp"

namespace furrow::http {

/// The node and its store must outlive the calls of these routes.
void add_repository_routes(router& routes, actors::node& node);

} // namespace furrow::http
