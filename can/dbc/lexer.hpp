/// Reads the tokens of DBC (words, numbers, strings, punctuation) and their positions.
///
/// Shape: the parser asks for the token that it expects. No text is read twice, and only strings are copied.
/// Errors: when the expected token is not there, nothing is returned and the position is where the token should begin.
/// Threads/ownership: views point into the text.
/// Limits: text below 4 GiB (the parser's limit is lower).
#pragma once

#include "can/dbc/file.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace furrow::can {

/// Whether a word begins a statement. Such a word also ends a list of names, and a statement whose `;` is missing.
[[nodiscard]] bool begins_statement(std::string_view word);

class dbc_lexer {
public:
  explicit dbc_lexer(std::string_view text, dbc_encoding encoding = dbc_encoding::detect);

  /// Position of the next token, after blanks, line ends, `//` comments and `/* */` comments.
  std::uint32_t next();
  /// The position of a `/* */` comment that was skipped since the last call. DBC has no such comments.
  std::optional<std::uint32_t> take_block_comment();
  [[nodiscard]] std::uint32_t position() const { return at_; }
  void rewind(std::uint32_t position) { at_ = position; }
  bool at_end() { return next() == text_.size(); }
  /// The first character of the next token; 0 at the end.
  char peek() { return at_end() ? '\0' : text_[at_]; }

  bool take(char c);
  /// Letters, digits and underscores; empty when there is no word.
  std::string_view word();
  std::optional<std::uint64_t> natural();
  /// A whole number with or without sign. Above int64 the number wraps, like a 64-bit raw value.
  std::optional<std::int64_t> integer();
  /// A decimal number. A number outside the range of double becomes infinity or zero.
  std::optional<double> number();
  /// The text between quotes, with `\"` unchanged; nothing when the closing quote is missing.
  std::optional<std::string_view> string();
  /// Skips everything up to and including the next `;` outside strings. False when there is none before the next line
  /// that begins with a keyword; the position is then that line, or the end.
  bool skip_statement();
  /// Whether the next token is a keyword that begins a statement, or the end of the text.
  bool at_statement();
  /// Goes to the first line after `position` that begins with a keyword, or to the end. Ignores quotes, because a
  /// missing quote turns the inside of all later strings to the outside.
  void to_next_statement(std::uint32_t position);
  /// Whether the next token is on the same line as the previous one.
  bool on_same_line();

  /// Line and column, both from 1, the column in bytes.
  [[nodiscard]] std::pair<std::uint32_t, std::uint32_t> place(std::uint32_t position);
  /// A text of the file as UTF-8, with `\"` as `"`.
  [[nodiscard]] std::string utf8(std::string_view raw) const;
  [[nodiscard]] std::string_view text() const { return text_; }

private:
  bool skip_block_comment();

  std::string_view text_;
  std::uint32_t at_ = 0;
  bool is_utf8_ = false;
  std::optional<std::uint32_t> block_comment_;
  std::size_t block_comments_end_ = 0;                 // end of the last one that was seen
  std::size_t unclosed_from_ = std::string_view::npos; // no `*/` comes after this position
  std::vector<std::uint32_t> line_starts_; // made at the first request for a line and column
};

} // namespace furrow::can
