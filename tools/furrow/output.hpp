/// Standard output: tables, JSON, JSON lines and raw text.
///
/// Shape: columns are as wide as a terminal shows their content. Control characters in names are shown as question marks,
///   so that a machine's name cannot control the terminal. Colours are used only on a terminal, and not with NO_COLOR
///   (no-color.org) or TERM=dumb. A table without rows is announced on standard error.
/// Errors: if the reader closes the pipe, the program ends at once with success. Any other write error is an error.
#pragma once

#include "tools/furrow/client.hpp"
#include "tools/furrow/globals.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::cli {

enum class colour : std::uint8_t { none, bad, good, faint };

struct cell {
  std::string text;
  cli::colour colour = colour::none;
  bool number = false; // aligned to the right
};
[[nodiscard]] cell number_cell(const json& value, cli::colour colour = colour::none);
/// A string or a number as it is, yes or no for true or false, a dash for null.
[[nodiscard]] cell value_cell(const json& value);

struct table {
  std::vector<std::string> headings;
  std::vector<std::vector<cell>> rows;
  std::string nothing = "there is nothing to show"; // said when there are no rows
  std::size_t wide_only = 0;                        // so many columns at the right are for -o wide
};

/// Adds a column at the right that only -o wide shows: a member of the JSON rows, which are in the order of the table.
void add_wide_column(table& shown,
                     const json& rows,
                     const std::string& heading,
                     const char* member);

/// A number with so many significant digits, without trailing zeros and without an exponent (below 1e15).
[[nodiscard]] std::string plain_number(double value, int digits);

/// The same of a JSON number, but a whole number that a double has rounded has all digits.
[[nodiscard]] std::string exact_number(const json& value, int digits);

/// Returns the text with question marks for control characters.
[[nodiscard]] std::string printable(std::string_view text);
[[nodiscard]] bool is_coloured();
[[nodiscard]] std::string rendered(const table& table, bool coloured);

/// Writes a table, as wide as the terminal at most; standard error names the columns that were left out. Nothing is left
/// out of a wide table.
void show_table(const table& table, bool wide = false);

/// Says something beside the answer, on standard error.
void note(std::string_view text);

/// What `write_out` and `note` were told.
struct captured {
  std::string text;
  std::string notes;
};
/// From now on nothing is printed, but kept there; null: printed again.
void capture(captured* into);

/// Writes the text. Returns false once a write has failed, for example because the reader has gone.
[[nodiscard]] bool write_out(std::string_view text);
/// Returns the result of all writes so far.
[[nodiscard]] result<done> written();

/// Says on standard error which nodes of the cluster did not answer, when the list `key` of an answer names some.
void warn_of_missing_nodes(const json& answer, const char* key, std::string_view therefore);

/// Prints the rows unchanged for json (one array) and jsonl (one object per line), as columns for csv, and the table
/// for people.
[[nodiscard]] result<done> print(const json& rows, const table& table, output_format format);

} // namespace furrow::cli
