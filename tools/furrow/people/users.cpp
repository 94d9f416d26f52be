#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/database_option.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/people/people_desk.hpp"
#include "tools/furrow/people/secret_input.hpp"
#include "tools/furrow/rounds.hpp"
#include "tools/json/people_json.hpp"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include <CLI/Validators.hpp>

namespace furrow::cli {

namespace {

struct user_options {
  std::string name;
  std::vector<std::string> farms;
  std::string role;
  std::string title;
  std::vector<std::string> equipment;
  std::string password_file;
  bool first = false;
};

std::string joined(const json& names, const char* none) {
  std::string text;
  for (const auto& name : names)
    text += (text.empty() ? "" : ", ") + name.get<std::string>();
  return text.empty() ? none : text;
}

table table_of_users(const json& rows) {
  table shown{{"USER", "FARMS", "ROLE", "STATUS", "MACHINES", "LAST LOGIN", "TITLE"},
              {},
              "there is no user: `furrow user add` makes one"};
  for (const auto& row : rows) {
    const bool active = row.at("status") == "active";
    shown.rows.push_back(
      {value_cell(row.at("name")), cell{printable(joined(row.at("farms"), "*"))},
       value_cell(row.at("role")),
       cell{row.at("status").get<std::string>(), active ? colour::none : colour::bad, false},
       cell{printable(joined(row.at("equipment"), "all"))}, value_cell(row.at("last_login")),
       value_cell(row.at("title"))});
  }
  add_wide_column(shown, rows, "PASSWORD", "has_password");
  add_wide_column(shown, rows, "CREATED", "created");
  add_wide_column(shown, rows, "VERSION", "version");
  return shown;
}

result<int> shown(const result<json>& answer, const globals& globals) {
  if (!answer)
    return answer.error();
  const auto rows = answer->is_array() ? *answer : json::array({*answer});
  const auto printed = print(*answer, table_of_users(rows), globals.format());
  if (!printed)
    return printed.error();
  if (globals.for_people() && answer->is_object() && answer->contains("password"))
    fmt::print(stderr, "The password. It is shown only now and stored nowhere:\n{}\n",
               answer->at("password").get<std::string>());
  return 0;
}

void add_reach(json& body, const std::vector<std::string>& farms) {
  if (farms.size() == 1)
    body["farm"] = farms.front();
  else if (farms.size() > 1)
    body["farms"] = farms;
}

result<done> add_password(json& body, const std::string& file) {
  if (file.empty())
    return done{};
  const auto password = first_line_of(file);
  if (!password)
    return password.error();
  body["password"] = *password;
  return done{};
}

result<int> add(const globals& globals, const user_options& wanted, const std::string& url) {
  auto desk = open_desk(globals, url);
  if (!desk)
    return desk.error();
  json body{{"name", wanted.name}, {"role", wanted.role}};
  add_reach(body, wanted.farms);
  if (!wanted.title.empty())
    body["title"] = wanted.title;
  if (!wanted.equipment.empty())
    body["equipment"] = wanted.equipment;
  if (const auto given = add_password(body, wanted.password_file); !given)
    return given.error();
  return shown((*desk)->add_user(body), globals);
}

result<int> change(const globals& globals,
                   const user_options& wanted,
                   const std::string& url,
                   const std::string& farm,
                   json body) {
  auto desk = open_desk(globals, url);
  if (!desk)
    return desk.error();
  if (const auto given = add_password(body, wanted.password_file); !given)
    return given.error();
  return shown((*desk)->change_user(named(wanted.name, farm), body), globals);
}

json body_of(const user_options& wanted) {
  auto body = json::object();
  if (!wanted.role.empty())
    body["role"] = wanted.role;
  if (!wanted.title.empty())
    body["title"] = wanted.title;
  if (!wanted.equipment.empty())
    body["equipment"] = wanted.equipment;
  if (!wanted.farms.empty())
    body["farms"] = wanted.farms;
  return body;
}

CLI::App* with_name(CLI::App& group,
                    const char* verb,
                    const char* what,
                    const std::shared_ptr<user_options>& options) {
  auto* command = group.add_subcommand(verb, what);
  command->add_option("USER", options->name, "the user: NAME, or FARM/NAME")->required();
  return command;
}

void add_list(CLI::App& group, const globals& globals, int& exit_code) {
  auto* list = group.add_subcommand("list", "list users: who they are, and what they may do");
  const auto* url =
    add_database_option(*list, "ask the database itself: postgresql://... or sqlite:PATH");
  const auto wish = add_list_wish(*list, "users", json_rows::user_sort_keys);
  const auto plan = add_watch_plan(*list);
  list->footer("Example:\n  furrow user list --sort -last_login --limit 20");
  list->callback([&globals, &exit_code, url, wish, plan] {
    exit_code = run_rounds(globals, *plan, [&] {
      auto desk = open_desk(globals, url_of(url));
      return desk ? shown((*desk)->users(globals.farm, *wish), globals) : result<int>{desk.error()};
    });
  });
  auto options = std::make_shared<user_options>();
  auto* show = with_name(group, "show", "show one user", options);
  const auto* show_url = add_database_option(*show);
  show->callback([&globals, &exit_code, options, show_url] {
    auto desk = open_desk(globals, url_of(show_url));
    exit_code = code_of(desk ? shown((*desk)->user(named(options->name, globals.farm)), globals)
                             : result<int>{desk.error()});
  });
}

void add_new(CLI::App& group, const globals& globals, int& exit_code) {
  auto options = std::make_shared<user_options>();
  options->role = "viewer";
  auto* command =
    group.add_subcommand("add", "make a user, with a new password or one from a file");
  command->add_option("USER", options->name, "name of the user, unique in the farm")->required();
  command->add_option("--farm", options->farms,
                      "farm of the user; repeat for several; '*': every farm, a user of the node");
  command->add_option("--role", options->role, "viewer, operator or admin")
    ->check(CLI::IsMember({"viewer", "operator", "admin"}))
    ->capture_default_str();
  command->add_option("--title", options->title, "full name, or what the user is for");
  command->add_option("--equipment", options->equipment,
                      "limit the user to this machine (may be repeated)");
  command->add_option("--password-file", options->password_file,
                      "file whose first line is the password; '-': standard input");
  const auto* url = add_database_option(*command, "make it in the database itself, without a node");
  command->footer("Examples:\n"
                  "  furrow user add anna --farm north --role operator\n"
                  "  furrow user add eva --farm '*' --role admin --database sqlite:furrow.db");
  command->callback([&globals, &exit_code, options, url] {
    exit_code = code_of(add(globals, *options, url_of(url)));
  });
}

void add_changes(CLI::App& group, const globals& globals, int& exit_code) {
  auto set = std::make_shared<user_options>();
  auto* command = with_name(group, "set", "change role, title or reach of a user", set);
  command->add_option("--role", set->role, "viewer, operator or admin")
    ->check(CLI::IsMember({"viewer", "operator", "admin"}));
  command->add_option("--title", set->title, "full name, or what the user is for");
  command->add_option("--equipment", set->equipment,
                      "limit the user to this machine (may be repeated)");
  command
    ->add_option("--farms", set->farms,
                 "of a user of the node: the farms that it reaches; '*': every farm")
    ->delimiter(',');
  const auto* url = add_database_option(*command);
  command->callback([&globals, &exit_code, set, url] {
    exit_code = code_of(change(globals, *set, url_of(url), globals.farm, body_of(*set)));
  });
  for (const auto& [verb, what, status] :
       {std::tuple{"disable", "end a user's sessions and let nobody log in as the user",
                   "disabled"},
        std::tuple{"enable", "let a disabled user log in again", "active"}}) {
    auto options = std::make_shared<user_options>();
    auto* other = with_name(group, verb, what, options);
    const auto* other_url = add_database_option(*other);
    other->callback([&globals, &exit_code, options, other_url, word = status] {
      exit_code =
        code_of(change(globals, *options, url_of(other_url), globals.farm, {{"status", word}}));
    });
  }
  auto password = std::make_shared<user_options>();
  auto* fresh = with_name(group, "password",
                          "give a user a new password, and end the user's sessions", password);
  fresh->add_option(
    "--password-file", password->password_file,
    "file whose first line is the password; '-': standard input; default: a new one is made");
  const auto* fresh_url = add_database_option(*fresh);
  fresh->callback([&globals, &exit_code, password, fresh_url] {
    json body = json::object();
    if (password->password_file.empty())
      body["new_password"] = true;
    exit_code =
      code_of(change(globals, *password, url_of(fresh_url), globals.farm, std::move(body)));
  });
  auto gone = std::make_shared<user_options>();
  auto* remove = with_name(group, "remove", "remove a user and the user's sessions", gone);
  const auto* remove_url = add_database_option(*remove);
  remove->callback([&globals, &exit_code, gone, remove_url] {
    auto desk = open_desk(globals, url_of(remove_url));
    const auto removed =
      desk ? (*desk)->remove_user(named(gone->name, globals.farm)) : result<json>{desk.error()};
    if (removed)
      fmt::print(stderr, "furrow: user {} is removed\n", printable(gone->name));
    exit_code = removed ? 0 : report(removed.error());
  });
}

} // namespace

void add_users(CLI::App& app, const globals& globals, int& exit_code) {
  auto* group =
    app.add_subcommand("user", "people who may use the nodes: add, list, change, remove");
  group->require_subcommand(1);
  add_list(*group, globals, exit_code);
  add_new(*group, globals, exit_code);
  add_changes(*group, globals, exit_code);
}

} // namespace furrow::cli
