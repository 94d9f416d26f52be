/// The areas of the PostgreSQL store, each implemented in the file of its name.
///
/// Shape: `queries` serves reads; `lane` or `inserts` is the area's own connection.
/// Threads: the pools'.
#pragma once

#include "storage/store.hpp"

#include <memory>

namespace furrow::storage {
class audit_store;
class identity_store;
class postgres_pool;
class query_pool;
} // namespace furrow::storage

namespace furrow::storage::postgres_work {

[[nodiscard]] std::unique_ptr<frame_store> make_frames(std::shared_ptr<query_pool> queries);
[[nodiscard]] std::unique_ptr<record_store>
make_records(std::shared_ptr<query_pool> queries, const std::shared_ptr<postgres_pool>& inserts);
[[nodiscard]] std::unique_ptr<quarantine_store>
make_quarantine(std::shared_ptr<query_pool> queries, std::shared_ptr<postgres_pool> inserts);
[[nodiscard]] std::unique_ptr<history_store> make_history(std::shared_ptr<query_pool> queries);
[[nodiscard]] std::unique_ptr<digest_store> make_digest(std::shared_ptr<postgres_pool> lane);
[[nodiscard]] std::unique_ptr<repositories> make_repositories(std::shared_ptr<query_pool> pool);
[[nodiscard]] std::unique_ptr<retention_store> make_retention(std::shared_ptr<postgres_pool> lane);
[[nodiscard]] std::unique_ptr<removal_store> make_removals(std::shared_ptr<postgres_pool> lane);
[[nodiscard]] std::unique_ptr<dbc_store> make_dbc(std::shared_ptr<postgres_pool> lane);
[[nodiscard]] std::unique_ptr<partition_store> make_partitions(std::shared_ptr<postgres_pool> lane);
[[nodiscard]] std::unique_ptr<size_store> make_sizes(std::shared_ptr<postgres_pool> lane);
/// `lane` renews the lease and does nothing else.
[[nodiscard]] std::unique_ptr<membership_store> make_membership(std::shared_ptr<postgres_pool> lane,
                                                                std::shared_ptr<query_pool> people);
/// `watch` is never busy for long: nodes ask over it every few seconds. Also of make_directory.
[[nodiscard]] std::unique_ptr<identity_store> make_identities(std::shared_ptr<postgres_pool> watch,
                                                              std::shared_ptr<query_pool> people);
[[nodiscard]] std::unique_ptr<audit_store> make_audit(std::shared_ptr<query_pool> people);
[[nodiscard]] std::unique_ptr<directory_store> make_directory(std::shared_ptr<postgres_pool> watch,
                                                              std::shared_ptr<query_pool> people);
[[nodiscard]] std::unique_ptr<forward_store> make_forward(std::shared_ptr<query_pool> queries);
[[nodiscard]] std::unique_ptr<seal_store> make_sealing(std::shared_ptr<postgres_pool> lane);

} // namespace furrow::storage::postgres_work
