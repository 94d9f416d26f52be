#include "tools/furrow/contexts/context_file.hpp"

#include "tools/config/toml_file.hpp"
#include "tools/config/whole_file.hpp"
#include "tools/furrow/contexts/private_file.hpp"
#include "tools/words/nearest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace furrow::cli {

namespace {

constexpr std::size_t name_letters_max = 64;

struct context_member {
  const char* key;
  std::string context::*member;
};
constexpr std::array<context_member, 4> context_members{{
  {"at", &context::at},
  {"token_file", &context::token_file},
  {"ca", &context::authorities},
  {"farm", &context::farm},
}};

std::vector<std::string> context_keys() {
  std::vector<std::string> keys;
  keys.reserve(context_members.size());
  for (const auto& one : context_members)
    keys.emplace_back(one.key);
  return keys;
}

config::failure damaged(const config::place& at, const std::string& what) {
  return {config::errc::invalid,
          fmt::format("{}: {} (mend the line, or remove the file and add the contexts again)",
                      at.text(), what)};
}

std::string toml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += '\\';
    if (code < 0x20 || code == 0x7F)
      out += fmt::format("\\u{:04X}", code);
    else
      out += c;
  }
  return out + "\"";
}

/// Puts a value of the file into the list.
config::result<done> take_value(const config::tree_value& one, context_list& list) {
  const auto& value = one.value;
  const auto& path = one.path;
  const bool is_text = value.kind == config::value_kind::text && !value.is_list;
  if (path.size() == 1 && path[0] == "current") {
    if (!is_text)
      return damaged(value.at, "current needs the name of a context in quotes");
    list.current = value.texts.front();
    return done{};
  }
  if (path[0] != "context" || path.size() > 3)
    return damaged(value.key_at, fmt::format("unknown key {}; known are current and [context.NAME]",
                                             path.back()));
  if (path.size() < 3) {
    if (!one.is_table)
      return damaged(value.at, fmt::format("{} must be a table", path.back()));
    if (path.size() == 1)
      return done{};
    if (const auto fault = context_name_fault(path[1]); !fault.empty())
      return damaged(value.key_at, fault);
    if (list.find(path[1]) == nullptr)
      list.put({path[1], {}, {}, {}, {}});
    return done{};
  }
  if (path[2] == "token")
    return damaged(value.key_at,
                   "a token does not belong here; write it to a file and name that as token_file");
  const auto* known = std::find_if(context_members.begin(), context_members.end(),
                                   [&path](const auto& member) { return path[2] == member.key; });
  if (known == context_members.end())
    return damaged(value.key_at, fmt::format("unknown key {}{}", path[2],
                                             words::did_you_mean(path[2], context_keys())));
  if (!is_text)
    return damaged(value.at, fmt::format("{} needs a text in quotes", path[2]));
  const auto* before = list.find(path[1]);
  auto changed = before == nullptr ? context{path[1], {}, {}, {}, {}} : *before;
  changed.*(known->member) = value.texts.front();
  list.put(std::move(changed));
  return done{};
}

} // namespace

const context* context_list::find(std::string_view name) const {
  const auto found =
    std::find_if(all.begin(), all.end(), [name](const auto& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::vector<std::string> context_list::names() const {
  std::vector<std::string> out;
  for (const auto& one : all)
    out.push_back(one.name);
  return out;
}

void context_list::put(context one) {
  remove(one.name);
  const auto behind = std::find_if(all.begin(), all.end(),
                                   [&one](const auto& other) { return other.name > one.name; });
  all.insert(behind, std::move(one));
}

bool context_list::remove(std::string_view name) {
  return std::erase_if(all, [name](const auto& one) { return one.name == name; }) > 0;
}

std::string context_name_fault(std::string_view name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'
           || c == '-' || c == '.';
  });
  if (!name.empty() && name.size() <= name_letters_max && plain && name.front() != '-')
    return {};
  return fmt::format("the name of a context has 1 to {} letters, digits, dots, hyphens and "
                     "underscores, and does not begin with a hyphen",
                     name_letters_max);
}

config::result<context_list> parse_contexts(std::string_view text, const std::string& source) {
  const auto values = config::parse_toml_tree(text, source);
  if (!values)
    return config::failure{values.error().code,
                           values.error().detail
                             + " (mend the line, or remove the file and add the contexts again)"};
  context_list list;
  for (const auto& one : *values)
    if (const auto taken = take_value(one, list); !taken)
      return taken.error();
  for (const auto& one : *values) {
    const bool is_context = one.is_table && one.path.size() == 2;
    if (is_context && list.find(one.path[1])->at.empty())
      return damaged(one.value.key_at,
                     fmt::format("context {} has no at = \"http://HOST:PORT\"", one.path[1]));
    if (one.path.size() == 1 && one.path[0] == "current" && list.find(list.current) == nullptr)
      return damaged(one.value.at, fmt::format("there is no context of this name{}",
                                               words::did_you_mean(list.current, list.names())));
  }
  return list;
}

std::string to_toml(const context_list& list) {
  std::string out = "# Written by furrow context. Tokens do not belong here.\n";
  if (!list.current.empty())
    out += fmt::format("current = {}\n", toml_text(list.current));
  for (const auto& one : list.all) {
    out += fmt::format("\n[context.{}]\n", toml_text(one.name));
    for (const auto& [key, member] : context_members)
      if (!(one.*member).empty())
        out += fmt::format("{} = {}\n", key, toml_text(one.*member));
  }
  return out;
}

std::string contexts_file() {
  const auto folder = config_folder();
  return folder.empty() ? folder : folder + "/contexts.toml";
}

config::result<context_list> read_contexts(const std::string& path) {
  const auto whole = config::read_whole(path, config::file_bytes_max);
  if (!whole && (path.empty() || whole.code() == config::errc::missing))
    return context_list{};
  if (!whole)
    return whole.error();
  if (auto fault = tampering_fault(path, whole->is_writable_by_others, path + ":1:1");
      !fault.empty())
    return config::failure{config::errc::invalid, std::move(fault)};
  return parse_contexts(whole->text, path);
}

config::result<done>
change_contexts(const std::string& path,
                const std::function<config::result<done>(context_list&)>& change) {
  if (path.empty())
    return config::failure{
      config::errc::unreadable,
      "neither XDG_CONFIG_HOME nor HOME is set: there is no place for contexts"};
  // Before the folder is closed to others: what they may have written is refused.
  if (const auto before = read_contexts(path); !before)
    return before.error();
  const auto held = folder_hold::of(path);
  if (!held)
    return held.error();
  auto list = read_contexts(path);
  if (!list)
    return list.error();
  if (const auto changed = change(*list); !changed)
    return changed.error();
  return held->replace(path, to_toml(*list));
}

} // namespace furrow::cli
