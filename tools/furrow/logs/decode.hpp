/// `furrow decode [LOG...] --dbc FILE [--dbc FILE] [--catalogue]`: decodes the messages of logs with DBC files.
///
/// Shape: reads any log format, packed or not, needs no node; without a LOG it reads standard input. Frames are assembled to messages first (transport protocols and fast
///   packets). The text looks like that of cantools; JSON is one object per line:
///     {"line","time","bus","pgn","can_id","source","destination","message",
///      "signals":{"Name":{"spn","raw","value","unit","label","state"}}}
///   with "faults":[{"spn","fmi","text","occurrences","conversion_method"}] after the signals of a DM1 or DM2, which name
///   only its first fault; and with `--messages` each J1939 message as bytes, whether a DBC file knows it or not:
///     {"line","pgn","source","destination","transport","data"}
///   `line` is that of the last frame. If several files know a message, the first one is used; the catalogue comes
///   last. Frames that no file knows are skipped.
/// Units: seconds since 1970, as the options for times say; values in the unit of the signal. A whole number has all its digits, up to 64
///   bits.
/// Errors: exit code 0; 1 if a DBC file cannot be loaded, if nothing or more than 1 % of the lines could not be read, if
///   the input cannot be read to its end, or if the output cannot be written; 2 for invalid options. Lines that cannot
///   be read are counted on standard error, the first one with line and column.
#pragma once

#include "can/dbc/file.hpp"
#include "tools/logs/log_clock.hpp"

#include <iosfwd>
#include <string>
#include <vector>

#include <CLI/App.hpp>

namespace furrow::cli {

struct decode_options {
  std::vector<std::string> dbc{}; // paths
  bool catalogue = false;         // the catalogue that Furrow ships
  bool json = false;
  bool signals = true;
  bool messages = false;
  can::dbc_encoding encoding = can::dbc_encoding::detect; // of the DBC files
  std::vector<std::string> logs{};                        // paths; "-" or none: standard input
  std::vector<std::string> wanted_messages{};             // names; none: all
  std::vector<std::string> wanted_signals{};              // SIGNAL or MESSAGE.SIGNAL; none: all
  logs::log_times times{};                                // `warn` is not used
};

/// Runs the command and returns the exit code.
[[nodiscard]] int decode_log(const decode_options& options,
                             std::istream& in,
                             std::ostream& out,
                             std::ostream& problems);

/// The same for each log of the options, one after the other.
[[nodiscard]] int decode_logs(const decode_options& options,
                              std::istream& standard_input,
                              std::ostream& out,
                              std::ostream& problems);

void add_decode(CLI::App& app, int& exit_code);

} // namespace furrow::cli
