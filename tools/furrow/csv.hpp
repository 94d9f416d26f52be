/// Rows as CSV, for spreadsheets and programs.
///
/// Shape: RFC 4180: a header, commas, CRLF at the end of each line, quotes where a cell needs them. The columns are the
///   members of the JSON rows, under their names: `a.b` for a member of a member. A quantity with a unit is its value;
///   a list is JSON; null is an empty cell. An answer that is one object with a list inside is printed as its table.
/// Units: those of the JSON, not those of the table.
/// Threads: pure functions.
#pragma once

#include "tools/furrow/output.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace furrow::cli {

/// The cell as a line holds it: in quotes if it has a comma, a quote or a line end.
[[nodiscard]] std::string csv_cell(std::string_view text);
[[nodiscard]] std::string csv_line(const std::vector<std::string>& cells);

using csv_members = std::vector<std::pair<std::string, std::string>>; // column and cell
[[nodiscard]] csv_members csv_members_of(const json& row);

/// `shown` is the table for people, which is used where the rows have no columns.
[[nodiscard]] std::string csv_of(const json& rows, const table& shown);

} // namespace furrow::cli
