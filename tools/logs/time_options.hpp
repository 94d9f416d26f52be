/// `--start` and `--time-zone`, the options of every command that reads a log.
///
/// Errors: `usage` if a value is invalid; the detail names the option.
/// Threads: as log_clock.hpp.
#pragma once

#include "tools/logs/errc.hpp"
#include "tools/logs/log_clock.hpp"

#include <string>

namespace CLI { // NOLINT(readability-identifier-naming): CLI11's
class App;
}

namespace furrow::logs {

/// The options as typed.
struct time_options {
  std::string start;
  std::string zone;
};

void add_time_options(CLI::App& command, time_options& to);
[[nodiscard]] result<log_times> times_of(const time_options& typed);

} // namespace furrow::logs
