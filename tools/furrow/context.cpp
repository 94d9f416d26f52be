#include "tools/furrow/commands.hpp"
#include "tools/furrow/contexts/context_file.hpp"
#include "tools/furrow/contexts/sessions.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/rounds.hpp"
#include "tools/words/nearest.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

struct context_options {
  context made;
  bool use = false;
  bool replace = false;
  bool none = false;
};

/// A name is the reason when it is wrong; the file is the reason when it cannot be used.
failure to_failure(const config::failure& why) {
  const bool missing = why.code == config::errc::missing;
  const bool usage = why.code == config::errc::invalid;
  return {missing ? errc::not_found : usage ? errc::usage : errc::failed, why.detail};
}

config::failure no_context(const context_list& list, const std::string& name) {
  return {config::errc::missing,
          fmt::format("there is no context {}{} (`furrow context ls` lists them)", name,
                      words::did_you_mean(name, list.names()))};
}

/// Commands run in other folders, too.
result<std::string> absolute_file(const std::string& path) {
  if (path.empty())
    return path;
  std::error_code failed;
  const auto whole = std::filesystem::absolute(path, failed).lexically_normal().string();
  if (::access(whole.c_str(), R_OK) != 0)
    return failure{errc::failed, fmt::format("{}: {} (the context needs a file that can be read)",
                                             whole, std::strerror(errno))};
  return whole;
}

result<int> add_one(const context_options& given) {
  auto made = given.made;
  if (auto fault = context_name_fault(made.name); !fault.empty())
    return failure{errc::usage, std::move(fault)};
  if (auto fault = node_client::address_fault(made.at); !fault.empty())
    return failure{errc::usage, std::move(fault)};
  for (auto* path : {&made.token_file, &made.authorities}) {
    auto whole = absolute_file(*path);
    if (!whole)
      return whole.error();
    *path = std::move(*whole);
  }
  const auto changed =
    change_contexts(contexts_file(), [&](context_list& list) -> config::result<done> {
      if (!given.replace && list.find(made.name) != nullptr)
        return config::failure{
          config::errc::unreadable,
          fmt::format("the context {} is there already (--replace replaces it)", made.name)};
      if (given.use)
        list.current = made.name;
      list.put(made);
      return done{};
    });
  if (!changed)
    return to_failure(changed.error());
  return 0;
}

result<int> use_one(const context_options& given) {
  const auto& name = given.made.name;
  if (name.empty() != given.none)
    return failure{errc::usage, "context use needs the name of a context, or --none"};
  const auto changed =
    change_contexts(contexts_file(), [&](context_list& list) -> config::result<done> {
      if (!given.none && list.find(name) == nullptr)
        return no_context(list, name);
      list.current = name;
      return done{};
    });
  if (!changed)
    return to_failure(changed.error());
  return 0;
}

result<int> remove_one(const std::string& name) {
  const auto changed =
    change_contexts(contexts_file(), [&](context_list& list) -> config::result<done> {
      if (!list.remove(name))
        return no_context(list, name);
      if (list.current == name)
        list.current.clear();
      return done{};
    });
  if (!changed)
    return to_failure(changed.error());
  return 0;
}

json text_or_null(const std::string& text) {
  return text.empty() ? json(nullptr) : json(text);
}

json to_json(const context& one, const std::string& current) {
  return {{"name", one.name},
          {"current", one.name == current},
          {"at", one.at},
          {"farm", text_or_null(one.farm)},
          {"token_file", text_or_null(one.token_file)},
          {"session", !session_at(one.at).empty()},
          {"ca", text_or_null(one.authorities)}};
}

cell token_cell(const json& row) {
  const bool session = row.at("token_file").is_null() && row.at("session") == true;
  return session ? cell{"session of furrow login"} : value_cell(row.at("token_file"));
}

table contexts_table(const json& rows) {
  table shown{{"CURRENT", "NAME", "AT", "FARM", "TOKEN", "CA"},
              {},
              "there is no context: `furrow context add NAME --at URL` makes one"};
  for (const auto& row : rows)
    shown.rows.push_back({row.at("current") == true ? cell{"*", colour::good, false} : cell{},
                          value_cell(row.at("name")), value_cell(row.at("at")),
                          value_cell(row.at("farm")), token_cell(row), value_cell(row.at("ca"))});
  return shown;
}

result<int> list_all(const globals& globals) {
  const auto list = read_contexts(contexts_file());
  if (!list)
    return to_failure(list.error());
  json rows = json::array();
  for (const auto& one : list->all)
    rows.push_back(to_json(one, list->current));
  const auto printed = print(rows, contexts_table(rows), globals.format());
  return printed ? result<int>{0} : printed.error();
}

result<int> show_named(const globals& globals, const std::string& name) {
  const auto list = read_contexts(contexts_file());
  if (!list)
    return to_failure(list.error());
  const auto* found = list->find(name);
  if (found == nullptr)
    return to_failure(no_context(*list, name));
  const auto row = to_json(*found, list->current);
  table shown{{"WHAT", "VALUE"}, {}};
  for (const auto& [what, value] : row.items())
    shown.rows.push_back({cell{what}, {value_cell(value).text}});
  const auto printed = print(row, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

/// What a command would use now, and where that comes from. The token itself is not shown.
result<int> show_in_force(const globals& globals) {
  if (globals.context_fault)
    return *globals.context_fault;
  const auto& from = globals.sources;
  json rows = json::array();
  const auto add = [&](const char* what, const std::string& value, origin source) {
    const bool of_context = source == origin::context;
    rows.push_back({{"setting", what},
                    {"value", text_or_null(value)},
                    {"from", value.empty() ? "default"
                             : of_context  ? "context " + globals.context
                                           : std::string{to_string(source)}}});
  };
  add("at", globals.at, from.at.from);
  if (globals.token_file.empty() && globals.token.empty() && !session_at(globals.at).empty())
    rows.push_back({{"setting", "token"}, {"value", "(hidden)"}, {"from", "furrow login"}});
  else
    add("token", globals.token.empty() || !globals.token_file.empty() ? "" : "(hidden)",
        from.token.from);
  add("token_file", globals.token_file, from.token_file.from);
  add("ca", globals.authorities, from.authorities.from);
  add("farm", globals.node_farm(), from.farm.from);
  table shown{{"SETTING", "VALUE", "FROM"}, {}};
  for (const auto& row : rows)
    shown.rows.push_back(
      {value_cell(row.at("setting")), value_cell(row.at("value")), value_cell(row.at("from"))});
  const auto printed = print(rows, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

void add_making(CLI::App& group, int& exit_code) {
  auto given = std::make_shared<context_options>();
  auto* add = group.add_subcommand("add", "give a node, its token and its farm a name");
  add->add_option("NAME", given->made.name, "name of the context")->required();
  add->add_option("--at", given->made.at, "node to ask, http:// or https://")->required();
  add->add_option("--token-file", given->made.token_file,
                  "file whose first line is the token; default: the session of furrow login");
  add->add_option("--ca", given->made.authorities,
                  "PEM file of the certificate authorities to trust for https");
  add->add_option("--farm", given->made.farm, "farm to ask about, with a token for every farm");
  add->add_flag("--use", given->use, "use it from now on");
  add->add_flag("--replace", given->replace, "replace the context of this name");
  add->footer("The file keeps the names of files; a token is never written into it.\n"
              "Examples:\n"
              "  furrow context add north --at https://node1:7480 --ca ca.pem --farm north\n"
              "  furrow context add lab --at http://127.0.0.1:7480 --use");
  add->callback([&exit_code, given] { exit_code = code_of(add_one(*given)); });
}

} // namespace

void add_context(CLI::App& app, const globals& globals, int& exit_code) {
  auto* group =
    app.add_subcommand("context", "names for nodes: add, use, list, show and remove them");
  group->require_subcommand(1);
  group->footer(
    "The contexts are in $XDG_CONFIG_HOME/furrow/contexts.toml, which only you can read.\n"
    "Order: flags, environment, context, default. --context NAME uses another one for one command\n"
    "and stands before the environment. When a flag or FURROW_AT names the node, nothing of the\n"
    "context is used.\n"
    "Examples:\n"
    "  furrow context add north --at https://node1:7480 --ca ca.pem --token-file north.token\n"
    "  furrow context use north\n"
    "  furrow --context lab nodes\n"
    "  furrow context show");
  add_making(*group, exit_code);
  auto given = std::make_shared<context_options>();
  auto* use = group->add_subcommand("use", "use a context for the commands that follow");
  use->add_option("NAME", given->made.name, "name of the context");
  use->add_flag("--none", given->none, "use no context");
  use->callback([&exit_code, given] { exit_code = code_of(use_one(*given)); });
  auto* ls = group->add_subcommand("ls", "list the contexts");
  const auto plan = add_watch_plan(*ls);
  ls->callback([&globals, &exit_code, plan] {
    exit_code = run_rounds(globals, *plan, [&] { return list_all(globals); });
  });
  auto* show = group->add_subcommand(
    "show", "show a context; without a name: the settings in force, and where they come from");
  show->add_option("NAME", given->made.name, "name of the context");
  show->callback([&globals, &exit_code, given] {
    const auto& name = given->made.name;
    exit_code = code_of(name.empty() ? show_in_force(globals) : show_named(globals, name));
  });
  auto* remove = group->add_subcommand("rm", "remove a context; its token file stays");
  remove->add_option("NAME", given->made.name, "name of the context")->required();
  remove->callback([&exit_code, given] { exit_code = code_of(remove_one(given->made.name)); });
}

} // namespace furrow::cli
