/// Sums of used tokens in the PostgreSQL store (storage/series/token_sums.hpp).
///
/// Threads: the thread of the io_context.
#pragma once

#include "storage/postgres/connection/connection.hpp"
#include "storage/series/token_sums.hpp"

namespace furrow::storage::postgres_work {

[[nodiscard]] task<result<token_sums>> read_token_sums(pq_connection& db, token_sums_wish wish);

} // namespace furrow::storage::postgres_work
