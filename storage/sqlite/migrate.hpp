/// Migrates a SQLite database up to a step, or to the newest step.
///
/// Errors: misconfigured for a database whose steps do not fit this program.
/// Threads: as the connection.
#pragma once

#include "storage/maintenance.hpp"
#include "storage/store.hpp"

#include <vector>

namespace furrow::storage {
class sqlite_db;
} // namespace furrow::storage

namespace furrow::storage::sqlite_work {

[[nodiscard]] result<std::vector<migration_row>> migrate(sqlite_db& db);
[[nodiscard]] result<std::vector<migration_row>> migration_status(sqlite_db& db);
[[nodiscard]] result<std::vector<migration_row>> migrate_to(sqlite_db& db, migration_wish wish);

} // namespace furrow::storage::sqlite_work
