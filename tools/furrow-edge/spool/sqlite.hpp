/// SQLite with owned handles. Its error codes are mapped to what a spool should do.
///
/// Errors: full (disk, quota, file size, page limit), damaged, locked, missing, io; the detail holds SQLite's message.
/// Threads: a database and its statements belong to one thread at a time.
#pragma once

#include "tools/furrow-edge/spool/errc.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace furrow::edge {

class sqlite_statement {
public:
  sqlite_statement() = default;

  sqlite_statement& bind(int at, std::int64_t value);
  sqlite_statement& bind(int at, std::uint64_t value) { // as the same 64 bits
    return bind(at, static_cast<std::int64_t>(value));
  }
  sqlite_statement& bind(int at, std::string_view text);
  sqlite_statement& bind_blob(int at, std::span<const std::uint8_t> bytes);
  sqlite_statement& bind_blob(int at, std::string_view bytes);

  /// Returns true for a row; false when done, and the statement can be used again.
  [[nodiscard]] result<bool> step();
  /// Steps to the end.
  [[nodiscard]] result<done> run();
  void reset();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::uint64_t bits(int column) const {
    return static_cast<std::uint64_t>(integer(column));
  }
  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::string text(int column) const; // or the bytes of a blob

private:
  friend class sqlite_database;
  struct finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, finalize> handle_;
};

class sqlite_database {
public:
  enum class mode : std::uint8_t { read, write, create };
  [[nodiscard]] static result<sqlite_database> open(const std::string& path, mode how);

  /// Runs statements that return no rows.
  [[nodiscard]] result<done> execute(const char* sql);
  [[nodiscard]] result<sqlite_statement> prepare(const char* sql);
  /// Returns the first column of the first row, or nothing.
  [[nodiscard]] result<std::optional<std::int64_t>> number(const char* sql);

private:
  struct close {
    void operator()(sqlite3* database) const;
  };
  std::unique_ptr<sqlite3, close> handle_;
};

/// A transaction that is rolled back unless it is committed.
class sqlite_transaction {
public:
  [[nodiscard]] static result<sqlite_transaction> begin(sqlite_database& database);
  sqlite_transaction(sqlite_transaction&& other) noexcept;
  sqlite_transaction& operator=(sqlite_transaction&&) = delete;
  ~sqlite_transaction();
  [[nodiscard]] result<done> commit();

private:
  explicit sqlite_transaction(sqlite_database* database) : database_{database} {}
  sqlite_database* database_;
};

} // namespace furrow::edge
