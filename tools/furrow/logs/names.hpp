/// `furrow names < any.log`: the ECUs of a log, by their NAMEs, and which address each had when.
///
/// Shape: reads any log format, needs no node. Output: a table, a row for each time that an ECU had
///   an address; or JSON, an object for each ECU with all fields of its NAME and its addresses.
///   `--unnamed` adds the addresses that were heard and never claimed; in JSON their `name` is
///   null.
/// Units: seconds, as the log counts them; the table shows UTC where they are dates.
/// Errors: exit code 0; 1 when no line of the input could be read or the output cannot be written;
///   2 for wrong options. Lines that cannot be read are counted on standard error, the first with
///   line and column.
#pragma once

#include <iosfwd>

namespace CLI { // NOLINT(readability-identifier-naming): CLI11's
class App;
}

namespace furrow::cli {

struct names_options {
  bool json = false;
  bool unnamed = false;
};

/// The command itself; gives the exit code.
[[nodiscard]] int
print_names(std::istream& in, std::ostream& out, std::ostream& problems, names_options options);

void add_names(CLI::App& app, int& exit_code);

} // namespace furrow::cli
