#include "tools/json/dbc_json.hpp"

#include "can/frame/identifier.hpp"
#include "tools/json/rfc3339.hpp"

#include <cmath>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::json_rows {

namespace {

constexpr std::uint64_t values_max = 4'096; // of a multiplexed signal, listed one by one

/// Returns how many values the ranges hold; at most values_max + 1.
std::uint64_t values_in(const std::vector<can::dbc_range>& ranges) {
  std::uint64_t count = 0;
  for (const auto& range : ranges) {
    const auto span =
      static_cast<std::uint64_t>(range.high) - static_cast<std::uint64_t>(range.low);
    if (span > values_max || (count += span + 1) > values_max)
      return values_max + 1;
  }
  return count;
}

/// JSON has no infinities, but DBC files have.
json number(double value) {
  if (std::isinf(value))
    return value < 0 ? "-inf" : "inf";
  return value;
}

json number_or_null(const std::optional<double>& value) {
  return value ? number(*value) : json();
}

json text_or_null(const std::string& text) {
  return text.empty() ? json() : json(text);
}

json mux_json(const can::dbc_message& message, const can::dbc_signal& signal) {
  const auto& mux = signal.mux;
  if (!mux.selector && mux.when.empty())
    return nullptr;
  const auto* selector = selector_of(message, signal);
  json ids;
  auto ranges = json::array();
  const bool few = !mux.when.empty() && values_in(mux.when) <= values_max;
  for (const auto& range : mux.when) {
    ranges.push_back({range.low, range.high});
    for (auto value = range.low; few; ++value) {
      ids.push_back(value);
      if (value == range.high)
        break;
    }
  }
  return {{"is_mux", mux.selector},
          {"mux_signal", selector == nullptr ? json() : json(*selector)},
          {"mux_ids", std::move(ids)},
          {"ranges", std::move(ranges)}};
}

json signal_json(const can::dbc_message& message, const can::dbc_signal& signal) {
  json choices; // null if there are none
  if (!signal.choices.empty()) {
    // Not added by key, which searches all labels before it: a hostile file has a million.
    json::object_t labels;
    for (const auto& choice : signal.choices)
      labels.emplace_back(std::to_string(choice.value), choice.label);
    choices = std::move(labels);
  }
  return {{"name", signal.name},
          {"start", signal.start},
          {"length", signal.length},
          {"order", order_text(signal)},
          {"signed", signal.is_signed},
          {"float", signal.is_float},
          {"scale", number(signal.scale)},
          {"offset", number(signal.offset)},
          {"min", number_or_null(signal.min)},
          {"max", number_or_null(signal.max)},
          {"unit", text_or_null(signal.unit)},
          {"mux", mux_json(message, signal)},
          {"choices", std::move(choices)},
          {"spn", signal.spn ? json(*signal.spn) : json()},
          {"comment", text_or_null(signal.comment)}};
}

std::string text_of(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// An object whose last member follows: `{"a":1,"last":`
std::string opened(const json& object, const char* last) {
  auto text = text_of(object);
  text.back() = ',';
  return text + '"' + last + "\":";
}

} // namespace

const char* encoding_text(can::dbc_encoding encoding) {
  switch (encoding) {
  case can::dbc_encoding::detect:
    return "auto";
  case can::dbc_encoding::utf8:
    return "utf8";
  case can::dbc_encoding::cp1252:
    return "cp1252";
  }
  return "unknown encoding";
}

std::optional<can::dbc_encoding> parse_encoding(std::string_view text) {
  for (const auto known :
       {can::dbc_encoding::detect, can::dbc_encoding::utf8, can::dbc_encoding::cp1252})
    if (text == encoding_text(known))
      return known;
  return std::nullopt;
}

const char* order_text(const can::dbc_signal& signal) {
  return signal.order == can::byte_order::intel ? "intel" : "motorola";
}

const std::string* selector_of(const can::dbc_message& message, const can::dbc_signal& signal) {
  return signal.mux.parent < 0 ? nullptr
                               : &message.signals[static_cast<std::size_t>(signal.mux.parent)].name;
}

json to_json(const storage::stored_dbc& file) {
  return {{"id", file.id},
          {"name", file.name},
          {"for", storage::scope_of(file)},
          {"active", file.active},
          {"version", file.version > 0 ? json(file.version) : json(nullptr)},
          {"loaded", format_time(file.loaded_us)},
          {"sha256", file.sha256}};
}

json to_json(const can::dbc_warning& warning) {
  return {{"line", warning.line}, {"column", warning.column}, {"text", warning.text}};
}

json to_json(const can::dbc_difference& difference) {
  return {{"object", difference.object},
          {"property", difference.property},
          {"before", text_or_null(difference.before)},
          {"after", text_or_null(difference.after)}};
}

std::string_view dbc_content::next() {
  text_.clear();
  while (text_.size() < piece_bytes && part_ != part::done)
    if (part_ == part::head)
      append_head();
    else if (message_ < file_.messages.size())
      append_message();
    else
      append_tail();
  return text_;
}

void dbc_content::append_head() {
  text_ +=
    opened({{"file", file_.name}, {"version", file_.version}, {"nodes", file_.nodes}}, "messages")
    + '[';
  part_ = part::messages;
}

/// Its next signal, and what is around it.
void dbc_content::append_message() {
  const auto& message = file_.messages[message_];
  if (signal_ == 0) {
    if (message_ > 0)
      text_ += ',';
    text_ += opened({{"name", message.name},
                     {"id", message.id},
                     {"extended", message.extended},
                     {"length", message.length},
                     {"pgn", message.extended ? json(can::pgn_of(message.id)) : json()},
                     {"senders", message.senders},
                     {"comment", text_or_null(message.comment)}},
                    "signals")
             + '[';
  }
  if (signal_ < message.signals.size()) {
    if (signal_ > 0)
      text_ += ',';
    text_ += text_of(signal_json(message, message.signals[signal_]));
    ++signal_;
  }
  if (signal_ == message.signals.size()) {
    text_ += "]}";
    ++message_;
    signal_ = 0;
  }
}

void dbc_content::append_tail() {
  auto warnings = json::array();
  for (const auto& warning : file_.warnings)
    warnings.push_back(to_json(warning));
  text_ += "],"
           + text_of({{"warnings", std::move(warnings)}, {"warning_count", file_.warning_count}})
               .substr(1);
  part_ = part::done;
}

} // namespace furrow::json_rows
