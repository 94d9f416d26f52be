#include "tools/config/toml_file.hpp"

#include "tools/config/whole_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <optional>
#include <utility>

#include <toml++/toml.h>

namespace furrow::config {

namespace {

/// Finds what toml++ 3.3 cannot take: deep nesting, and table headers without a name, which fail an assertion there. It
/// knows strings, comments and headers, and nothing else of TOML.
class outline {
public:
  explicit outline(std::string_view text) : text_{text} {}

  struct fault {
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    std::string what;
  };
  std::optional<fault> first_fault() {
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
  [[nodiscard]] fault here(std::string what) const {
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

/// Keys and errors are shown to people: they must not break the line or control the terminal.
std::string printable(std::string_view text) {
  std::string out{text.substr(0, 200)};
  for (auto& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      c = '?';
  return out;
}

place place_of(const toml::source_position& at, const std::string& source) {
  return {source, at.line, at.column};
}

/// The text of a value that is neither a table nor a list.
std::pair<value_kind, std::string> scalar(const toml::node& node) {
  if (const auto text = node.value_exact<std::string>())
    return {value_kind::text, *text};
  if (const auto number = node.value_exact<std::int64_t>())
    return {value_kind::integer, std::to_string(*number)};
  if (const auto number = node.value_exact<double>(); number && std::isfinite(*number))
    return {value_kind::real, fmt::format("{}", *number)};
  if (const auto yes = node.value_exact<bool>())
    return {value_kind::yes_no, *yes ? "true" : "false"};
  return {value_kind::other, {}};
}

file_value value_of(const toml::key& key, const toml::node& node, const std::string& source) {
  file_value out;
  out.key = printable(key.str());
  out.key_at = place_of(key.source().begin, source);
  out.at = place_of(node.source().begin, source);
  const auto* list = node.as_array();
  out.is_list = list != nullptr;
  if (list == nullptr) {
    auto [kind, text] = scalar(node);
    out.kind = kind;
    out.texts.push_back(std::move(text));
    return out;
  }
  for (const auto& item : *list) {
    auto [kind, text] = scalar(item);
    if (!out.texts.empty() && kind != out.kind)
      kind = value_kind::other;
    out.kind = kind;
    out.texts.push_back(std::move(text));
    if (kind == value_kind::other)
      break;
  }
  return out;
}

result<toml::table> parsed(std::string_view text, const std::string& source) {
  if (text.size() > file_bytes_max)
    return failure{errc::invalid, source + ":1:1: a configuration file may have at most 1 MiB"};
  if (const auto fault = outline{text}.first_fault())
    return failure{errc::invalid,
                   fmt::format("{}:{}:{}: {}", source, fault->line, fault->column, fault->what)};
  try {
    return toml::parse(text, source);
  } catch (const toml::parse_error& error) {
    return failure{errc::invalid, place_of(error.source().begin, source).text() + ": "
                                    + printable(error.description())};
  }
}

bool stands_before(const file_value& a, const file_value& b) {
  return std::pair{a.key_at.line, a.key_at.column} < std::pair{b.key_at.line, b.key_at.column};
}

/// Nested at most `nesting_max` deep.
void append_tree(const toml::table& table,
                 const std::vector<std::string>& above,
                 const std::string& source,
                 std::vector<tree_value>& out) {
  for (const auto& [key, node] : table) {
    tree_value one{above, node.is_table(), value_of(key, node, source)};
    one.path.push_back(one.value.key);
    out.push_back(one);
    if (const auto* below = node.as_table())
      append_tree(*below, one.path, source, out);
  }
}

} // namespace

std::string place::text() const {
  return fmt::format("{}:{}:{}", file, line, column);
}

const char* to_string(value_kind kind) {
  switch (kind) {
  case value_kind::text:
    return "a text in quotes";
  case value_kind::integer:
    return "a whole number";
  case value_kind::real:
    return "a number";
  case value_kind::yes_no:
    return "true or false";
  case value_kind::other:
    return "a table, a time or a mixed list";
  }
  return "unknown";
}

result<std::vector<file_value>> parse_toml(std::string_view text, const std::string& source) {
  const auto table = parsed(text, source);
  if (!table)
    return table.error();
  std::vector<file_value> out;
  for (const auto& [key, value] : *table)
    out.push_back(value_of(key, value, source));
  std::sort(out.begin(), out.end(), stands_before);
  return out;
}

result<std::vector<tree_value>> parse_toml_tree(std::string_view text, const std::string& source) {
  const auto table = parsed(text, source);
  if (!table)
    return table.error();
  std::vector<tree_value> out;
  append_tree(*table, {}, source, out);
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return stands_before(a.value, b.value); });
  return out;
}

result<read_file> read_toml(const std::string& path) {
  const auto whole = read_whole(path, file_bytes_max);
  if (!whole)
    return whole.error();
  auto values = parse_toml(whole->text, path);
  if (!values)
    return values.error();
  return read_file{std::move(*values), whole->is_open_to_others};
}

result<std::vector<std::string>> drop_ins_of(const std::string& path) {
  namespace fs = std::filesystem;
  fs::path folder{path};
  folder.replace_extension(".conf.d");
  std::vector<std::string> out;
  std::error_code error;
  for (fs::directory_iterator at{folder, error}, end; !error && at != end; at.increment(error)) {
    const auto name = at->path().filename().string();
    if (name.front() != '.' && at->path().extension() == ".toml")
      out.push_back(at->path().string());
  }
  if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory)
    return failure{errc::unreadable, folder.string() + ": " + error.message()};
  if (out.size() > drop_ins_max)
    return failure{errc::invalid,
                   fmt::format("{}: at most {} files", folder.string(), drop_ins_max)};
  std::sort(out.begin(), out.end());
  return out;
}

} // namespace furrow::config
