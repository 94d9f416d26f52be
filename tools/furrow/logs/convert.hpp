/// `furrow convert`: a log in any format that can/ reads, written in another.
///
/// Shape: the format of the input is found by its content unless it is named; the frames keep their order.
/// Errors: a line that cannot be read and a frame that the other format has no form for are named (the first 20 of
///   each), counted at the end, and left out; the exit code is then 1.
/// Limits: memory for one piece of input and its output, whatever the length of the log.
#pragma once

#include "can/logs/log_format.hpp"

#include <iosfwd>
#include <string>

#include <CLI/App.hpp>

namespace furrow::cli {

struct convert_options {
  can::log_format from = can::log_format::unknown;
  can::log_format to = can::log_format::candump;
  can::trc_version trc = can::trc_version::v2_1;
  std::string input_name = "stdin"; // as messages call it
};

/// The exit code: 0 all was converted, 1 something was not.
[[nodiscard]] int convert_log(const convert_options& options,
                              std::istream& in,
                              std::ostream& out,
                              std::ostream& errors);

/// Registers the subcommand; running it sets the exit code.
void add_convert(CLI::App& app, int& exit_code);

} // namespace furrow::cli
