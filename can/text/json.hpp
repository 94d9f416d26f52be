/// Text as JSON.
///
/// Errors: none; the text must be UTF-8.
/// Source: RFC 8259, 7.
#pragma once

#include "can/text/put.hpp"

#include <string>
#include <string_view>

namespace furrow::can::text {

/// Appends the text in quotes. DEL is escaped too, so that no control character reaches a terminal.
inline void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\u00";
      append_lower_hex(out, byte);
    } else {
      out += c;
    }
  }
  out += '"';
}

} // namespace furrow::can::text
