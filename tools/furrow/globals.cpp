#include "tools/furrow/globals.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include <CLI/CLI.hpp>

namespace furrow::cli {

int report(const failure& what) {
  fmt::print(stderr, "furrow: {}\n", what.detail);
  return static_cast<int>(what.code);
}

output_format globals::format() const {
  if (output == "json")
    return output_format::json;
  return output == "jsonl" ? output_format::jsonl : output_format::table;
}

std::chrono::milliseconds globals::timeout() const {
  return std::chrono::milliseconds{static_cast<std::int64_t>(timeout_s * 1'000)};
}

result<std::string> globals::bearer_token() const {
  if (token_file.empty() && (!token.empty() || !use_session))
    return token;
  if (token_file.empty()) {
    std::ifstream saved{session_file()};
    std::string made_at;
    std::string session;
    std::getline(saved, made_at);
    std::getline(saved, session);
    return made_at == at ? session : std::string{};
  }
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

std::string session_file() {
  if (const auto* place = std::getenv("XDG_CONFIG_HOME"); place != nullptr && *place != 0)
    return std::string{place} + "/furrow/session";
  const auto* home = std::getenv("HOME");
  return home == nullptr || *home == 0 ? std::string{}
                                       : std::string{home} + "/.config/furrow/session";
}

void add_globals(CLI::App& app, globals& globals) {
  app.add_option("--at", globals.at, "node to ask, http:// or https://")
    ->envname("FURROW_AT")
    ->capture_default_str();
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
  app.add_option("-o,--output", globals.output, "table (default), json or jsonl")
    ->check(CLI::IsMember({"table", "json", "jsonl"}));
  app.add_option("--timeout", globals.timeout_s, "longest wait for an answer, in seconds")
    ->check(CLI::Range(0.001, 86'400.0))
    ->capture_default_str();
}

} // namespace furrow::cli
