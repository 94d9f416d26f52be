/// Reads the pieces that DBC is written in: words, numbers, strings, punctuation; and tells where
/// they stand.
///
/// Shape: the parser asks for the piece that it expects; nothing is looked at twice and nothing is
///   copied but strings.
/// Errors: a piece that is not there gives nothing and leaves the position where it should begin.
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

class dbc_lexer {
public:
  explicit dbc_lexer(std::string_view text, dbc_encoding encoding = dbc_encoding::detect);

  /// Where the next piece begins, after blanks, line ends and `//` remarks.
  std::uint32_t next();
  [[nodiscard]] std::uint32_t position() const { return at_; }
  void rewind(std::uint32_t position) { at_ = position; }
  bool at_end() { return next() == text_.size(); }
  /// The character that the next piece begins with; 0 at the end.
  char peek() { return at_end() ? '\0' : text_[at_]; }

  bool take(char c);
  /// Letters, digits and underscores; empty when there is none.
  std::string_view word();
  std::optional<std::uint64_t> natural();
  /// A whole number with or without sign. Above int64 it wraps, as a 64-bit raw value does.
  std::optional<std::int64_t> integer();
  /// A decimal number. One that no double holds comes as infinity or zero, as it is nearer.
  std::optional<double> number();
  /// Between quotes, with `\"` left as it stands; nothing when it does not end.
  std::optional<std::string_view> string();
  /// Passes everything up to and including the next `;` that is not in a string; false when there
  /// is none.
  bool skip_statement();
  /// Whether the next piece stands on the line of the one before.
  bool on_same_line();

  /// Line and column, both from 1, the column in bytes.
  [[nodiscard]] std::pair<std::uint32_t, std::uint32_t> place(std::uint32_t position);
  /// Text of the file as UTF-8, with `\"` as `"`.
  [[nodiscard]] std::string utf8(std::string_view raw) const;
  [[nodiscard]] std::string_view text() const { return text_; }

private:
  std::string_view text_;
  std::uint32_t at_ = 0;
  bool is_utf8_ = false;
  std::vector<std::uint32_t> line_starts_; // made when a place is first asked for
};

} // namespace furrow::can
