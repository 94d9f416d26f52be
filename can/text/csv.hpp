/// Text as a cell of CSV.
///
/// Errors: none.
/// Source: RFC 4180.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace furrow::can::text {

/// Appends the cell, in quotes if it has a comma, a quote or a line end.
inline void append_csv_cell(std::string& out, std::string_view text) {
  // Most texts are short: a loop is faster than find_first_of, which calls memchr for each character.
  const auto needs_quotes = [](char c) { return c == ',' || c == '"' || c == '\r' || c == '\n'; };
  if (std::none_of(text.begin(), text.end(), needs_quotes)) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"')
      out += '"';
    out += c;
  }
  out += '"';
}

} // namespace furrow::can::text
