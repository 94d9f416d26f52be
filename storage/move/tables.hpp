/// The tables that a move from SQLite to PostgreSQL copies, column by column, and those that it omits, with the reason.
/// Reading, writing and comparing use this one description.
///
/// Shape: tables in an order that keeps references whole. A test compares it with both schemas: a column that is
///   neither here nor in `left_out` fails the test.
/// Units: `time_us` is microseconds since 1970 in SQLite, `time_s` seconds; both are timestamptz in PostgreSQL.
/// Threads: constant.
/// Source: storage/migrations/, storage/migrations/sqlite/.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::storage {

/// The type of a column in PostgreSQL; SQLite has integers, reals, texts and blobs.
enum class copy_type : std::uint8_t {
  int2,
  bits16, // smallint: the same 16 bits, signed there, unsigned in SQLite
  int4,
  int8,
  truth, // boolean; 0 or 1
  real4,
  real8,
  text,
  json, // jsonb; text
  bytes,
  uuid,    // 16 bytes
  time_us, // timestamptz
  time_s,
  int2_array, // columns of can_block: raw little-endian numbers
  int4_array,
  int8_array
};

struct copied_column {
  std::string name;
  copy_type type = copy_type::int8;
  /// What PostgreSQL reads to compare, where the two databases differ in the value and not in its meaning.
  std::string read_as = {};
};

struct copied_table {
  std::string name;
  std::vector<copied_column> columns;
  std::string order = {};    // its key: the same order in both databases
  std::string identity = {}; // the column that the database numbers; empty: none
  bool derived = false;      // derived from frames; rows with unstorable times are left out

  [[nodiscard]] bool frames() const { return name == "can_block"; }
  /// "a, b, c", quoted if SQL needs it.
  [[nodiscard]] std::string column_list() const;
  /// The same, as PostgreSQL reads it to compare.
  [[nodiscard]] std::string read_list() const;
  [[nodiscard]] bool has(copy_type type) const;
};

[[nodiscard]] std::span<const copied_table> copied_tables();

struct left_out {
  std::string_view table; // or table.column
  std::string_view why;
};
/// Of PostgreSQL's schema, and of SQLite's.
[[nodiscard]] std::span<const left_out> left_out_tables();

/// Its type in the words of PostgreSQL's format_type.
[[nodiscard]] std::string_view postgres_type(copy_type type);

} // namespace furrow::storage
