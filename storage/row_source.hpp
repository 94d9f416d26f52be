/// Reads a foreign table, one frame per row, in a fixed order: farm, equipment, time, then the columns that tell rows
/// of one time apart.
///
/// Shape: values as text. An identifier that the table keeps as text comes as x and its hex digits; bytes come as hex.
///   A text is valid until the next row.
/// Errors: misconfigured names the column and the option to set; retry_later when the source is away.
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

/// The unit of the time column; `text`: RFC 3339.
enum class time_unit : std::uint8_t { unsaid, seconds, milliseconds, microseconds, utc, text };

struct row_query {
  std::string table; // NAME or SCHEMA.NAME
  std::string time;
  std::string equipment;
  std::string can_id;
  std::string data;
  std::string farm; // the farm and the columns below may be empty: no such column
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

  /// The names of database and table, without hosts: they identify an import.
  [[nodiscard]] virtual std::string identity() const = 0;
  /// In the order of the rows; NULL counts as an empty name.
  [[nodiscard]] virtual result<std::vector<source_group>> groups() = 0;
  /// False: no more rows.
  [[nodiscard]] virtual result<bool> next(source_row& out) = 0;
  /// The unit of `source_row::time`: microseconds, or the unit of the query.
  [[nodiscard]] time_unit unit() const { return unit_; }

protected:
  row_source() = default;
  time_unit unit_ = time_unit::microseconds;
};

[[nodiscard]] result<std::unique_ptr<row_source>> open_postgres_rows(const store_options& options,
                                                                     const row_query& query);
[[nodiscard]] result<std::unique_ptr<row_source>> open_sqlite_rows(const store_options& options,
                                                                   const row_query& query);

/// The name in double quotes; with `parts`, SCHEMA and NAME are quoted separately.
[[nodiscard]] std::string quoted_name(std::string_view name, bool parts = false);

} // namespace furrow::storage
