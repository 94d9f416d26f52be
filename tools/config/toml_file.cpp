#include "tools/config/toml_file.hpp"

#include "tools/config/toml_outline.hpp"
#include "tools/config/whole_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <utility>

#include <toml++/toml.h>

namespace furrow::config {

namespace {

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
  if (const auto fault = outline_fault(text))
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
