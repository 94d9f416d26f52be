/// Standard output: tables, JSON, JSON lines and raw text.
///
/// Shape: a table's columns are as wide as a terminal shows what they hold. Control characters in names are shown as
///   question marks, so that a machine's name cannot steer the terminal. Colours only on a terminal,
///   and not with NO_COLOR (no-color.org) or TERM=dumb.
/// Errors: a reader that has gone away (a closed pipe) ends the program's work quietly and well; any
///   other trouble is an error.
#pragma once

#include "tools/furrow/client.hpp"
#include "tools/furrow/globals.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::cli {

enum class colour : std::uint8_t { none, bad, good, faint };

struct cell {
  std::string text;
  cli::colour colour = colour::none;
  bool number = false; // stands on the right
};
[[nodiscard]] cell number_cell(const json& value, cli::colour colour = colour::none);
/// A string, a number, true or false as yes or no; a dash for null.
[[nodiscard]] cell value_cell(const json& value);

struct table {
  std::vector<std::string> headings;
  std::vector<std::vector<cell>> rows;
};

/// The text with control characters as question marks.
[[nodiscard]] std::string printable(std::string_view text);
[[nodiscard]] bool is_coloured();
[[nodiscard]] std::string rendered(const table& table, bool coloured);

/// Whether the reader is still there; false once a write has failed.
[[nodiscard]] bool write_out(std::string_view text);
/// What became of all writes so far.
[[nodiscard]] result<done> written();

/// The rows as they are for json (one array) and jsonl (an object a line); the table for people.
[[nodiscard]] result<done> print(const json& rows, const table& table, output_format format);

} // namespace furrow::cli
