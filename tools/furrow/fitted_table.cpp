#include "tools/furrow/fitted_table.hpp"

#include "tools/furrow/logs/columns.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace furrow::cli {

namespace {

constexpr std::size_t text_columns_min = 20; // a text is not shortened further
constexpr std::string_view ellipsis = "…";

std::vector<std::size_t> widths_of(const table& of) {
  std::vector<std::size_t> widths;
  for (const auto& heading : of.headings)
    widths.push_back(columns_of(heading));
  for (const auto& row : of.rows)
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], columns_of(row[i].text));
  return widths;
}

std::size_t width_of(const std::vector<std::size_t>& widths) {
  std::size_t sum = widths.empty() ? 0 : 2 * (widths.size() - 1);
  for (const auto width : widths)
    sum += width;
  return sum;
}

/// `2026-05-01T06:30:00.250000Z` without its microseconds.
void cut_fraction(std::string& text) {
  constexpr std::size_t point = 19;
  constexpr std::size_t whole = 27;
  if (text.size() == whole && text[10] == 'T' && text[point] == '.' && text.back() == 'Z')
    text.erase(point, whole - point - 1);
}

/// Shortens the text to so many columns, at the border of a character.
void shorten(std::string& text, std::size_t columns) {
  if (columns_of(text) <= columns)
    return;
  std::size_t bytes = 0;
  for (std::size_t end = 1; end <= text.size(); ++end) {
    const bool border =
      end == text.size() || (static_cast<unsigned char>(text[end]) & 0xC0U) != 0x80;
    if (border && columns_of(std::string_view{text}.substr(0, end)) + 1 <= columns)
      bytes = end;
  }
  text.resize(bytes);
  text += ellipsis;
}

bool holds_numbers(const table& of, std::size_t column) {
  return std::any_of(of.rows.begin(), of.rows.end(), [column](const auto& row) {
    return column < row.size() && row[column].number;
  });
}

void shorten_texts(table& of, std::size_t columns) {
  for (;;) {
    const auto widths = widths_of(of);
    const auto total = width_of(widths);
    if (total <= columns)
      return;
    std::size_t widest = 0;
    std::size_t limit = 0;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const auto least = std::max(text_columns_min, columns_of(of.headings[i]));
      if (widths[i] > least && widths[i] > limit && !holds_numbers(of, i)) {
        widest = i;
        limit = widths[i];
      }
    }
    if (limit == 0)
      return;
    const auto least = std::max(text_columns_min, columns_of(of.headings[widest]));
    const auto over = total - columns;
    const auto wanted = limit > over ? std::max(least, limit - over) : least;
    for (auto& row : of.rows)
      if (widest < row.size())
        shorten(row[widest].text, wanted);
  }
}

} // namespace

fitted_table fitted(table whole, std::size_t columns) {
  fitted_table out{std::move(whole), {}};
  auto& shown = out.table;
  if (width_of(widths_of(shown)) <= columns)
    return out;
  for (auto& row : shown.rows)
    for (auto& cell : row)
      cut_fraction(cell.text);
  shorten_texts(shown, columns);
  while (shown.headings.size() > 1 && width_of(widths_of(shown)) > columns) {
    out.left_out.insert(out.left_out.begin(), shown.headings.back());
    shown.headings.pop_back();
    for (auto& row : shown.rows)
      row.resize(std::min(row.size(), shown.headings.size()));
  }
  return out;
}

std::size_t terminal_rows() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

std::size_t terminal_columns() {
  if (::isatty(STDOUT_FILENO) != 1)
    return 0;
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  const char* told = std::getenv("COLUMNS");
  const std::string_view text = told == nullptr ? "" : told;
  std::size_t columns = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), columns);
  return error == std::errc{} && end == text.data() + text.size() ? columns : 0;
}

} // namespace furrow::cli
