/// `furrow convert`: reads a log in any format that can/ reads, and writes it in another format.
///
/// Shape: the format of the input is detected from its content unless it is given; frames keep their order.
///   It may be packed (tools/logs/packed_input.hpp). Times of the output are UTC.
/// Errors: a line that cannot be read, and a frame that the other format cannot hold, are reported (the first 20 of
///   each), counted at the end, and left out. The exit code is 1 if nothing or more than 1 % of the lines could not be
///   read, or if a frame was left out.
/// Limits: memory for one piece of input and its output, for a log of any length.
#pragma once

#include "can/logs/log_format.hpp"
#include "tools/logs/log_clock.hpp"

#include <iosfwd>
#include <string>

#include <CLI/App.hpp>

namespace furrow::cli {

struct convert_options {
  can::log_format from = can::log_format::unknown;
  can::log_format to = can::log_format::candump;
  can::trc_version trc = can::trc_version::v2_1;
  std::string input_name = "stdin"; // its name in messages
  logs::log_times times{};          // `warn` is not used
};

/// Returns the exit code.
[[nodiscard]] int convert_log(const convert_options& options,
                              std::istream& in,
                              std::ostream& out,
                              std::ostream& errors);

/// Registers the subcommand, which sets the exit code when it runs.
void add_convert(CLI::App& app, int& exit_code);

} // namespace furrow::cli
