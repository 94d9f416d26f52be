/// `furrow dbc check FILE [-o json]`: shows how Furrow reads a DBC file, and what is wrong in it.
///
/// Shape: text for a person, or one JSON object as tools/json/dbc_json.hpp says.
/// Errors: exit code 0, also with warnings: a statement that cannot be read is repaired or skipped. 1 if nothing of the
///   file can be read, which one line `file:line:column: what` on standard error explains. `--strict` lists every
///   problem on standard error and returns 1: also definitions that decode but cannot be right.
#pragma once

#include "can/dbc/file.hpp"

#include <iosfwd>
#include <string>
#include <string_view>

#include <CLI/App.hpp>

namespace furrow::cli {

/// Reads and parses a DBC file; the detail of an error is one line that names the file.
[[nodiscard]] furrow::result<can::dbc_file, can::dbc_errc>
load_dbc(const std::string& path, can::dbc_mode mode, can::dbc_encoding encoding);

/// Prints the first 20 warnings of a file for the program or command of that name, and counts the rest.
void report_warnings(const can::dbc_file& file, std::string_view command, std::ostream& problems);

/// Adds `--encoding auto|utf8|cp1252` to a command that reads DBC files.
void add_encoding(CLI::App& command, can::dbc_encoding& encoding);

/// Prints what was read from a file, as text or as one JSON object.
void print_dbc(std::ostream& out, const can::dbc_file& file, bool as_json);

struct check_options {
  std::string path;
  bool json = false;
  bool strict = false;
  can::dbc_encoding encoding = can::dbc_encoding::detect;
};

/// Runs the command and returns the exit code.
[[nodiscard]] int
check_dbc(const check_options& options, std::ostream& out, std::ostream& problems);

void add_dbc(CLI::App& app, int& exit_code);

} // namespace furrow::cli
