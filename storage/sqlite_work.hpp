/// What the SQLite store does with a connection, each as one plain function.
///
/// Errors: sqlite_error is thrown out of all but `append` and caught by the store at the edge of
///   the job.
/// Threads: the thread that owns the connection.
#pragma once

#include "storage/sqlite_db.hpp"
#include "storage/store.hpp"

#include <memory>
#include <string>
#include <vector>

namespace furrow::storage::sqlite_work {

[[nodiscard]] result<std::vector<claim_outcome>> claim(sqlite_db& db,
                                                       const std::vector<claim_request>& requests);
[[nodiscard]] result<append_outcome> append(sqlite_db& db,
                                            const std::shared_ptr<const append_batch>& batch);

[[nodiscard]] result<frames_page>
read_frames(sqlite_db& db, const frames_query& query, const frames_cursor& cursor);
[[nodiscard]] result<std::vector<ledger_row>>
read_ledger(sqlite_db& db, const std::string& farm, const std::string& equipment);
[[nodiscard]] result<std::vector<equipment_row>> list_equipment(sqlite_db& db,
                                                                const std::string& farm);

[[nodiscard]] result<std::vector<migration_row>> migrate(sqlite_db& db);
[[nodiscard]] result<std::vector<migration_row>> migration_status(sqlite_db& db);
[[nodiscard]] store_health health(sqlite_db& db);

} // namespace furrow::storage::sqlite_work
