#include "tools/furrow/output.hpp"

#include "can/whole_number.hpp"
#include "storage/farm/json_check.hpp"
#include "tools/furrow/csv.hpp"
#include "tools/furrow/fitted_table.hpp"
#include "tools/furrow/logs/columns.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

int write_error = 0;             // errno of the write that failed
captured* captured_in = nullptr; // instead of printing

const char* escape(colour colour) {
  switch (colour) {
  case colour::none:
    return "";
  case colour::bad:
    return "\x1b[31m";
  case colour::good:
    return "\x1b[32m";
  case colour::faint:
    return "\x1b[2m";
  }
  return "";
}

void append_cell(std::string& line, const cell& cell, std::size_t wide, bool coloured) {
  const auto text = printable(cell.text);
  const std::string padding(wide - std::min(wide, columns_of(text)), ' ');
  if (cell.number)
    line += padding;
  const bool painted = coloured && cell.colour != colour::none;
  line += painted ? escape(cell.colour) + text + "\x1b[0m" : text;
  if (!cell.number)
    line += padding;
}

table without_wide_columns(const table& whole) {
  auto shown = whole;
  const auto columns = shown.headings.size() - std::min(shown.wide_only, shown.headings.size());
  shown.headings.resize(columns);
  for (auto& row : shown.rows)
    row.resize(std::min(row.size(), columns));
  return shown;
}

/// On a terminal: line ends are kept, other control characters are not.
std::string printable_lines(const std::string& text) {
  std::string shown;
  for (const char c : text)
    if (c != '\r')
      shown += c == '\n' ? std::string{c} : printable(std::string_view{&c, 1});
  return shown;
}

} // namespace

std::string printable(std::string_view text) {
  std::string shown{text};
  for (auto& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      c = '?';
  return shown;
}

cell number_cell(const json& value, cli::colour colour) {
  auto made = value_cell(value);
  made.number = true;
  made.colour = colour;
  return made;
}

cell value_cell(const json& value) {
  if (value.is_null())
    return {"-", colour::faint, false};
  if (value.is_boolean())
    return {value.get<bool>() ? "yes" : "no", colour::none, false};
  if (value.is_string() && !storage::is_shielded(value.get_ref<const std::string&>()))
    return {value.get<std::string>(), colour::none, false};
  if (value.is_string())
    return {storage::unshield_numbers(value.dump()), colour::none, true};
  return {value.dump(), colour::none, value.is_number()};
}

void add_wide_column(table& shown,
                     const json& rows,
                     const std::string& heading,
                     const char* member) {
  shown.headings.push_back(heading);
  ++shown.wide_only;
  for (std::size_t i = 0; i < std::min(rows.size(), shown.rows.size()); ++i) {
    const auto value = rows[i].value(member, json(nullptr)); // nodes of older versions send less
    shown.rows[i].push_back(value.is_number() ? number_cell(value) : value_cell(value));
  }
}

std::string plain_number(double value, int digits) {
  const auto size = std::abs(value);
  if (!std::isfinite(value) || size >= 1e15 || (size > 0 && size < 1e-6))
    return fmt::format("{:.{}g}", value, digits);
  const int whole = size == 0 ? 1 : static_cast<int>(std::floor(std::log10(size))) + 1;
  const int decimals = std::max(0, digits - whole);
  auto text = fmt::format("{:.{}f}", value, decimals);
  if (decimals > 0) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.'))
      text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

std::string exact_number(const json& value, int digits) {
  const auto number = value.get<double>();
  return value.is_number_integer() && std::abs(number) >= can::whole_double_max
           ? value.dump()
           : plain_number(number, digits);
}

void show_table(const table& whole, bool wide) {
  if (whole.rows.empty()) {
    note(whole.nothing);
    return;
  }
  if (wide) {
    (void)write_out(rendered(whole, is_coloured()));
    return;
  }
  auto usual = without_wide_columns(whole);
  const auto columns = terminal_columns();
  if (columns == 0) {
    (void)write_out(rendered(usual, is_coloured()));
    return;
  }
  const auto narrow = fitted(std::move(usual), columns);
  (void)write_out(rendered(narrow.table, is_coloured()));
  std::string names;
  for (const auto& name : narrow.left_out)
    names += (names.empty() ? "" : ", ") + name;
  if (!names.empty())
    note(fmt::format("the terminal is too narrow for: {} (-o wide shows everything)", names));
}

bool is_coloured() {
  const char* wish = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && (wish == nullptr || *wish == '\0')
         && (terminal == nullptr || std::string_view{terminal} != "dumb");
}

std::string rendered(const table& table, bool coloured) {
  if (table.headings.empty())
    return {}; // rows that name their columns themselves, and there are none
  std::vector<std::size_t> widths;
  for (const auto& heading : table.headings)
    widths.push_back(columns_of(heading));
  for (const auto& row : table.rows)
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], columns_of(row[i].text));
  std::string text;
  const auto append_row = [&](const std::vector<cell>& row) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += i == 0 ? "" : "  ";
      append_cell(line, row[i], widths[i], coloured);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  std::vector<cell> headings;
  for (std::size_t i = 0; i < table.headings.size(); ++i)
    headings.push_back(
      {table.headings[i], colour::faint, !table.rows.empty() && table.rows.front()[i].number});
  append_row(headings);
  for (const auto& row : table.rows)
    append_row(row);
  return text;
}

void note(std::string_view text) {
  if (captured_in != nullptr)
    captured_in->notes += fmt::format("furrow: {}\n", text);
  else
    fmt::print(stderr, "furrow: {}\n", text);
}

void capture(captured* into) {
  captured_in = into;
}

bool write_out(std::string_view text) {
  if (captured_in != nullptr) {
    captured_in->text += text;
    return true;
  }
  while (!text.empty() && write_error == 0) {
    const auto count = ::write(STDOUT_FILENO, text.data(), text.size());
    if (count >= 0)
      text.remove_prefix(static_cast<std::size_t>(count));
    else if (errno != EINTR)
      write_error = errno;
  }
  return write_error == 0;
}

result<done> written() {
  if (write_error == 0 || write_error == EPIPE)
    return done{};
  return failure{errc::failed,
                 fmt::format("cannot write to standard output: {} (what came is not all)",
                             std::strerror(write_error))};
}

result<done> print(const json& rows, const table& table, output_format format) {
  const auto one_line = [](const json& value) {
    return storage::unshield_numbers(value.dump(-1, ' ', false, json::error_handler_t::replace))
           + "\n";
  };
  const bool wide = format == output_format::wide;
  if (wide || format == output_format::table) {
    show_table(table, wide);
  } else if (format == output_format::csv) {
    const auto text = csv_of(rows, table);
    if (rows.is_array() && rows.empty())
      note(table.nothing);
    (void)write_out(::isatty(STDOUT_FILENO) == 1 ? printable_lines(text) : text);
  } else if (format == output_format::jsonl && rows.is_array()) {
    std::string text;
    for (const auto& row : rows)
      text += one_line(row);
    (void)write_out(text);
  } else {
    (void)write_out(one_line(rows));
  }
  return written();
}

void warn_of_missing_nodes(const json& answer, const char* key, std::string_view therefore) {
  const auto list = answer.find(key);
  if (list == answer.end() || !list->is_array() || list->empty())
    return;
  std::string names;
  for (const auto& one : *list)
    names += (names.empty() ? "" : ", ") + one.get<std::string>();
  note(fmt::format("no answer from {}: {}", printable(names), therefore));
}

} // namespace furrow::cli
