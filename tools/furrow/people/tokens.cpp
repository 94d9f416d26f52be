#include "tools/furrowd/access/tokens.hpp"

#include "storage/identity/password.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/database_option.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/people/people_desk.hpp"
#include "tools/furrow/rounds.hpp"
#include "tools/json/people_json.hpp"
#include "tools/json/rfc3339.hpp"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

struct token_options {
  std::string name;
  std::string farm;
  std::string role = "gateway";
  std::vector<std::string> equipment;
  std::string expires;
  bool for_file = false;
};

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

/// For the token file of the nodes: nothing is asked.
result<int> new_file_token(const globals& globals, const token_options& given) {
  auto wanted = given;
  if (wanted.farm.empty())
    wanted.farm = "default";
  const auto token = storage::random_token("fur_");
  if (!token)
    return failure{errc::failed, "the operating system gave no random numbers (try again)"};
  const auto hash = daemon::hash_of_token(*token);
  const auto toml = toml_of(wanted, hash);
  // The daemon's own parser checks these lines.
  const auto read_back = daemon::token_table::parse(toml, "token");
  if (!read_back)
    return failure{errc::usage, read_back.error().detail};
  if (globals.for_people()) {
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

table table_of_tokens(const json& rows) {
  table shown{{"TOKEN", "FARMS", "ROLE", "MACHINES", "EXPIRES", "LAST USED", "MADE BY"},
              {},
              "there is no token: `furrow token new` makes one"};
  const auto joined = [](const json& names, const char* none) {
    std::string text;
    for (const auto& name : names)
      text += (text.empty() ? "" : ", ") + name.get<std::string>();
    return text.empty() ? std::string{none} : printable(text);
  };
  for (const auto& row : rows)
    shown.rows.push_back({value_cell(row.at("name")), cell{joined(row.at("farms"), "*")},
                          value_cell(row.at("role")), cell{joined(row.at("equipment"), "all")},
                          value_cell(row.at("expires")), value_cell(row.at("last_used")),
                          value_cell(row.at("created_by"))});
  add_wide_column(shown, rows, "CREATED", "created");
  return shown;
}

result<int> new_token(const globals& globals, const token_options& wanted, const std::string& url) {
  if (wanted.for_file || wanted.name.empty())
    return new_file_token(globals, wanted);
  json body{{"name", wanted.name}, {"role", wanted.role}};
  const auto& usual = url.empty() ? globals.node_farm() : globals.farm;
  const auto farm = wanted.farm.empty() ? usual : wanted.farm;
  if (!farm.empty())
    body["farm"] = farm;
  if (!wanted.equipment.empty())
    body["equipment"] = wanted.equipment;
  if (!wanted.expires.empty()) {
    if (!json_rows::parse_time(wanted.expires))
      return failure{errc::usage, "--expires: write a time such as 2027-12-31"};
    body["expires"] = wanted.expires;
  }
  auto desk = open_desk(globals, url);
  if (!desk)
    return desk.error();
  const auto made = (*desk)->add_token(body);
  if (!made)
    return made.error();
  if (globals.for_people())
    (void)write_out(made->at("token").get<std::string>() + "\n");
  const auto printed = globals.for_people() ? written() : print(*made, {}, globals.format());
  if (!printed)
    return printed.error();
  if (globals.for_people())
    fmt::print(stderr, "Standard output has the token. It is shown only now and stored nowhere.\n");
  return 0;
}

result<int> list_tokens(const globals& globals, const std::string& url, const list_wish& wish) {
  auto desk = open_desk(globals, url);
  if (!desk)
    return desk.error();
  const auto rows = (*desk)->tokens(globals.farm, wish);
  if (!rows)
    return rows.error();
  const auto printed = print(*rows, table_of_tokens(*rows), globals.format());
  return printed ? result<int>{0} : printed.error();
}

result<int> revoke(const globals& globals, const std::string& name, const std::string& url) {
  auto desk = open_desk(globals, url);
  if (!desk)
    return desk.error();
  const auto gone = (*desk)->revoke_token(named(name, globals.farm));
  if (!gone)
    return gone.error();
  fmt::print(stderr, "furrow: token {} is revoked; every node refuses it within 10 s\n",
             printable(name));
  return 0;
}

void add_new_token(CLI::App& group, const globals& globals, int& exit_code) {
  auto* made = group.add_subcommand("new", "make a token; it is printed once");
  auto wanted = std::make_shared<token_options>();
  made->add_option("NAME", wanted->name,
                   "name of the token, unique in the farm; none: lines for the token file");
  made->add_option("--farm", wanted->farm,
                   "farm whose data the token gives access to; '*': every farm");
  made->add_option("--role", wanted->role, "gateway, relay, viewer, operator or admin")
    ->check(CLI::IsMember({"gateway", "relay", "viewer", "operator", "admin"}))
    ->capture_default_str();
  made->add_option("--equipment", wanted->equipment,
                   "limit the token to this machine (may be repeated)");
  made->add_option("--expires", wanted->expires,
                   "when it expires, such as 2027-12-31; default: never");
  made->add_flag("--for-file", wanted->for_file,
                 "print lines for the token file of the nodes, and ask nobody");
  const auto* url = add_database_option(*made, "make it in the database itself, without a node");
  made->footer("Examples:\n"
               "  furrow token new t1 --role gateway --equipment T1\n"
               "  furrow token new prometheus --farm '*' --role viewer --expires 2027-12-31\n"
               "  furrow token new --for-file --equipment T1 >> tokens.toml   (the token itself: "
               "standard error)");
  made->callback([&globals, &exit_code, wanted, url] {
    exit_code = code_of(new_token(globals, *wanted, url_of(url)));
  });
}

} // namespace

void add_token(CLI::App& app, const globals& globals, int& exit_code) {
  auto* group = app.add_subcommand("token", "tokens for gateways and programs: new, list, revoke");
  group->require_subcommand(1);
  add_new_token(*group, globals, exit_code);
  auto* list =
    group->add_subcommand("list", "list tokens: what they may do, and when they were used");
  const auto* list_url = add_database_option(*list);
  const auto wish = add_list_wish(*list, "tokens", json_rows::token_sort_keys);
  const auto plan = add_watch_plan(*list);
  list->footer("Example:\n  furrow token list --sort expires --limit 20");
  list->callback([&globals, &exit_code, list_url, wish, plan] {
    exit_code =
      run_rounds(globals, *plan, [&] { return list_tokens(globals, url_of(list_url), *wish); });
  });
  auto name = std::make_shared<std::string>();
  auto* gone = group->add_subcommand("revoke", "revoke a token: connections that use it are cut");
  gone->add_option("TOKEN", *name, "its name, or FARM/NAME")->required();
  const auto* gone_url = add_database_option(*gone);
  gone->callback([&globals, &exit_code, name, gone_url] {
    exit_code = code_of(revoke(globals, *name, url_of(gone_url)));
  });
}

} // namespace furrow::cli
