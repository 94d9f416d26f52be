#include "tools/furrow/commands.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrowd/access/tokens.hpp"

#include <fmt/format.h>

#include <openssl/rand.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

struct token_options {
  std::string farm = "default";
  std::string role = "gateway";
  std::vector<std::string> equipment;
};

/// Returns 256 random bits as letters and digits, which need no quoting anywhere.
result<std::string> random_token() {
  std::array<unsigned char, 32> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    return failure{errc::failed, "the operating system gave no random numbers (try again)"};
  std::string token = "fur_";
  for (const auto byte : bytes)
    token += fmt::format("{:02x}", byte);
  return token;
}

std::string quoted(const std::string& name) {
  std::string text = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\')
      text += '\\';
    text += c;
  }
  return text + "\"";
}

std::string toml_of(const token_options& wanted, const std::string& hash) {
  auto text = fmt::format("[[token]]\nsha256 = \"{}\"\nfarm = {}\nrole = \"{}\"\n", hash,
                          quoted(wanted.farm), wanted.role);
  std::string names;
  for (const auto& name : wanted.equipment)
    names += (names.empty() ? "" : ", ") + quoted(name);
  return names.empty() ? text : text + "equipment = [" + names + "]\n";
}

result<int> new_token(const globals& globals, const token_options& wanted) {
  const auto token = random_token();
  if (!token)
    return token.error();
  const auto hash = daemon::hash_of_token(*token);
  const auto toml = toml_of(wanted, hash);
  // The daemon's own parser checks these lines.
  const auto read_back = daemon::token_table::parse(toml, "token");
  if (!read_back)
    return failure{errc::usage, read_back.error().detail};
  if (globals.format() == output_format::table) {
    // Standard output may be appended to the token file of the nodes: the secret must not get there.
    fmt::print(stderr,
               "The token. Give it to its user; it is shown only now and stored nowhere:\n{}\n"
               "Standard output has the lines for the token file of the nodes.\n",
               *token);
    (void)write_out(toml);
    const auto output = written();
    return output ? result<int>{0} : output.error();
  }
  const json made{{"token", *token},
                  {"sha256", hash},
                  {"farm", wanted.farm},
                  {"role", wanted.role},
                  {"equipment", wanted.equipment}};
  const auto printed = print(made, {}, globals.format());
  return printed ? result<int>{0} : printed.error();
}

} // namespace

void add_token(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command = app.add_subcommand("token", "create tokens for gateways and people");
  command->require_subcommand(1);
  auto* made = command->add_subcommand("new", "create a token, and its lines for the token file");
  auto wanted = std::make_shared<token_options>();
  made->add_option("--farm", wanted->farm, "farm whose data the token gives access to")
    ->capture_default_str();
  made->add_option("--role", wanted->role, "role of the token: gateway, viewer, operator or admin")
    ->check(CLI::IsMember({"gateway", "viewer", "operator", "admin"}))
    ->capture_default_str();
  made->add_option("--equipment", wanted->equipment,
                   "limit the token to this machine (may be repeated)");
  made->footer(
    "Examples:\n"
    "  furrow token new --role gateway --equipment T1 >> tokens.toml   (the token itself: standard "
    "error)\n"
    "  furrow token new --role viewer -o json");
  made->callback(
    [&globals, &exit_code, wanted] { exit_code = code_of(new_token(globals, *wanted)); });
}

} // namespace furrow::cli
