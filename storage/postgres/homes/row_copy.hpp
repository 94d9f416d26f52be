/// Copies rows from one PostgreSQL database to another, in the transactions that are open on both.
///
/// Shape: COPY in binary format on both sides. Columns go by name, as the source has them.
/// Errors: as pq_session; retry_later also for a deadlock or a lock that another session holds.
/// Threads: one; blocks its caller.
/// Limits: one row at a time in memory.
/// Source: PostgreSQL 15, COPY.
#pragma once

#include "storage/postgres/connection/session.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::storage {

class row_copy {
public:
  row_copy(pq_session& source, pq_session& target) : source_{source}, target_{target} {}

  /// The columns of a table, in order.
  [[nodiscard]] result<std::vector<std::string>> columns(const std::string& table);
  /// Of furrow.TABLE alias t at the source to the same table at the target. Answers the rows.
  [[nodiscard]] result<std::uint64_t> straight(const std::string& table,
                                               const std::string& condition);
  /// What `query` answers at the source, to `table` (with its schema) at the target.
  [[nodiscard]] result<std::uint64_t>
  rows(const std::string& query, const std::string& table, const std::string& columns);
  /// The same rows to a temporary table moved_TABLE, made anew.
  [[nodiscard]] result<std::uint64_t> aside(const std::string& table, const std::string& condition);

private:
  pq_session& source_;
  pq_session& target_;
  std::map<std::string, std::vector<std::string>> known_;
};

/// The failure of a statement; retry_later where another session was in the way.
[[nodiscard]] failure failed(const pq_session& db, const failure& why);
/// "a, t.b", quoted, each with `prefix`.
[[nodiscard]] std::string listed(const std::vector<std::string>& columns,
                                 std::string_view prefix = {});

} // namespace furrow::storage
