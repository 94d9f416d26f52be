#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/rounds.hpp"
#include "tools/furrow/time_option.hpp"

#include <memory>
#include <string>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

struct faults_options {
  std::string equipment;
  bool active = false;
  std::string from;
  std::string to;
};

table faults_table(const json& rows) {
  table shown{{"MACHINE", "SOURCE", "SPN", "FMI", "MEANING", "LAMP", "COUNT", "FIRST SEEN",
               "LAST SEEN", "CLEARED"},
              {}};
  for (const auto& row : rows)
    shown.rows.push_back({value_cell(row.at("equipment")), number_cell(row.at("source")),
                          number_cell(row.at("spn")), number_cell(row.at("fmi")),
                          value_cell(row.at("meaning")), value_cell(row.at("lamp")),
                          value_cell(row.at("occurrences")), value_cell(row.at("first_seen")),
                          value_cell(row.at("last_seen")),
                          row.at("active") == true ? cell{"active", colour::bad, false}
                                                   : value_cell(row.at("cleared"))});
  add_wide_column(shown, rows, "NAME", "name");
  return shown;
}

result<int> faults(const globals& globals, const faults_options& wanted) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  std::string target = "/api/v1/faults?active=" + std::string{wanted.active ? "true" : "false"};
  for (const auto& [name, value] : {std::pair{"equipment", &wanted.equipment},
                                    std::pair{"from", &wanted.from}, std::pair{"to", &wanted.to}})
    if (!value->empty())
      target += std::string{"&"} + name + "=" + encoded(*value);
  json all = json::array();
  std::string after;
  do {
    auto page = client->get(target + after);
    if (!page)
      return page.error();
    for (auto& row : page->at("faults"))
      all.push_back(std::move(row));
    const auto& next = page->at("next");
    after = next.is_null() ? "" : "&after=" + next.get<std::string>();
  } while (!after.empty());
  auto shown = faults_table(all);
  shown.nothing = (wanted.equipment.empty() ? "no machine" : wanted.equipment)
                  + std::string{wanted.equipment.empty() ? " has" : " has no"}
                  + (wanted.active ? " active faults" : " faults on record");
  const auto printed = print(all, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

} // namespace

void add_faults(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command =
    app.add_subcommand("faults", "print the faults that control units report on the bus (DM1)");
  auto wanted = std::make_shared<faults_options>();
  command->add_option("EQUIPMENT", wanted->equipment,
                      "name of the machine; default: every machine");
  command->add_flag("--active", wanted->active, "only faults that are not cleared");
  add_time_option(*command, "--from", wanted->from, "leave out faults that were last seen before");
  add_time_option(*command, "--to", wanted->to, "leave out faults that were first seen after");
  const auto plan = add_watch_plan(*command);
  command->footer(
    "A node makes these rows from stored frames. Records of kind fault, which gateways send, are\n"
    "printed by `furrow records EQUIPMENT --kind fault`.\n"
    "Examples:\n"
    "  furrow faults --active\n"
    "  furrow faults T1 --from 2026-05-01T00:00:00Z -o json");
  command->callback([&globals, &exit_code, wanted, plan] {
    exit_code = run_rounds(globals, *plan, [&] { return faults(globals, *wanted); });
  });
}

} // namespace furrow::cli
