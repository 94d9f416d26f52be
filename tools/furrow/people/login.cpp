#include "tools/furrow/commands.hpp"
#include "tools/furrow/contexts/sessions.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/people/secret_input.hpp"

#include <fmt/format.h>

#include <memory>
#include <string>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

result<int> log_in(const globals& globals, const std::string& user, const std::string& file) {
  const auto password =
    file.empty() ? ask_password("Password of " + printable(user) + ": ") : first_line_of(file);
  if (!password)
    return password.error();
  auto asked = globals;
  asked.token.clear();
  asked.token_file.clear();
  asked.use_session = false; // a login needs no token
  asked.farm.clear();
  asked.context_farm.clear();
  const auto client = node_client::from(asked);
  if (!client)
    return client.error();
  json body{{"user", user}, {"password", *password}};
  if (!globals.node_farm().empty())
    body["farm"] = globals.node_farm();
  const auto answer = client->send("POST", "/api/v1/login", body);
  if (!answer)
    return answer.error();
  const auto saved = save_session(globals.at, answer->at("token").get<std::string>());
  if (!saved)
    return failure{errc::failed, saved.error().detail};
  fmt::print(stderr, "furrow: logged in as {} until {}\n",
             printable(answer->at("user").at("name").get<std::string>()),
             answer->at("expires").get<std::string>());
  return 0;
}

result<int> log_out(const globals& globals) {
  const auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto answer = client->send("POST", "/api/v1/logout", json::object());
  if (const auto forgotten = forget_session(globals.at); !forgotten)
    return failure{errc::failed, forgotten.error().detail};
  return answer ? result<int>{0} : answer.error();
}

result<int> show_me(const globals& globals) {
  const auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto answer = client->get("/api/v1/me");
  if (!answer)
    return answer.error();
  std::string farms;
  for (const auto& farm : answer->at("farms"))
    farms += (farms.empty() ? "" : ", ") + farm.get<std::string>();
  const table shown{
    {"NAME", "KIND", "ROLE", "FARMS", "EXPIRES"},
    {{value_cell(answer->at("name")), value_cell(answer->at("kind")),
      value_cell(answer->at("role")), cell{printable(farms)}, value_cell(answer->at("expires"))}}};
  const auto printed = print(*answer, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

} // namespace

void add_login(CLI::App& app, const globals& globals, int& exit_code) {
  auto* in = app.add_subcommand(
    "login", "log in at a node; later commands at the same --at use the session");
  auto user = std::make_shared<std::string>();
  auto file = std::make_shared<std::string>();
  in->add_option("USER", *user, "NAME, or FARM/NAME")->required();
  in->add_option("--password-file", *file,
                 "file whose first line is the password; '-': standard input");
  in->footer(
    "The session is kept in $XDG_CONFIG_HOME/furrow/session, which only you can read: one for "
    "each\n"
    "node. Commands at the same URL use it, also those of a context without a token file.\n"
    "Examples:\n  furrow --at https://node1:7480 login north/anna\n"
    "  furrow --context north login anna");
  in->callback(
    [&globals, &exit_code, user, file] { exit_code = code_of(log_in(globals, *user, *file)); });
  auto* out = app.add_subcommand("logout", "end the session of `furrow login`");
  out->callback([&globals, &exit_code] { exit_code = code_of(log_out(globals)); });
  auto* me = app.add_subcommand("whoami", "show who the node takes you for, and what you may do");
  me->callback([&globals, &exit_code] { exit_code = code_of(show_me(globals)); });
}

} // namespace furrow::cli
