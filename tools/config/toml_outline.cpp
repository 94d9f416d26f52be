#include "tools/config/toml_outline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace furrow::config {

namespace {

/// Knows strings, comments and headers, and nothing else of TOML.
class outline {
public:
  explicit outline(std::string_view text) : text_{text} {}

  std::optional<toml_fault> first_fault() {
    while (at_ < text_.size()) {
      if (is_nameless_header())
        return here("a table needs a name");
      step();
      if (brackets_ + dots_ > nesting_max)
        return here(fmt::format("more than {} levels of tables and lists", nesting_max));
    }
    return std::nullopt;
  }

private:
  [[nodiscard]] toml_fault here(std::string what) const {
    const auto column =
      at_ - line_start_ + (line_ == 1 ? 1 : 0); // line_start_ is the line end before
    return {line_, static_cast<std::uint32_t>(column), std::move(what)};
  }

  /// `[` or `[[` at the begin of a line, outside of lists, with neither a letter of a key nor a quote behind it.
  [[nodiscard]] bool is_nameless_header() const {
    if (text_[at_] != '[' || brackets_ != 0
        || text_.substr(line_start_, at_ - line_start_).find_first_not_of("\n \t\r\xEF\xBB\xBF")
             != std::string_view::npos)
      return false;
    auto name = at_ + 1;
    if (name < text_.size() && text_[name] == '[')
      ++name;
    name = std::min(text_.find_first_not_of(" \t", name), text_.size());
    return name == text_.size()
           || (std::isalnum(static_cast<unsigned char>(text_[name])) == 0
               && std::string_view{"_-\"'"}.find(text_[name]) == std::string_view::npos);
  }

  void step() {
    const char c = text_[at_];
    switch (c) {
    case '#':
      at_ = std::min(text_.find('\n', at_), text_.size());
      return;
    case '"':
    case '\'':
      skip_string(c);
      return;
    case '\n':
      new_line();
      dots_ = 0;
      break;
    case '.':
      ++dots_;
      break;
    case '[':
    case '{':
      ++brackets_;
      dots_ = 0;
      break;
    case ']':
    case '}':
      brackets_ -= brackets_ > 0 ? 1 : 0;
      dots_ = 0;
      break;
    case '=':
    case ',':
      dots_ = 0;
      break;
    default:
      break;
    }
    ++at_;
  }

  void new_line() {
    ++line_;
    line_start_ = at_;
  }

  void skip_string(char quote) {
    const std::string three(3, quote);
    const bool is_long = text_.substr(at_, 3) == three;
    at_ += is_long ? 3 : 1;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n') {
        if (!is_long)
          return; // an error of the file, which toml++ reports
        new_line();
      } else if (c == '\\' && quote == '"' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') {
        ++at_;
      } else if (c == quote && !is_long) {
        ++at_;
        return;
      } else if (c == quote && text_.substr(at_, 3) == three) {
        at_ += 3;
        for (int more = 0; more < 2 && at_ < text_.size() && text_[at_] == quote; ++more)
          ++at_; // up to two quotes more belong to the string
        return;
      }
      ++at_;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_start_ = 0;
  std::uint32_t line_ = 1;
  std::size_t brackets_ = 0;
  std::size_t dots_ = 0; // of the key at hand
};

} // namespace

std::optional<toml_fault> outline_fault(std::string_view text) {
  return outline{text}.first_fault();
}

std::string printable(std::string_view text) {
  std::string out{text.substr(0, 200)};
  for (auto& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      c = '?';
  return out;
}

} // namespace furrow::config
