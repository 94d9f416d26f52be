#include "tools/furrow/export/row_text.hpp"

#include "can/text/csv.hpp"
#include "can/text/json.hpp"
#include "can/text/put.hpp"
#include "can/text/time.hpp"

#include <charconv>
#include <cmath>
#include <string_view>

namespace furrow::cli {

namespace {

constexpr std::int64_t row_second_us = 1'000'000;

void append_real(std::string& out, double value, bool json) {
  constexpr double whole_max = can::whole_double_max;
  char text[32];
  if (std::isinf(value)) {
    const std::string_view word = value < 0 ? "-inf" : "inf";
    if (json)
      can::text::append_json_text(out, word);
    else
      out += word;
    return;
  }
  const bool small = value > -whole_max && value < whole_max;
  const auto whole = small ? static_cast<std::int64_t>(value) : 0;
  const auto end = small && static_cast<double>(whole) == value
                     ? std::to_chars(text, text + sizeof text, whole).ptr
                     : std::to_chars(text, text + sizeof text, value).ptr;
  out.append(text, end);
}

} // namespace

row_text::row_text(const std::vector<parquet::column_name>& names, text_form form)
  : form_{form}, next_(names.size()) {
  for (const auto& one : names) {
    const bool first = before_.empty();
    if (form == text_form::csv) {
      if (!first)
        header_ += ',';
      can::text::append_csv_cell(header_, one.name);
      before_.emplace_back(first ? "" : ",");
      continue;
    }
    auto& text = before_.emplace_back(first ? "{" : ",");
    can::text::append_json_text(text, one.name);
    text += ':';
  }
  if (form == text_form::csv)
    header_ += "\r\n";
}

void row_text::append(std::string& out, const parquet::rows& rows) {
  next_.assign(next_.size(), 0);
  const auto& columns = rows.columns();
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (std::size_t at = 0; at < columns.size(); ++at) {
      out += before_[at];
      if (columns[at].has(row))
        append_cell(out, columns[at], next_[at]++);
      else if (form_ == text_form::json)
        out += "null";
    }
    out += form_ == text_form::json ? "}\n" : "\r\n";
  }
}

void row_text::append_cell(std::string& out, const parquet::column& from, std::size_t value) {
  const bool json = form_ == text_form::json;
  switch (from.type()) {
  case parquet::value_type::time:
    append_time(out, from.integers()[value]);
    return;
  case parquet::value_type::integer: {
    char text[24];
    out.append(text, std::to_chars(text, text + sizeof text, from.integers()[value]).ptr);
    return;
  }
  case parquet::value_type::real:
    if (const auto* whole = from.whole(value); whole != nullptr)
      can::text::append_whole(out, *whole);
    else
      append_real(out, from.reals()[value], json);
    return;
  case parquet::value_type::boolean:
    out += from.flags()[value] != 0 ? "true" : "false";
    return;
  case parquet::value_type::text:
    json ? can::text::append_json_text(out, from.text(value))
         : can::text::append_csv_cell(out, from.text(value));
    return;
  }
}

void row_text::append_time(std::string& out, std::int64_t time_us) {
  auto micros = time_us % row_second_us;
  if (micros < 0)
    micros += row_second_us;
  if (const auto second = time_us - micros; second != second_) {
    second_ = second;
    second_text_ = can::text::format_time(second);
    second_text_.resize(second_text_.size() - 7); // without the decimals and the Z
  }
  const char* quote = form_ == text_form::json ? "\"" : "";
  char text[8];
  text[6] = 'Z';
  for (int i = 5; i >= 0; --i, micros /= 10)
    text[i] = static_cast<char>('0' + micros % 10);
  out += quote;
  out += second_text_;
  out.append(text, 7);
  out += quote;
}

} // namespace furrow::cli
