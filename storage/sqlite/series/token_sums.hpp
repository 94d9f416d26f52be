/// Sums of used tokens in the SQLite store (storage/series/token_sums.hpp).
///
/// Threads: the thread that owns the connection.
/// Limits: reads for 5 s at most; a page of rows in memory.
#pragma once

#include "storage/errc.hpp"
#include "storage/series/token_sums.hpp"
#include "storage/sqlite/db.hpp"

namespace furrow::storage::sqlite_work {

[[nodiscard]] result<token_sums> read_token_sums(sqlite_db& db, const token_sums_wish& wish);

} // namespace furrow::storage::sqlite_work
