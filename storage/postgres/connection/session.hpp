/// A blocking connection to PostgreSQL, for command lines that work on a whole database.
///
/// Shape: results are in text format. The search path is pg_catalog, as in migrations.
/// Errors: retry_later when the server cannot be reached or closes the connection; otherwise misconfigured with the
///   server's message.
/// Threads: one at a time.
/// Source: libpq 34.1, 34.3 (PQexecParams).
#pragma once

#include "storage/postgres/connection/pq.hpp"
#include "storage/store.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::storage {

class pq_session {
public:
  /// `statement_timeout` 0: none.
  [[nodiscard]] static result<pq_session>
  open(const store_options& options,
       const std::string& lane,
       std::chrono::milliseconds statement_timeout = std::chrono::milliseconds{0});

  [[nodiscard]] result<pq::answer> ask(const std::string& sql,
                                       const std::vector<std::string>& parameters = {});
  /// One statement without parameters; results in binary format, as pq_rows reads them.
  [[nodiscard]] result<pq::answer> ask_binary(const std::string& sql);
  /// The first column of the first row; empty without a row.
  [[nodiscard]] result<std::string> value(const std::string& sql,
                                          const std::vector<std::string>& parameters = {});
  /// COPY ... FROM STDIN: begin, then put, then end.
  [[nodiscard]] result<done> begin_copy(const std::string& sql);
  [[nodiscard]] result<done> put(std::string_view bytes);
  [[nodiscard]] result<done> end_copy();
  /// COPY ... TO STDOUT after begin_copy: the next data, a row or less. False: the end.
  [[nodiscard]] result<bool> next_copied(std::string& out);

  [[nodiscard]] int server_version() const { return PQserverVersion(connection_.get()); }
  /// As the server, or a pooler in between, told it at the start.
  [[nodiscard]] int backend_pid() const { return PQbackendPID(connection_.get()); }
  [[nodiscard]] std::string identifier(const std::string& name);
  /// The SQLSTATE of the last statement that failed in `ask`; empty: the server said none.
  [[nodiscard]] const std::string& state() const { return state_; }

private:
  explicit pq_session(pq::connection connection) : connection_{std::move(connection)} {}
  [[nodiscard]] failure words() const;

  pq::connection connection_;
  std::string state_;
};

/// A cell as text; empty for NULL.
[[nodiscard]] inline std::string cell(const pq::answer& rows, int row, int column) {
  return {PQgetvalue(rows.get(), row, column),
          static_cast<std::size_t>(PQgetlength(rows.get(), row, column))};
}

} // namespace furrow::storage
