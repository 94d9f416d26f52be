#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/rounds.hpp"
#include "tools/furrow/time_option.hpp"

#include <fmt/format.h>

#include <memory>
#include <string>

#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

struct usage_options {
  std::string equipment;
  std::string agent;
  std::string model;
  std::string by = "day";
  std::string zone;
  std::string from;
  std::string to;
};

std::string usage_target(const usage_options& wanted) {
  auto target = "/api/v1/token-usage/sums?by=" + wanted.by;
  for (const auto& [name, value] :
       {std::pair{"equipment", &wanted.equipment}, std::pair{"agent", &wanted.agent},
        std::pair{"model", &wanted.model}, std::pair{"zone", &wanted.zone},
        std::pair{"from", &wanted.from}, std::pair{"to", &wanted.to}})
    if (!value->empty())
      target += std::string{"&"} + name + "=" + encoded(*value);
  return target;
}

cell cost_cell(const json& cost) {
  if (cost.is_null())
    return {"-", colour::faint, true};
  return {fmt::format("{:.2f}", cost.get<double>()), colour::none, true};
}

table usage_table(const json& rows, const std::string& by) {
  table shown{{"START", "AGENT", "MODEL", "RECORDS", "PROMPT", "COMPLETION", "COST USD"},
              {},
              "there are no records of token usage in this time"};
  if (by == "whole")
    shown.headings.erase(shown.headings.begin());
  for (const auto& row : rows) {
    auto& cells = shown.rows.emplace_back();
    if (by != "whole")
      cells.push_back(value_cell(row.at("start")));
    for (const char* name : {"agent", "model"})
      cells.push_back(value_cell(row.at(name)));
    for (const char* name : {"records", "prompt_tokens", "completion_tokens"})
      cells.push_back(number_cell(row.at(name)));
    cells.push_back(cost_cell(row.at("cost_usd")));
  }
  return shown;
}

result<int> show_usage(const globals& globals, const usage_options& wanted) {
  if (wanted.by == "whole" && !wanted.zone.empty())
    return failure{errc::usage, "--zone needs --by day or --by month"};
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto target = usage_target(wanted);
  json rows = json::array();
  json next;
  do {
    const auto page =
      client->get(target + (next.is_null() ? "" : "&after=" + encoded(next.get<std::string>())));
    if (!page)
      return page.error();
    for (const auto& row : page->at("sums"))
      rows.push_back(row);
    next = page->at("next");
  } while (!next.is_null());
  const auto printed = print(rows, usage_table(rows, wanted.by), globals.format());
  return printed ? result<int>{0} : printed.error();
}

} // namespace

void add_token_usage(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command =
    app.add_subcommand("usage", "tokens that agents have used: sums by agent, model and day");
  auto wanted = std::make_shared<usage_options>();
  command->add_option("EQUIPMENT", wanted->equipment,
                      "name of the machine; default: all machines of the farm");
  command->add_option("--agent", wanted->agent, "only this agent");
  command->add_option("--model", wanted->model, "only this model");
  command->add_option("--by", wanted->by, "day, month, or whole: one sum for each agent and model")
    ->check(CLI::IsMember({"day", "month", "whole"}))
    ->capture_default_str();
  command->add_option("--zone", wanted->zone,
                      "time zone of the days and months, as Europe/Berlin, or farm: that of the "
                      "farm; default: UTC");
  add_time_option(*command, "--from", wanted->from, first_time_help);
  add_time_option(*command, "--to", wanted->to, last_time_help);
  command->footer("`furrow records T1 --kind tokens` prints the single records.\n"
                  "Examples:\n"
                  "  furrow usage --by month --zone farm\n"
                  "  furrow usage T1 --agent scout --from -7d -o csv");
  const auto plan = add_watch_plan(*command);
  command->callback([&globals, &exit_code, wanted, plan] {
    exit_code = run_rounds(globals, *plan, [&] { return show_usage(globals, *wanted); });
  });
}

} // namespace furrow::cli
