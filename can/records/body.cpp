#include "can/records/body.hpp"

#include "can/records/flat_json.hpp"
#include "can/text/civil_time.hpp"
#include "can/text/json.hpp"
#include "can/text/time.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace furrow::can {

namespace {

constexpr std::size_t shown_bytes_max = 40;

/// The given text, cut to fit a line.
std::string shown(std::string_view text) {
  if (text.size() <= shown_bytes_max)
    return std::string{text};
  auto cut = shown_bytes_max;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U)
    --cut; // not within a character
  return std::string{text.substr(0, cut)} + "...";
}

std::string to_text(double value) {
  std::array<char, 32> out{};
  const auto [end, error] = std::to_chars(out.data(), out.data() + out.size(), value);
  return {out.data(), end};
}

/// `field: what`
record_fault fault(const record_field& field, std::size_t at, std::string_view what) {
  return {at, std::string{field.name}.append(": ").append(what)};
}

std::string limits_of(const record_field& field) {
  auto text = to_text(field.low) + " to " + to_text(field.high);
  if (!field.unit.empty())
    text.append(" ").append(field.unit);
  return text;
}

record_fault out_of_range(const record_field& field, std::string_view text, std::size_t at) {
  return fault(field, at, shown(text) + " is not within " + limits_of(field));
}

const char* wanted(field_type type) {
  switch (type) {
  case field_type::real:
  case field_type::amount:
    return "a number";
  case field_type::integer:
    return "a whole number";
  case field_type::boolean:
    return "true or false";
  case field_type::text:
  case field_type::word:
    return "a text";
  }
  return "something else";
}

record_fault wrong_type(const record_field& field, std::string_view given, std::size_t at) {
  return fault(field, at, std::string{given} + " where " + wanted(field.type) + " is wanted");
}

struct value_writer {
  std::string& out;
  void operator()(std::monostate) const { out += "null"; }
  void operator()(bool value) const { out += value ? "true" : "false"; }
  void operator()(std::int64_t value) const { out += std::to_string(value); }
  void operator()(double value) const { out += to_text(value); }
  void operator()(const std::string& value) const { text::append_json_text(out, value); }
};

} // namespace

maybe_fault
read_number(const record_field& field, std::string_view text, std::size_t at, record_value& out) {
  const auto* const end = text.data() + text.size();
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::result_out_of_range)
    return out_of_range(field, text, at);
  if (error != std::errc{} || stop != end)
    return wrong_type(field, "\"" + shown(text) + "\"", at);
  // NaN fails every comparison.
  if (!(value >= field.low && value <= field.high))
    return out_of_range(field, text, at);
  if (field.type == field_type::real) {
    out = value;
    return std::nullopt;
  }
  std::int64_t whole = 0;
  const auto [last, trouble] = std::from_chars(text.data(), end, whole);
  if (trouble == std::errc{} && last == end) {
    out = whole;
    return std::nullopt;
  }
  if (field.type == field_type::integer)
    return wrong_type(field, shown(text), at);
  // 1200.0 and 1.2e3 are whole, too.
  whole = static_cast<std::int64_t>(value);
  if (static_cast<double>(whole) == value)
    out = whole;
  else
    out = value;
  return std::nullopt;
}

maybe_fault
read_text(const record_field& field, std::string_view text, std::size_t at, record_value& out) {
  if (field.type == field_type::word) {
    if (std::find(field.words.begin(), field.words.end(), text) != field.words.end()) {
      out = std::string{text};
      return std::nullopt;
    }
    std::string words;
    for (const auto word : field.words)
      words.append(words.empty() ? "" : ", ").append(word);
    return fault(field, at, "\"" + shown(text) + "\" is none of " + words);
  }
  if (static_cast<double>(text.size()) < field.low || static_cast<double>(text.size()) > field.high)
    return fault(field, at,
                 std::to_string(text.size()) + " bytes are not within " + limits_of(field));
  out = std::string{text};
  return std::nullopt;
}

maybe_fault
read_cell(const record_field& field, std::string_view text, std::size_t at, record_value& out) {
  switch (field.type) {
  case field_type::real:
  case field_type::integer:
  case field_type::amount:
    return read_number(field, text, at, out);
  case field_type::boolean:
    if (text != "true" && text != "false" && text != "1" && text != "0")
      return wrong_type(field, "\"" + shown(text) + "\"", at);
    out = text == "true" || text == "1";
    return std::nullopt;
  case field_type::text:
  case field_type::word:
    break;
  }
  return read_text(field, text, at, out);
}

maybe_fault read_member(const record_field& field, const json_member& member, record_value& out) {
  switch (member.is) {
  case json_member::type::null:
    return std::nullopt;
  case json_member::type::boolean:
    if (field.type != field_type::boolean)
      return wrong_type(field, member.truth ? "true" : "false", member.value_at);
    out = member.truth;
    return std::nullopt;
  case json_member::type::number:
    if (field.type != field_type::real && field.type != field_type::integer
        && field.type != field_type::amount)
      return wrong_type(field, shown(member.number), member.value_at);
    return read_number(field, member.number, member.value_at, out);
  case json_member::type::string:
    if (field.type != field_type::text && field.type != field_type::word)
      return wrong_type(field, "the text \"" + shown(member.text) + "\"", member.value_at);
    return read_text(field, member.text, member.value_at, out);
  case json_member::type::nested:
    break;
  }
  return wrong_type(field, "an object or a list", member.value_at);
}

maybe_fault check_complete(const record_kind& kind, const record_values& values, std::size_t at) {
  const auto absent = [&](std::size_t i) {
    return std::holds_alternative<std::monostate>(values[i]);
  };
  for (std::size_t i = 0; i < kind.fields.size(); ++i) {
    const auto& field = kind.fields[i];
    if (field.required && absent(i))
      return fault(field, at, "is missing");
    if (field.beside.empty() || absent(i))
      continue;
    if (const auto other = find_field(kind, field.beside); other && absent(*other))
      return fault(field, at, "without " + std::string{field.beside});
  }
  return std::nullopt;
}

maybe_fault read_body(const record_kind& kind, std::string_view body, record_values& out) {
  out.assign(kind.fields.size(), {});
  flat_json members{body};
  json_member member;
  std::uint32_t seen = 0;
  while (members.next(member)) {
    const auto index = find_field(kind, member.name);
    if (!index)
      return record_fault{member.name_at, "\"" + shown(member.name) + "\": "
                                            + std::string{kind.name} + " has no such field"};
    const auto& field = kind.fields[*index];
    if (seen >> *index & 1U)
      return fault(field, member.name_at, "is given twice");
    seen |= 1U << *index;
    if (auto wrong = read_member(field, member, out[*index]))
      return wrong;
  }
  if (members.fault() != nullptr)
    return record_fault{members.fault_at(), std::string{members.fault()} + " (byte "
                                              + std::to_string(members.fault_at() + 1) + ")"};
  return check_complete(kind, out, body.empty() ? 0 : body.size() - 1);
}

std::string write_body(const record_kind& kind, const record_values& values) {
  std::string out = "{";
  for (std::size_t i = 0; i < kind.fields.size() && i < values.size(); ++i) {
    if (std::holds_alternative<std::monostate>(values[i]))
      continue;
    if (out.size() > 1)
      out += ',';
    text::append_json_text(out, kind.fields[i].name);
    out += ':';
    std::visit(value_writer{out}, values[i]);
  }
  return out + "}";
}

std::optional<std::string> refusal_of(const record& item) {
  const auto* kind = find_record_kind(item.kind);
  if (kind == nullptr)
    return std::nullopt;
  record_values values;
  auto wrong = check_time(item.time_us, 0);
  if (!wrong)
    wrong = read_body(*kind, item.body, values);
  if (!wrong)
    return std::nullopt;
  return std::string{kind->name} + ": " + wrong->what;
}

std::optional<std::int64_t> parse_record_time(std::string_view text) {
  text::scan in{text};
  if (const auto time = text::take_time(in))
    return in.done() ? time : std::nullopt;
  const auto seconds = in.decimal(12);
  if (!seconds)
    return std::nullopt;
  std::optional<std::uint32_t> us = 0;
  if (in.take('.'))
    us = in.fraction_us(6);
  if (!us || !in.done())
    return std::nullopt;
  return static_cast<std::int64_t>(*seconds) * second_us + *us;
}

maybe_fault check_time(std::int64_t time_us, std::size_t at) {
  if (time_us >= record_time_min_us && time_us <= record_time_max_us)
    return std::nullopt;
  return record_fault{at, "time: " + std::to_string(time_us) + " us is not within 1970 to 2099"};
}

} // namespace furrow::can
