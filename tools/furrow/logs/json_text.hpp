/// Appends JSON to a string: what a command prints by the million, without building it first.
///
/// Units: a number that JSON has not (an infinity) becomes a string, one that is none becomes null.
/// Errors: none; text must be UTF-8.
#pragma once

#include "can/text/json.hpp"

#include <charconv>
#include <cmath>
#include <concepts>
#include <string>
#include <string_view>

namespace furrow::cli {

template <std::integral T>
void append_number(std::string& out, T value) {
  char text[24];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  out.append(text, end);
}

/// The shortest text that reads back as the same number.
inline void append_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "null";
    return;
  }
  if (std::isinf(value)) {
    out += value < 0 ? "\"-inf\"" : "\"inf\"";
    return;
  }
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  out.append(text, end);
}

/// In quotes, or null when it is empty.
inline void append_text_or_null(std::string& out, std::string_view text) {
  if (text.empty())
    out += "null";
  else
    can::text::append_json_text(out, text);
}

} // namespace furrow::cli
