/// Migrations up to a step, as both databases make them; without a wish all steps (postgres_work.hpp, sqlite_work.hpp).
///
/// Errors: misconfigured for a database whose steps do not suit this program.
/// Threads: as the connection.
#pragma once

#include "storage/maintenance.hpp"
#include "storage/pq_connection.hpp"

#include <vector>

namespace furrow::storage {
class sqlite_db;
} // namespace furrow::storage

namespace furrow::storage::postgres_work {
[[nodiscard]] task<result<std::vector<migration_row>>> migrate_to(pq_connection& db,
                                                                  migration_wish wish);
/// Connects, then migrates, or with `rehearse` looks; the answer is in `out`, which outlives it.
[[nodiscard]] task<void> ask_migrations(pq_connection& db,
                                        migration_wish wish,
                                        bool rehearse,
                                        result<std::vector<migration_row>>& out);
} // namespace furrow::storage::postgres_work

namespace furrow::storage::sqlite_work {
[[nodiscard]] result<std::vector<migration_row>> migrate_to(sqlite_db& db, migration_wish wish);
} // namespace furrow::storage::sqlite_work
