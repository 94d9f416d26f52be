/// The end of a transaction, also of one whose last step takes an exclusive lock; and a commit that is certain.
///
/// Errors, threads: as storage/postgres/work.hpp.
#pragma once

#include "storage/postgres/connection/connection.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace furrow::storage::postgres_work {

[[nodiscard]] task<void> roll_back(pq_connection& db);
/// Commits, or rolls back, and answers why it could not. A session that is in a transaction all the same is closed, which
/// ends the transaction.
[[nodiscard]] task<std::optional<pq_error>> end_transaction(pq_connection& db, bool commits);
/// Commits the work that succeeded, rolls back the work that failed.
template <class T>
task<result<T>> end_with(pq_connection& db, const result<T>& outcome) {
  const auto wrong = co_await end_transaction(db, static_cast<bool>(outcome));
  if (outcome && wrong)
    co_return wrong->as_failure();
  co_return outcome;
}
/// The time that counts as now, in microseconds since 2000.
[[nodiscard]] task<result<std::int64_t>> moment(pq_connection& db,
                                                std::optional<std::int64_t> at_us);
/// A time, in microseconds since 2000, in the SQL of a simple message.
[[nodiscard]] std::string moment_text(std::int64_t us);
/// The result of a transaction whose last step takes an exclusive lock.
enum class locked_end : std::uint8_t { committed, in_use };
/// Sends the last message of a transaction: `statement` and the commit. It waits 100 ms for a lock, so that other
/// sessions do not queue behind it, and retries a few times. in_use: rolled back.
[[nodiscard]] task<result<locked_end>> end_locked(pq_connection& db, const std::string& statement);

/// A statement whose commit must be certain: the server has flushed it, and so have the standbys that it waits for. A
/// warning, such as that of a cancelled wait for a standby, is retry_later.
[[nodiscard]] task<result<pq::answer>>
committed(pq_connection& db, const char* sql, const pq_parameters& parameters);
/// For a caller that has read what another session may have committed without its standbys: after it they have that too.
[[nodiscard]] task<std::optional<failure>> make_certain(pq_connection& db);

} // namespace furrow::storage::postgres_work
