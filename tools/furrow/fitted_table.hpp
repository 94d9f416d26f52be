/// Makes a table as narrow as the terminal: a line that the terminal breaks cannot be read.
///
/// Shape: first the times lose their fractions of a second, then the widest texts are shortened (an ellipsis shows it),
///   then columns at the right are left out. The first column stays.
/// Units: columns of a terminal.
/// Threads: pure functions, except `terminal_columns`.
#pragma once

#include "tools/furrow/output.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace furrow::cli {

struct fitted_table {
  cli::table table;
  std::vector<std::string> left_out; // headings
};

[[nodiscard]] fitted_table fitted(table whole, std::size_t columns);

/// The width of the terminal on standard output, from the terminal or from COLUMNS; 0 if it is unknown, or if standard
/// output is not a terminal.
[[nodiscard]] std::size_t terminal_columns();
/// The lines of the terminal on standard output; 0 if they are unknown.
[[nodiscard]] std::size_t terminal_rows();

} // namespace furrow::cli
