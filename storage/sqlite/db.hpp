/// A SQLite database and its statements as objects, used by the whole SQLite store.
///
/// Errors: a function returns SQLite's extended result code or throws `sqlite_error`. The exception
///   stays inside storage/: `guarded` catches it at the edge of each job.
/// Threads: an object is used by one thread at a time (SQLITE_OPEN_NOMUTEX).
/// Source: sqlite3.h 3.40.
#pragma once

#include "storage/store.hpp"
#include "storage/verdict.hpp"

#include <sqlite3.h>

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace furrow::storage {

/// What an extended result code of SQLite means for a transaction (sqlite3.h).
[[nodiscard]] verdict judge_sqlite(int code);

struct sqlite_error {
  int code = 0; // extended
  std::string detail;

  [[nodiscard]] failure as_failure() const { return {to_errc(judge_sqlite(code)), detail}; }
};

class sqlite_db;

/// Whether the file exists and may be a database. Does not create it.
[[nodiscard]] result<done> check_sqlite_file(const std::string& path);

/// A prepared statement between bind and reset. `step` throws on every result but a row or the end.
class sqlite_statement {
public:
  explicit sqlite_statement(sqlite3_stmt* prepared, sqlite3* db) : prepared_{prepared}, db_{db} {}
  sqlite_statement(const sqlite_statement&) = delete;
  sqlite_statement& operator=(const sqlite_statement&) = delete;
  ~sqlite_statement() {
    sqlite3_reset(prepared_);
    sqlite3_clear_bindings(prepared_);
  }

  /// Parameters in order; text and blobs must live until the statement is done.
  template <class... Values>
  sqlite_statement& with(const Values&... values) {
    (bind(values), ...);
    return *this;
  }
  /// True: a row can be read.
  bool step();
  /// Runs to the end.
  void run() {
    while (step()) {
    }
  }

  [[nodiscard]] std::int64_t integer(int column) const {
    return sqlite3_column_int64(prepared_, column);
  }
  [[nodiscard]] std::uint64_t natural(int column) const {
    return static_cast<std::uint64_t>(integer(column));
  }
  [[nodiscard]] double real(int column) const { return sqlite3_column_double(prepared_, column); }
  [[nodiscard]] int columns() const { return sqlite3_column_count(prepared_); }
  [[nodiscard]] bool null(int column) const {
    return sqlite3_column_type(prepared_, column) == SQLITE_NULL;
  }
  [[nodiscard]] std::string_view bytes(int column) const;
  /// A number as the shortest text that reads back as the same.
  [[nodiscard]] std::string text(int column) const;

private:
  void bind(std::int64_t value) { check(sqlite3_bind_int64(prepared_, ++bound_, value)); }
  void bind(double value) { check(sqlite3_bind_double(prepared_, ++bound_, value)); }
  void bind(std::uint64_t value) { bind(static_cast<std::int64_t>(value)); }
  void bind(std::int32_t value) { bind(std::int64_t{value}); }
  void bind(std::nullptr_t) { check(sqlite3_bind_null(prepared_, ++bound_)); }
  void bind(std::string_view text) {
    check(sqlite3_bind_text64(prepared_, ++bound_, text.data(), text.size(), SQLITE_STATIC,
                              SQLITE_UTF8));
  }
  void bind(const std::string& text) { bind(std::string_view{text}); }
  template <class T>
  void bind(std::span<const T> blob) {
    // A null pointer would be NULL, an empty column is a zero-length blob.
    const void* data = blob.empty() ? static_cast<const void*>("") : blob.data();
    check(sqlite3_bind_blob64(prepared_, ++bound_, data, blob.size_bytes(), SQLITE_STATIC));
  }
  template <class T>
  void bind(const std::optional<T>& value) {
    if (value)
      bind(*value);
    else
      bind(nullptr);
  }
  void check(int code) const;

  sqlite3_stmt* prepared_;
  sqlite3* db_;
  int bound_ = 0;
};

class sqlite_db {
public:
  enum class access : std::uint8_t { write, read };
  [[nodiscard]] static result<std::unique_ptr<sqlite_db>>
  open(const std::string& path, access mode, std::chrono::milliseconds busy_timeout);
  /// A foreign database: opened for reading, with no settings changed.
  [[nodiscard]] static result<std::unique_ptr<sqlite_db>>
  open_foreign(const std::string& path, std::chrono::milliseconds busy_timeout);
  sqlite_db(const sqlite_db&) = delete;
  sqlite_db& operator=(const sqlite_db&) = delete;
  ~sqlite_db();

  /// Prepared once and kept: `sql` must be a literal or live as long as the connection.
  [[nodiscard]] sqlite_statement statement(const char* sql);
  /// One or more statements without parameters or rows.
  void run(const char* sql);
  void run(const std::string& sql) { run(sql.c_str()); }
  [[nodiscard]] int changes() const { return sqlite3_changes(db_); }

private:
  explicit sqlite_db(sqlite3* db) : db_{db} {}

  sqlite3* db_;
  std::list<std::pair<const char*, sqlite3_stmt*>> prepared_; // by address of the literal
};

/// BEGIN IMMEDIATE; rolled back unless committed. `commit` throws what COMMIT fails with.
class sqlite_transaction {
public:
  explicit sqlite_transaction(sqlite_db& db) : db_{db} { db_.run("begin immediate"); }
  sqlite_transaction(const sqlite_transaction&) = delete;
  sqlite_transaction& operator=(const sqlite_transaction&) = delete;
  ~sqlite_transaction();
  void commit();

private:
  sqlite_db& db_;
  bool open_ = true;
};

} // namespace furrow::storage
