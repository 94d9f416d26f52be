#include "tools/furrow/ask/machine_tables.hpp"
#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/list_wish.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/rounds.hpp"

#include <array>
#include <memory>
#include <string_view>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

table connected_table(const json& rows) {
  table shown{{"FARM", "MACHINE", "PEER", "CONNECTED FOR", "SOFTWARE"}, {}};
  for (const auto& row : rows)
    shown.rows.push_back({value_cell(row.at("farm")), value_cell(row.at("equipment")),
                          value_cell(row.at("peer")), cell{age_text(row.at("age_ms"))},
                          value_cell(row.at("software"))});
  add_wide_column(shown, rows, "SINCE", "since");
  return shown;
}

table refused_table(const json& rows) {
  table shown{{"HOST", "FARM", "MACHINE", "REASON", "COUNT", "FIRST", "LAST", "TEXT"}, {}};
  for (const auto& row : rows)
    shown.rows.push_back(
      {value_cell(row.at("host")), value_cell(row.at("farm")), value_cell(row.at("equipment")),
       cell{row.at("reason").get<std::string>(), colour::bad, false}, number_cell(row.at("count")),
       value_cell(row.at("first")), value_cell(row.at("last")), value_cell(row.at("text"))});
  return shown;
}

constexpr std::array<std::string_view, 5> gateway_keys{"equipment", "farm", "peer", "since",
                                                       "software"};

result<int> gateways(const globals& globals, bool failed, const list_wish& wish) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto answer = client->get(with_wish("/api/v1/gateways", wish));
  if (!answer)
    return answer.error();
  const auto& rows = answer->at(failed ? "refused" : "connected");
  const auto printed =
    print(rows, failed ? refused_table(rows) : connected_table(rows), globals.format());
  return printed ? result<int>{0} : printed.error();
}

} // namespace

void add_gateways(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command =
    app.add_subcommand("gateways", "show the gateways of a node, and why it refused some");
  auto failed = std::make_shared<bool>(false);
  auto* refused = command->add_flag(
    "--failed", *failed, "show the refused ones: from where, which machine, why, how often");
  const auto wish = add_list_wish(*command, "gateways", gateway_keys);
  for (const auto* name : {"--sort", "--limit"})
    command->get_option(name)->excludes(refused);
  const auto plan = add_watch_plan(*command);
  command->footer("Examples:\n"
                  "  furrow gateways\n"
                  "  furrow gateways --sort -since --limit 10\n"
                  "  furrow gateways --failed");
  command->callback([&globals, &exit_code, failed, wish, plan] {
    exit_code = run_rounds(globals, *plan, [&] { return gateways(globals, *failed, *wish); });
  });
}

} // namespace furrow::cli
