/// Maintenance transactions whose last step takes an exclusive lock.
///
/// Errors, threads: as storage/postgres/work.hpp.
#pragma once

#include "storage/postgres/connection/connection.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace furrow::storage::postgres_work {

[[nodiscard]] task<void> roll_back(pq_connection& db);
/// The time that counts as now, in microseconds since 2000.
[[nodiscard]] task<result<std::int64_t>> moment(pq_connection& db,
                                                std::optional<std::int64_t> at_us);
/// The result of a transaction whose last step takes an exclusive lock.
enum class locked_end : std::uint8_t { committed, in_use };
/// Sends the last message of a transaction: `statement` and the commit. It waits 100 ms for a lock, so that other
/// sessions do not queue behind it, and retries a few times. in_use: rolled back.
[[nodiscard]] task<result<locked_end>> end_locked(pq_connection& db, const std::string& statement);

} // namespace furrow::storage::postgres_work
