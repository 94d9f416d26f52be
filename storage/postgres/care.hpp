/// The care of a PostgreSQL database: partitions and retention, on a pool of one.
///
/// Errors, threads: as storage/care.hpp and storage/postgres/work.hpp.
#pragma once

#include "storage/care.hpp"
#include "storage/postgres/connection/pool.hpp"

#include <memory>

namespace furrow::storage {

[[nodiscard]] std::shared_ptr<care_lane> make_postgres_care(std::shared_ptr<postgres_pool> lane);

namespace postgres_work {

[[nodiscard]] task<result<partition_outcome>> keep_partitions(pq_connection& db,
                                                              std::optional<std::int64_t> at_us);
[[nodiscard]] task<result<partition_plan>> read_partition_plan(pq_connection& db);
[[nodiscard]] task<result<done>> set_partition_plan(pq_connection& db, partition_plan plan);
[[nodiscard]] task<result<std::vector<retention_rule>>> list_retention(pq_connection& db);
[[nodiscard]] task<result<done>> set_retention(pq_connection& db, const retention_rule& rule);
[[nodiscard]] task<result<done>>
clear_retention(pq_connection& db, const std::string& farm, data_kind kind);
[[nodiscard]] task<result<retention_preview>> preview_retention(pq_connection& db,
                                                                std::optional<std::int64_t> at_us);
[[nodiscard]] task<result<expire_outcome>> expire(pq_connection& db, expire_request request);
[[nodiscard]] task<result<database_statistics>> statistics(pq_connection& db,
                                                           std::uint32_t machines_max);

/// What counts as now, in microseconds since 2000.
[[nodiscard]] task<result<std::int64_t>> moment(pq_connection& db,
                                                std::optional<std::int64_t> at_us);
/// What became of a transaction whose last step takes a lock against everybody.
enum class locked_end : std::uint8_t { committed, in_use };
/// The last message of a transaction: `statement` and the commit. A lock that is not had within
/// 100 ms is let go, so that those who queue behind it wait no longer, and tried again a few times;
/// in_use: rolled back.
[[nodiscard]] task<result<locked_end>> end_locked(pq_connection& db, const std::string& statement);

} // namespace postgres_work

} // namespace furrow::storage
