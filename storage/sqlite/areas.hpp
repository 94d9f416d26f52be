/// The areas of the SQLite store, each implemented in the file of its name. SQLite has no partitions and no second tier
/// to seal into.
///
/// Shape: reads use the reading connection, changes the writing connection.
/// Threads: those of the connections.
#pragma once

#include "storage/sqlite/connection.hpp"
#include "storage/store.hpp"

#include <memory>

namespace furrow::storage {
class audit_store;
class identity_store;
} // namespace furrow::storage

namespace furrow::storage::sqlite_work {

[[nodiscard]] std::unique_ptr<frame_store> make_frames(sqlite_connections db);
[[nodiscard]] std::unique_ptr<record_store> make_records(const sqlite_connections& db);
[[nodiscard]] std::unique_ptr<quarantine_store> make_quarantine(sqlite_connections db);
[[nodiscard]] std::unique_ptr<history_store> make_history(sqlite_connections db);
[[nodiscard]] std::unique_ptr<digest_store> make_digest(sqlite_connections db);
[[nodiscard]] std::unique_ptr<repositories> make_repositories(sqlite_connections db);
[[nodiscard]] std::unique_ptr<retention_store> make_retention(sqlite_connections db);
[[nodiscard]] std::unique_ptr<removal_store> make_removals(sqlite_connections db);
[[nodiscard]] std::unique_ptr<dbc_store> make_dbc(sqlite_connections db);
[[nodiscard]] std::unique_ptr<size_store> make_sizes(sqlite_connections db);
[[nodiscard]] std::unique_ptr<identity_store> make_identities(sqlite_connections db);
[[nodiscard]] std::unique_ptr<audit_store> make_audit(sqlite_connections db);
[[nodiscard]] std::unique_ptr<forward_store> make_forward(sqlite_connections db);

} // namespace furrow::storage::sqlite_work
