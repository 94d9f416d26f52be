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

constexpr const char* levels_target = "/api/v1/log-levels";

result<int> show_levels(const result<json>& answer, const globals& globals) {
  if (!answer)
    return answer.error();
  table shown{{"MODULE", "LEVEL"}, {}};
  for (const auto& row : answer->at("modules"))
    shown.rows.push_back({value_cell(row.at("module")), value_cell(row.at("level"))});
  const auto printed = print(answer->at("modules"), shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

/// The node has all levels in one text, where a later word replaces an earlier one.
result<int> change_levels(const std::string& levels, const globals& globals) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto before = client->get(levels_target);
  if (!before)
    return before.error();
  const auto wanted = before->at("levels").get<std::string>() + "," + levels;
  return show_levels(client->send("PUT", levels_target, {{"levels", wanted}}), globals);
}

} // namespace

void add_log(CLI::App& app, const globals& globals, int& exit_code) {
  auto* log = app.add_subcommand("log", "show and set which lines of its log a node writes");
  log->require_subcommand(1);
  log->footer("Examples:\n"
              "  furrow log show\n"
              "  furrow log level gateway=debug        # one module\n"
              "  furrow log level warn,store=info      # all others, and one module");
  auto* show = log->add_subcommand("show", "show the lowest level of each module");
  const auto plan = add_watch_plan(*show);
  show->callback([&globals, &exit_code, plan] {
    exit_code = run_rounds(globals, *plan, [&] {
      const auto client = node_client::from(globals);
      return client ? show_levels(client->get(levels_target), globals)
                    : result<int>{client.error()};
    });
  });
  auto* level =
    log->add_subcommand("level", "set levels, until the node ends or reads its settings again");
  auto given = std::make_shared<std::string>();
  level
    ->add_option("LEVELS", *given,
                 "MODULE=LEVEL, or LEVEL for all modules without a level of their own; several are "
                 "separated by commas")
    ->required();
  level->callback(
    [&globals, &exit_code, given] { exit_code = code_of(change_levels(*given, globals)); });
}

} // namespace furrow::cli
