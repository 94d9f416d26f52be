/// Migrates a PostgreSQL database up to a step, or to the newest step.
///
/// Errors: misconfigured for a database whose steps do not fit this program.
/// Threads: as the connection.
#pragma once

#include "storage/maintenance.hpp"
#include "storage/postgres/connection/connection.hpp"
#include "storage/store.hpp"

#include <vector>

namespace furrow::storage::postgres_work {

[[nodiscard]] task<result<std::vector<migration_row>>> migrate(pq_connection& db);
[[nodiscard]] task<result<std::vector<migration_row>>> migration_status(pq_connection& db);
[[nodiscard]] task<result<std::vector<migration_row>>> migrate_to(pq_connection& db,
                                                                  migration_wish wish);
/// Connects, then migrates, or with `rehearse` only compares. The answer is in `out`, which
/// outlives the task.
[[nodiscard]] task<void> ask_migrations(pq_connection& db,
                                        migration_wish wish,
                                        bool rehearse,
                                        result<std::vector<migration_row>>& out);

} // namespace furrow::storage::postgres_work
