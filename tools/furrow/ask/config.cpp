#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/rounds.hpp"

#include <memory>
#include <string>

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

result<int> show_config(const globals& globals, bool set_only) {
  const auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto answer = client->get("/api/v1/config");
  if (!answer)
    return answer.error();
  json rows = json::array();
  table shown{{"KEY", "VALUE", "ORIGIN"}, {}, "every setting of this node has its default"};
  for (const auto& row : answer->at("settings")) {
    if (set_only && row.at("origin") == "default")
      continue;
    const auto& place = row.at("place");
    shown.rows.push_back({value_cell(row.at("key")), value_cell(row.at("value")),
                          value_cell(place.is_null() ? row.at("origin") : place)});
    rows.push_back(row);
  }
  const auto printed = print(rows, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

} // namespace

void add_config(CLI::App& app, const globals& globals, int& exit_code) {
  auto* config = app.add_subcommand("config", "the settings of a node");
  config->require_subcommand(1);
  auto* show = config->add_subcommand(
    "show", "show the settings in force and where each comes from, secrets masked");
  auto set_only = std::make_shared<bool>(false);
  show->add_flag("--set", *set_only, "leave out those that have their default");
  show->footer("This needs a token of the node with the role operator or admin.\n"
               "On the node's computer `furrowd config show --origin` prints the same for the next "
               "start.\n"
               "Example: furrow --at https://n1:7480 config show --set");
  const auto plan = add_watch_plan(*show);
  show->callback([&globals, &exit_code, set_only, plan] {
    exit_code = run_rounds(globals, *plan, [&] { return show_config(globals, *set_only); });
  });
}

} // namespace furrow::cli
