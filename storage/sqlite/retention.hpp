/// Records the numbers that retention has deleted from a stream of a SQLite database.
///
/// Errors, threads: as storage/sqlite/work.hpp.
#pragma once

#include "storage/archive/number_ranges.hpp"
#include "storage/retention.hpp"
#include "storage/sqlite/db.hpp"

#include <cstdint>

namespace furrow::storage::sqlite_work {

/// Adds to a stream's expired numbers, in the open transaction; `ranges` is not empty.
void note_expired(sqlite_db& db, std::int32_t stream, number_ranges ranges);

} // namespace furrow::storage::sqlite_work
