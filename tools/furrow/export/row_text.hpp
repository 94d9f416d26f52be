/// Rows as CSV or as JSON lines.
///
/// Shape: CSV as RFC 4180 has it: a header, CR LF, quotes where a cell needs them; absent is an empty cell. JSON lines:
///   one object a row with every column; absent is null. Times are RFC 3339 in UTC with six decimals.
/// Units: a number has the fewest digits that read back as the same number; whole ones below 2^53 have no exponent.
///   Beyond that, whole numbers of signals have all digits.
/// Errors: none; texts must be UTF-8. An infinity is "inf" or "-inf".
/// Threads: a plain value.
#pragma once

#include "tools/parquet/rows.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace furrow::cli {

enum class text_form : std::uint8_t { csv = 0, json = 1 };

class row_text {
public:
  row_text(const std::vector<parquet::column_name>& names, text_form form);

  /// The first line; empty for JSON lines.
  [[nodiscard]] const std::string& header() const { return header_; }
  void append(std::string& out, const parquet::rows& rows);

private:
  void append_cell(std::string& out, const parquet::column& from, std::size_t value);
  void append_time(std::string& out, std::int64_t time_us);

  text_form form_;
  std::string header_;
  std::vector<std::string> before_; // the text before each cell
  std::vector<std::size_t> next_;   // of each column: the number of its next value
  std::int64_t second_ = INT64_MIN; // of the time that was written last
  std::string second_text_;         // `2026-05-01T06:30:00.`
};

} // namespace furrow::cli
