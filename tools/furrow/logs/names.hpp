/// `furrow names < any.log`: lists the ECUs of a log by their NAMEs, and the addresses that each had over time.
///
/// Shape: reads any log format, packed or not, needs no node. Output: a table with one row for each time that an ECU had an address;
///   or JSON with one object per ECU, which holds all fields of its NAME and its addresses. `--unnamed` adds the
///   addresses that sent frames and were never claimed; in JSON their `name` is null.
/// Units: seconds since 1970, as the options for times say; the table shows UTC if they are dates.
/// Errors: exit code 0; 1 if the input has no frame, if more than 1 % of its lines could not be read, if it cannot be
///   read to its end, or if the output cannot be written; 2 for invalid options. Lines that cannot be read are counted on standard error, the first one with line and column.
#pragma once

#include "tools/logs/log_clock.hpp"

#include <iosfwd>

namespace CLI { // NOLINT(readability-identifier-naming): CLI11's
class App;
}

namespace furrow::cli {

struct names_options {
  bool json = false;
  bool unnamed = false;
  logs::log_times times{}; // `warn` is not used
};

/// Runs the command and returns the exit code.
[[nodiscard]] int
print_names(std::istream& in, std::ostream& out, std::ostream& problems, names_options options);

void add_names(CLI::App& app, int& exit_code);

} // namespace furrow::cli
