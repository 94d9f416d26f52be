/// Reading a line of text from left to right: digits, hex pairs and blanks, without copying and
/// without locale.
///
/// Shape: `scan` is a position in a line. A method that finds what its name says moves past it; else
///   the position stays.
/// Threads: a plain value; points into the caller's text.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace furrow::can::text {

/// Value of a hex digit; 0xFF for any other character.
inline constexpr auto hex_values = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(0xFF);
  for (unsigned i = 0; i < 10; ++i)
    values['0' + i] = static_cast<std::uint8_t>(i);
  for (unsigned i = 0; i < 6; ++i)
    values['A' + i] = values['a' + i] = static_cast<std::uint8_t>(10 + i);
  return values;
}();

[[nodiscard]] constexpr std::uint8_t hex_value(char c) {
  return hex_values[static_cast<std::uint8_t>(c)];
}
[[nodiscard]] constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
[[nodiscard]] constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/// A line without the line end that it was read with.
[[nodiscard]] constexpr std::string_view without_end(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r'))
    line.remove_suffix(1);
  return line;
}

/// Eight decimal digits at once; nothing if one of them is not a digit. Little-endian hosts only
/// (frame_block.cpp asserts).
[[nodiscard]] inline std::optional<std::uint32_t> eight_digits(std::uint64_t text) {
  // A digit is 0x30 to 0x39: its high nibble is 3, and adding 6 does not change that.
  constexpr std::uint64_t high = 0xF0F0F0F0F0F0F0F0U;
  constexpr std::uint64_t threes = 0x3030303030303030U;
  if (((text & high) ^ threes) | (((text + 0x0606060606060606U) & high) ^ threes))
    return std::nullopt;
  text -= threes;
  text = (text * 10 + (text >> 8U)) & 0x00FF00FF00FF00FFU;
  text = (text * 100 + (text >> 16U)) & 0x0000FFFF0000FFFFU;
  return static_cast<std::uint32_t>(text * 10'000 + (text >> 32U));
}

[[nodiscard]] inline std::uint64_t load8(const char* at) {
  std::uint64_t text = 0;
  std::memcpy(&text, at, sizeof text);
  return text;
}

class scan {
public:
  explicit scan(std::string_view line)
    : begin_{line.data()}, at_{begin_}, end_{begin_ + line.size()} {}

  [[nodiscard]] bool done() const { return at_ == end_; }
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] const char* at() const { return at_; }
  [[nodiscard]] std::string_view rest() const { return {at_, left()}; }
  /// The next character; NUL at the end of the line.
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return ahead < left() ? at_[ahead] : '\0';
  }
  [[nodiscard]] std::uint32_t column() const {
    return static_cast<std::uint32_t>(at_ - begin_) + 1;
  }
  void skip(std::size_t count) { at_ += count < left() ? count : left(); }

  bool blanks() {
    const auto* from = at_;
    while (at_ != end_ && is_blank(*at_))
      ++at_;
    return at_ != from;
  }
  bool take(char c) {
    if (done() || *at_ != c)
      return false;
    ++at_;
    return true;
  }
  bool take(std::string_view word) {
    if (!rest().starts_with(word))
      return false;
    at_ += word.size();
    return true;
  }
  /// Everything up to the next blank; empty at the end.
  std::string_view word() {
    const auto* from = at_;
    while (at_ != end_ && !is_blank(*at_))
      ++at_;
    return {from, static_cast<std::size_t>(at_ - from)};
  }
  [[nodiscard]] std::string_view peek_word() const {
    scan ahead{*this};
    return ahead.word();
  }
  /// Number of hex digits at the position.
  [[nodiscard]] std::size_t hex_digits() const {
    std::size_t count = 0;
    while (count < left() && hex_value(at_[count]) < 16)
      ++count;
    return count;
  }
  /// A number of 1 to digits_max (at most 18) decimal digits.
  std::optional<std::uint64_t> decimal(std::size_t digits_max) {
    std::uint64_t value = 0;
    std::size_t count = 0;
    while (count < left() && is_digit(at_[count])) {
      if (count == digits_max)
        return std::nullopt;
      value = value * 10 + static_cast<std::uint64_t>(at_[count++] - '0');
    }
    if (count == 0)
      return std::nullopt;
    at_ += count;
    return value;
  }
  /// A number of 1 to digits_max (at most 8) hex digits.
  std::optional<std::uint32_t> hex(std::size_t digits_max) {
    std::uint32_t value = 0;
    const auto count = hex_digits();
    if (count == 0 || count > digits_max)
      return std::nullopt;
    for (std::size_t i = 0; i < count; ++i)
      value = value << 4U | hex_value(at_[i]);
    at_ += count;
    return value;
  }
  /// Two hex digits, as a byte.
  bool hex_byte(std::uint8_t& byte) {
    if (left() < 2)
      return false;
    const auto high = hex_value(at_[0]);
    const auto low = hex_value(at_[1]);
    if ((high | low) > 15)
      return false;
    byte = static_cast<std::uint8_t>(high << 4U | low);
    at_ += 2;
    return true;
  }
  /// Digits after the point of a number of seconds, as microseconds; further digits are cut off.
  std::optional<std::uint32_t> fraction_us(std::size_t digits_max) {
    std::uint32_t value = 0;
    std::size_t count = 0;
    for (; count < left() && is_digit(at_[count]); ++count)
      if (count < 6)
        value = value * 10 + static_cast<std::uint32_t>(at_[count] - '0');
    if (count == 0 || count > digits_max)
      return std::nullopt;
    for (std::size_t i = count; i < 6; ++i)
      value *= 10;
    at_ += count;
    return value;
  }

private:
  const char* begin_;
  const char* at_;
  const char* end_;
};

} // namespace furrow::can::text
