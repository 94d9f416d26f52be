#include "tools/furrow/globals.hpp"

#include "tools/furrow/contexts/context_file.hpp"
#include "tools/furrow/contexts/sessions.hpp"
#include "tools/words/nearest.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>

#include <CLI/CLI.hpp>

namespace furrow::cli {

namespace {

struct global_option {
  const char* name;
  std::string node_choice::*member;
};
constexpr std::array<global_option, 5> node_options{{
  {"--at", &node_choice::at},
  {"--token", &node_choice::token},
  {"--token-file", &node_choice::token_file},
  {"--ca", &node_choice::authorities},
  {"--farm", &node_choice::farm},
}};

/// What was typed, or what the environment says.
node_choice said_by(const CLI::App& app, bool typed) {
  node_choice out;
  for (const auto& [name, member] : node_options) {
    const auto* option = app.get_option(name);
    if (option->count() > 0 && was_typed(app, option) == typed)
      out.*member = option->as<std::string>();
  }
  return out;
}

/// The context that was named, or the current one; none if the name is empty and no context is current.
result<std::optional<context>> chosen_context(const std::string& name) {
  const auto list = read_contexts(contexts_file());
  if (!list)
    return failure{errc::usage, list.error().detail};
  const auto& wanted = name.empty() ? list->current : name;
  if (wanted.empty())
    return std::optional<context>{};
  const auto* found = list->find(wanted);
  if (found == nullptr)
    return failure{errc::usage,
                   fmt::format("there is no context {}{} (`furrow context ls` lists them)", wanted,
                               words::did_you_mean(wanted, list->names()))};
  return std::optional{*found};
}

void take_settings(const CLI::App& app, globals& globals) {
  const auto flags = said_by(app, true);
  const auto environment = said_by(app, false);
  const bool is_typed = was_typed(app, app.get_option("--context"));
  if (is_typed && !flags.at.empty())
    globals.context_fault = {errc::usage,
                             "--context and --at both name the node; give one of them"};
  std::optional<context> chosen;
  if (is_typed ? flags.at.empty() : flags.at.empty() && environment.at.empty()) {
    auto found = chosen_context(globals.context);
    if (found)
      chosen = std::move(*found);
    else
      globals.context_fault = found.error();
  }
  const auto* used = chosen ? &*chosen : nullptr;
  globals.sources = settings_of(flags, environment, used, is_typed);
  globals.context = used == nullptr ? "" : used->name;
  globals.at = globals.sources.at.value;
  globals.token = globals.sources.token.value;
  globals.token_file = globals.sources.token_file.value;
  globals.authorities = globals.sources.authorities.value;
  const bool of_context = globals.sources.farm.from == origin::context;
  globals.farm = of_context ? "" : globals.sources.farm.value;
  globals.context_farm = of_context ? globals.sources.farm.value : "";
}

} // namespace

int report(const failure& what) {
  fmt::print(stderr, "furrow: {}\n", what.detail);
  return static_cast<int>(what.code);
}

output_format globals::format() const {
  if (output == "json")
    return output_format::json;
  if (output == "jsonl")
    return output_format::jsonl;
  if (output == "csv")
    return output_format::csv;
  return output == "wide" ? output_format::wide : output_format::table;
}

bool globals::for_people() const {
  return format() == output_format::table || format() == output_format::wide;
}

std::chrono::milliseconds globals::timeout() const {
  return std::chrono::milliseconds{static_cast<std::int64_t>(timeout_s * 1'000)};
}

result<std::string> globals::bearer_token() const {
  if (token_file.empty() && (!token.empty() || !use_session))
    return token;
  if (token_file.empty())
    return session_at(at);
  std::ifstream in{token_file};
  std::string line;
  if (!in)
    return failure{errc::failed, fmt::format("{}: {} (the first line must be the token)",
                                             token_file, std::strerror(errno))};
  std::getline(in, line);
  line.erase(line.find_last_not_of(" \t\r\n") + 1);
  if (line.empty())
    return failure{errc::failed,
                   fmt::format("{}: the first line is empty (it must be the token)", token_file)};
  return line;
}

void add_globals(CLI::App& app, globals& globals) {
  app.add_option("--at", globals.at, "node to ask, http:// or https://")
    ->envname("FURROW_AT")
    ->capture_default_str();
  app
    .add_option("--context", globals.context, "context to use for this command (furrow context ls)")
    ->envname("FURROW_CONTEXT");
  app.add_option("--token", globals.token, "bearer token (other users see it in the process list)")
    ->envname("FURROW_TOKEN");
  app.add_option("--token-file", globals.token_file, "file whose first line is the token");
  app
    .add_option("--farm", globals.farm,
                "farm to ask about, with a token for every farm (farm \"*\"); default: default")
    ->envname("FURROW_FARM");
  app
    .add_option("--ca", globals.authorities,
                "PEM file of the certificate authorities to trust for https")
    ->envname("FURROW_CA");
  app.add_option("-o,--output", globals.output, "table (default), wide, json, jsonl or csv")
    ->check(CLI::IsMember({"table", "wide", "json", "jsonl", "csv"}));
  app.add_option("--timeout", globals.timeout_s, "longest wait for an answer, in seconds")
    ->check(CLI::Range(0.001, 86'400.0))
    ->capture_default_str();
  // Before the callbacks of the commands.
  app.parse_complete_callback([&app, &globals] { take_settings(app, globals); });
}

} // namespace furrow::cli
