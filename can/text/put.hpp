/// Writes numbers as text into a buffer of the caller.
///
/// Shape: each function returns the position after its output.
#pragma once

#include "can/whole_number.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace furrow::can::text {

inline constexpr char hex_digits[] = "0123456789ABCDEF";

inline char* put_hex(char* to, std::uint32_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i)
    *to++ = hex_digits[value >> 4 * i & 0xF];
  return to;
}

inline char* put_bytes(char* to, const std::uint8_t* bytes, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    *to++ = hex_digits[bytes[i] >> 4];
    *to++ = hex_digits[bytes[i] & 0xF];
  }
  return to;
}

/// At least `digits` decimal digits, at most 20.
inline char* put_decimal(char* to, std::uint64_t value, int digits) {
  char reversed[20];
  int count = 0;
  for (; value != 0 || count < digits; value /= 10)
    reversed[count++] = static_cast<char>('0' + value % 10);
  while (count > 0)
    *to++ = reversed[--count];
  return to;
}

/// Appends at least `digits` decimal digits, at most 20.
inline void append_decimal(std::string& out, std::uint64_t value, int digits = 1) {
  char text[20];
  out.append(text, put_decimal(text, value, digits));
}

/// With all digits.
inline void append_whole(std::string& out, const whole_number& value) {
  if (value.negative)
    out += '-';
  append_decimal(out, value.magnitude);
}

inline void append_hex(std::string& out, std::uint32_t value, int digits) {
  char text[8];
  out.append(text, put_hex(text, value, digits));
}

/// Two lower-case hex digits: for stream ids, NMEA 2000 text, JSON and checksums.
inline void append_lower_hex(std::string& out, std::uint8_t byte) {
  constexpr char digits[] = "0123456789abcdef";
  out += digits[byte >> 4];
  out += digits[byte & 0xF];
}

/// Each byte as two digits.
[[nodiscard]] inline std::string lower_hex(std::span<const std::uint8_t> bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const auto byte : bytes)
    append_lower_hex(out, byte);
  return out;
}

/// Appends each byte as two hex digits.
inline void append_hex(std::string& out, std::span<const std::uint8_t> bytes) {
  const auto from = out.size();
  out.resize(from + bytes.size() * 2);
  put_bytes(out.data() + from, bytes.data(), bytes.size());
}

/// Appends each byte as two hex digits with a blank before it.
inline void append_bytes(std::string& out, std::span<const std::uint8_t> bytes) {
  for (const auto byte : bytes) {
    out += ' ';
    append_hex(out, byte, 2);
  }
}

/// Appends text, padded to a width with blanks after it, or before it if `right`.
inline void
append_padded(std::string& out, std::string_view text, std::size_t width, bool right = false) {
  const std::size_t blanks = text.size() < width ? width - text.size() : 0;
  if (right)
    out.append(blanks, ' ');
  out += text;
  if (!right)
    out.append(blanks, ' ');
}

} // namespace furrow::can::text
