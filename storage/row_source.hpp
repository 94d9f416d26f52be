/// A table of somebody else's, one frame a row, read in one order that never changes: by farm, equipment, time, then what
/// tells rows of one time apart.
///
/// Shape: values as text; an identifier that the table keeps as text comes as x and its hex digits, bytes as hex. Text
///   lives until the next row.
/// Errors: misconfigured names the column and what to say; retry_later when the source is away.
/// Threads: blocks its caller; one thread.
/// Limits: PostgreSQL is read through a cursor in one snapshot, `rows_a_fetch` at a time; the source sorts.
/// Source: PostgreSQL DECLARE; SQLite's sorter.
#pragma once

#include "storage/store.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::storage {

inline constexpr int rows_a_fetch = 20'000;

/// What the time column's numbers are; `text`: RFC 3339.
enum class time_unit : std::uint8_t { unsaid, seconds, milliseconds, microseconds, utc, text };

struct row_query {
  std::string table; // NAME or SCHEMA.NAME
  std::string time;
  std::string equipment;
  std::string can_id;
  std::string data;
  std::string farm; // these may be empty: no such column
  std::string bus;
  std::string extended; // true, t, 1: a 29-bit identifier
  std::string order;
  time_unit unit = time_unit::unsaid;
};

using cell_text = std::optional<std::string_view>;
struct source_row {
  cell_text farm, equipment, time, can_id, data, bus, extended;
};

struct source_group {
  std::string farm;
  std::string equipment;
  std::uint64_t rows = 0;
};

class row_source {
public:
  [[nodiscard]] static result<std::unique_ptr<row_source>> open(const store_options& options,
                                                                const row_query& query);
  row_source(const row_source&) = delete;
  row_source& operator=(const row_source&) = delete;
  virtual ~row_source() = default;

  /// The database's name and the table's, without hosts: what tells one import from another.
  [[nodiscard]] virtual std::string identity() const = 0;
  /// In the order of the rows; NULL counts as an empty name.
  [[nodiscard]] virtual result<std::vector<source_group>> groups() = 0;
  /// False: no more rows.
  [[nodiscard]] virtual result<bool> next(source_row& out) = 0;
  /// What `source_row::time` is: microseconds, or what the query says.
  [[nodiscard]] time_unit unit() const { return unit_; }

protected:
  row_source() = default;
  time_unit unit_ = time_unit::microseconds;
};

[[nodiscard]] result<std::unique_ptr<row_source>> open_postgres_rows(const store_options& options,
                                                                     const row_query& query);
[[nodiscard]] result<std::unique_ptr<row_source>> open_sqlite_rows(const store_options& options,
                                                                   const row_query& query);

/// The name in double quotes, each part of SCHEMA.NAME by itself when `parts`.
[[nodiscard]] std::string quoted_name(std::string_view name, bool parts = false);

} // namespace furrow::storage
