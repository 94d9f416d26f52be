/// The encoding of a text file: UTF-8 with or without a byte order mark, or UTF-16 of either byte order.
///
/// Shape: fed with the bytes of a file in pieces of any size, it returns the text in the encoding that the readers of
///   lines expect. UTF-8 is returned as it is, without a copy. A character of UTF-16 becomes one byte: Latin-1, or `?`
///   above U+00FF. So a byte of text always is `width()` bytes of the file.
///   UTF-16 without a mark is recognised too: one of the first two bytes is zero.
/// Threads/ownership: a returned view is valid until the next call, and for UTF-8 as long as the bytes that were fed.
/// Limits: at most three bytes are held back until more are fed.
/// Source: Unicode, "Byte Order Mark".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace furrow::can::text {

enum class encoding : std::uint8_t { unknown = 0, utf8 = 1, utf16_le = 2, utf16_be = 3 };

class encoded_input {
public:
  [[nodiscard]] std::string_view feed(std::string_view bytes) {
    return encoding_ == encoding::utf8 ? bytes : convert(bytes);
  }
  /// The text that was held back, at the end of the file.
  [[nodiscard]] std::string_view finish();

  /// Bytes of the file for each byte of text.
  [[nodiscard]] std::size_t width() const { return encoding_ > encoding::utf8 ? 2 : 1; }
  /// The length of the byte order mark, for the first caller; then 0.
  [[nodiscard]] std::size_t take_mark();
  /// At the end of the file, the number of bytes that are not text: a mark that `take_mark` did not return, half a character.
  [[nodiscard]] std::size_t take_rest();
  [[nodiscard]] encoding found() const { return encoding_; }
  /// Goes on in the middle of a file.
  void resume(encoding known) { encoding_ = known; }

private:
  std::string_view convert(std::string_view bytes);
  bool find_encoding(bool finished);

  encoding encoding_ = encoding::unknown;
  std::size_t mark_bytes_ = 0;
  std::string held_; // bytes whose meaning later bytes decide
  std::string text_;
};

} // namespace furrow::can::text
