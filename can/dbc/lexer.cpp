#include "can/dbc/lexer.hpp"

#include <utf8.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace furrow::can {

namespace {

enum : std::uint8_t { blank = 1, word_part = 2, digit = 4 };

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (const char c : {' ', '\t', '\r', '\n', '\f', '\v'})
    classes[static_cast<unsigned char>(c)] = blank;
  for (unsigned char c = 'a'; c <= 'z'; ++c)
    classes[c] = classes[c ^ 0x20U] = word_part; // and the capital letter
  for (unsigned char c = '0'; c <= '9'; ++c)
    classes[c] = word_part | digit;
  classes['_'] = word_part;
  return classes;
}

constexpr auto classes = make_classes();

bool is(char c, std::uint8_t of) {
  return (classes[static_cast<unsigned char>(c)] & of) != 0;
}

/// cp1252 0x80..0x9F; zero where the code page is undefined.
constexpr std::array<std::uint16_t, 32> cp1252_high{
  0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
  0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
  0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

constexpr std::uint16_t replacement_character = 0xFFFD;

void append_utf8(std::string& out, std::uint16_t code) {
  if (code < 0x800) {
    out += static_cast<char>(0xC0U | code >> 6U);
  } else {
    out += static_cast<char>(0xE0U | code >> 12U);
    out += static_cast<char>(0x80U | (code >> 6U & 0x3FU));
  }
  out += static_cast<char>(0x80U | (code & 0x3FU));
}

} // namespace

bool begins_statement(std::string_view word) {
  constexpr std::array<std::string_view, 23> keywords{"BO_",
                                                      "SG_",
                                                      "CM_",
                                                      "VAL_",
                                                      "BA_",
                                                      "BU_",
                                                      "VERSION",
                                                      "NS_",
                                                      "BS_",
                                                      "EV_",
                                                      "BA_DEF_",
                                                      "BA_DEF_DEF_",
                                                      "VAL_TABLE_",
                                                      "SIG_GROUP_",
                                                      "SIG_VALTYPE_",
                                                      "BO_TX_BU_",
                                                      "ENVVAR_DATA_",
                                                      "SGTYPE_",
                                                      "SIG_TYPE_REF_",
                                                      "SG_MUL_VAL_",
                                                      "BA_DEF_REL_",
                                                      "BA_REL_",
                                                      "BA_DEF_DEF_REL_"};
  return std::find(keywords.begin(), keywords.end(), word) != keywords.end();
}

dbc_lexer::dbc_lexer(std::string_view text, dbc_encoding encoding)
  : text_{text}, is_utf8_{encoding == dbc_encoding::detect
                            ? utf8::is_valid(text.begin(), text.end())
                            : encoding == dbc_encoding::utf8} {
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  if (text.starts_with(mark))
    at_ = static_cast<std::uint32_t>(mark.size());
}

std::uint32_t dbc_lexer::next() {
  while (at_ < text_.size()) {
    if (is(text_[at_], blank)) {
      ++at_;
    } else if (text_[at_] == '/' && text_.substr(at_).starts_with("//")) {
      at_ = static_cast<std::uint32_t>(std::min(text_.find('\n', at_), text_.size()));
    } else if (text_[at_] != '/' || !skip_block_comment()) {
      break;
    }
  }
  return at_;
}

bool dbc_lexer::skip_block_comment() {
  if (at_ >= unclosed_from_ || !text_.substr(at_).starts_with("/*"))
    return false;
  const auto end = text_.find("*/", at_ + 2);
  if (end == std::string_view::npos) {
    unclosed_from_ = at_; // each further search would read the rest of the text again
    return false;
  }
  if (at_ >= block_comments_end_) { // after a rewind, the same comment comes again
    block_comments_end_ = end + 2;
    if (!block_comment_)
      block_comment_ = at_;
  }
  at_ = static_cast<std::uint32_t>(end + 2);
  return true;
}

std::optional<std::uint32_t> dbc_lexer::take_block_comment() {
  return std::exchange(block_comment_, std::nullopt);
}

bool dbc_lexer::take(char c) {
  if (peek() != c || c == '\0')
    return false;
  ++at_;
  return true;
}

std::string_view dbc_lexer::word() {
  const auto from = next();
  while (at_ < text_.size() && is(text_[at_], word_part))
    ++at_;
  return text_.substr(from, at_ - from);
}

std::optional<std::uint64_t> dbc_lexer::natural() {
  const auto from = next();
  std::uint64_t value = 0;
  const auto [end, error] =
    std::from_chars(text_.data() + from, text_.data() + text_.size(), value);
  if (error != std::errc{})
    return std::nullopt;
  at_ = static_cast<std::uint32_t>(end - text_.data());
  return value;
}

std::optional<std::int64_t> dbc_lexer::integer() {
  const auto from = next();
  const bool negative = take('-');
  if (!negative)
    take('+');
  if (at_ < text_.size() && is(text_[at_], digit)) {
    if (const auto value = natural())
      return static_cast<std::int64_t>(negative ? 0 - *value : *value);
  }
  at_ = from;
  return std::nullopt;
}

std::optional<double> dbc_lexer::number() {
  const auto from = next();
  auto at = from;
  if (at < text_.size() && (text_[at] == '+' || text_[at] == '-'))
    ++at;
  // Checked here, because from_chars would accept "inf" and "nan".
  if (at >= text_.size() || (!is(text_[at], digit) && text_[at] != '.'))
    return std::nullopt;
  const auto* begin = text_.data() + (text_[from] == '+' ? from + 1 : from);
  double value = 0;
  const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
  if (error == std::errc::invalid_argument)
    return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    const std::string_view digits{begin, static_cast<std::size_t>(end - begin)};
    const auto exponent = digits.find_first_of("eE");
    const bool tiny = exponent != std::string_view::npos && exponent + 1 < digits.size()
                        ? digits[exponent + 1] == '-'
                        : digits.find_first_of('.') < digits.find_first_of("123456789");
    value = tiny ? 0 : std::numeric_limits<double>::infinity();
    if (*begin == '-')
      value = -value;
  }
  at_ = static_cast<std::uint32_t>(end - text_.data());
  return value;
}

std::optional<std::string_view> dbc_lexer::string() {
  if (peek() != '"')
    return std::nullopt;
  const std::size_t from = at_ + 1;
  auto end = text_.find('"', from);
  // A backslash escapes a quote, even after another backslash: files contain "\"" and never "C:\\".
  while (end != std::string_view::npos && text_[end - 1] == '\\' && end > from)
    end = text_.find('"', end + 1);
  if (end == std::string_view::npos)
    return std::nullopt;
  at_ = static_cast<std::uint32_t>(end + 1);
  return text_.substr(from, end - from);
}

bool dbc_lexer::skip_statement() {
  for (;;) {
    const auto from = at_;
    if (at_end())
      return false;
    if (text_.substr(from, at_ - from).find('\n') != std::string_view::npos && at_statement())
      return false;
    const char c = text_[at_];
    if (c == '"') {
      if (!string())
        return false;
      continue;
    }
    ++at_;
    if (c == ';')
      return true;
  }
}

bool dbc_lexer::at_statement() {
  const auto begin = next();
  const bool found = begin == text_.size() || begins_statement(word());
  at_ = begin;
  return found;
}

void dbc_lexer::to_next_statement(std::uint32_t position) {
  for (auto end = text_.find('\n', position); end != std::string_view::npos;
       end = text_.find('\n', at_)) {
    at_ = static_cast<std::uint32_t>(end + 1);
    if (at_statement())
      return;
  }
  at_ = static_cast<std::uint32_t>(text_.size());
}

bool dbc_lexer::on_same_line() {
  const auto from = at_;
  const auto to = next();
  return text_.substr(from, to - from).find('\n') == std::string_view::npos && to < text_.size();
}

std::pair<std::uint32_t, std::uint32_t> dbc_lexer::place(std::uint32_t position) {
  if (line_starts_.empty()) {
    line_starts_.push_back(0);
    for (auto end = text_.find('\n'); end != std::string_view::npos;
         end = text_.find('\n', end + 1))
      line_starts_.push_back(static_cast<std::uint32_t>(end + 1));
  }
  const auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), position);
  const auto line = static_cast<std::uint32_t>(after - line_starts_.begin());
  return {line, position - *(after - 1) + 1};
}

std::string dbc_lexer::utf8(std::string_view raw) const {
  std::string out;
  const bool plain = std::all_of(raw.begin(), raw.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0x80U) == 0 && c != '\\';
  });
  if (plain)
    return out.assign(raw);
  out.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const auto c = static_cast<unsigned char>(raw[i]);
    if (c == '\\' && i + 1 < raw.size() && raw[i + 1] == '"')
      continue;
    if (c < 0x80 || is_utf8_) {
      out += raw[i];
    } else if (c >= 0xA0) {
      append_utf8(out, c);
    } else {
      const auto code = cp1252_high[c - 0x80U];
      append_utf8(out, code == 0 ? replacement_character : code);
    }
  }
  if (is_utf8_ && !utf8::is_valid(out.begin(), out.end())) // --encoding utf8 on another file
    return utf8::replace_invalid(out);
  return out;
}

} // namespace furrow::can
