/// `furrow decode --dbc FILE... [--catalogue] < any.log`: what the messages of a log say, by DBC
/// files.
///
/// Shape: reads any log format, needs no node. Frames are put together to messages first (transport
///   protocols and fast packets). Text reads like cantools; JSON is one object a line:
///     {"line","time","bus","pgn","can_id","source","destination","message",
///      "signals":{"Name":{"spn","raw","value","unit","label","state"}}}
///   and with `--messages` each message of J1939 as bytes, known to a DBC file or not:
///     {"line","pgn","source","destination","transport","data"}
///   `line` is that of the last frame. Of files that know the same message the first counts, the
///   catalogue last. Frames that no file knows are passed over.
/// Units: seconds, as the log counts them; values in the unit of the signal.
/// Errors: exit code 0; 1 when a DBC file cannot be loaded, when the input holds lines but no
///   frame, or when the output cannot be written; 2 for wrong options. Lines that cannot be read
///   are counted on standard error, the first with line and column.
#pragma once

#include "can/dbc/file.hpp"

#include <iosfwd>
#include <string>
#include <vector>

#include <CLI/App.hpp>

namespace furrow::cli {

struct decode_options {
  std::vector<std::string> dbc{}; // paths
  bool catalogue = false;         // the one that Furrow ships
  bool json = false;
  bool signals = true;
  bool messages = false;
  can::dbc_encoding encoding = can::dbc_encoding::detect; // of the DBC files
};

/// The command itself; gives the exit code.
[[nodiscard]] int decode_log(const decode_options& options,
                             std::istream& in,
                             std::ostream& out,
                             std::ostream& problems);

void add_decode(CLI::App& app, int& exit_code);

} // namespace furrow::cli
