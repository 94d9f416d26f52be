/// The care of a SQLite database: retention, in small transactions of the writing connection.
///
/// Errors, threads: as storage/sqlite/work.hpp.
#pragma once

#include "storage/archive/number_ranges.hpp"
#include "storage/care.hpp"
#include "storage/sqlite/db.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace furrow::storage::sqlite_work {

/// Adds to what is expired of a stream, in the transaction that is open; not empty.
void note_expired(sqlite_db& db, std::int32_t stream, number_ranges ranges);

/// One transaction of retention; `more` when its limit was met.
[[nodiscard]] expire_outcome expire_step(sqlite_db& db, std::optional<std::int64_t> at_us);
[[nodiscard]] result<std::vector<retention_rule>> list_retention(sqlite_db& db);
[[nodiscard]] result<done> set_retention(sqlite_db& db, const retention_rule& rule);
[[nodiscard]] result<done> clear_retention(sqlite_db& db, const std::string& farm, data_kind kind);
[[nodiscard]] result<retention_preview> preview_retention(sqlite_db& db,
                                                          std::optional<std::int64_t> at_us);
[[nodiscard]] result<database_statistics> statistics(sqlite_db& db, std::uint32_t machines_max);

} // namespace furrow::storage::sqlite_work
