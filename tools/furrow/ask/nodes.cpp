#include "tools/furrow/ask/machine_tables.hpp"
#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/list_wish.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/rounds.hpp"

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

cell node_state_cell(const json& state) {
  auto made = value_cell(state);
  if (state == "alive")
    made.colour = colour::good;
  else if (state == "dead" || state == "late" || state == "unsure")
    made.colour = colour::bad;
  else
    made.colour = colour::faint;
  return made;
}

table nodes_table(const json& rows) {
  table shown{{"NODE", "STATE", "MACHINES", "FRAMES/S", "LAG", "LEASE", "WEIGHT", "GATEWAY",
               "BUILD", "SINCE"},
              {}};
  for (const auto& row : rows)
    shown.rows.push_back({value_cell(row.at("name")), node_state_cell(row.at("state")),
                          number_cell(row.at("sessions")), number_cell(row.at("frames_per_s")),
                          cell{age_text(row.at("lag_ms")), colour::none, true},
                          cell{age_text(row.at("lease_age_ms")), colour::none, true},
                          number_cell(row.at("weight")), value_cell(row.at("gateway")),
                          value_cell(row.at("build")), value_cell(row.at("since"))});
  add_wide_column(shown, rows, "HTTP", "http");
  add_wide_column(shown, rows, "WIRE", "wire_versions");
  add_wide_column(shown, rows, "INCARNATION", "incarnation");
  add_wide_column(shown, rows, "JUDGED BY", "judged_by");
  return shown;
}

table pairs_of(const json& object) {
  table shown{{"WHAT", "VALUE"}, {}};
  for (const auto& [name, value] : object.items())
    shown.rows.push_back({cell{name}, {value_cell(value).text}});
  return shown;
}

constexpr std::array<std::string_view, 10> node_keys{
  "name",         "state",  "sessions", "frames_per_s", "lag_ms",
  "lease_age_ms", "weight", "since",    "build",        "gateway"};

result<int> show_nodes(const globals& globals, const list_wish& wish) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto answer = client->get(with_wish("/api/v1/nodes", wish));
  if (!answer)
    return answer.error();
  const auto& rows = answer->at("nodes");
  const auto printed = print(rows, nodes_table(rows), globals.format());
  return printed ? result<int>{0} : printed.error();
}

/// One answer, as what and value.
result<int> show_answer(const result<json>& answer, const globals& globals) {
  if (!answer)
    return answer.error();
  const auto printed = print(*answer, pairs_of(*answer), globals.format());
  return printed ? result<int>{0} : printed.error();
}

std::string node_target(const std::string& name, const char* what = "") {
  return "/api/v1/nodes/" + encoded(name) + what;
}

struct node_options {
  std::string name;
  std::uint32_t weight = 100;
};

} // namespace

void add_nodes(CLI::App& app, const globals& globals, int& exit_code) {
  auto* nodes = app.add_subcommand("nodes", "show the nodes that share the database");
  nodes->require_subcommand(0, 1);
  nodes->footer("Examples:\n"
                "  furrow nodes\n"
                "  furrow nodes --sort -lag_ms\n"
                "  furrow nodes show n2");
  const auto wish = add_list_wish(*nodes, "nodes", node_keys);
  const auto plan = add_watch_plan(*nodes);
  auto given = std::make_shared<node_options>();
  auto* show = nodes->add_subcommand("show", "show one node");
  show->add_option("NODE", given->name, "name of the node")->required();
  nodes->callback([&globals, &exit_code, given, wish, plan, show] {
    if (!show->parsed()) {
      exit_code = run_rounds(globals, *plan, [&] { return show_nodes(globals, *wish); });
      return;
    }
    auto client = node_client::from(globals);
    exit_code = code_of(client ? show_answer(client->get(node_target(given->name)), globals)
                               : result<int>{client.error()});
  });

  auto* node = app.add_subcommand("node", "steer a node: drain it, take that back, set its weight");
  node->require_subcommand(1);
  node->footer(
    "A node that drains takes no machines and sends its own to the other nodes. It runs\n"
    "on until it is stopped; a node that starts takes machines again.\n"
    "Examples:\n"
    "  furrow node drain n2\n"
    "  furrow node undrain n2\n"
    "  furrow node weight n2 200");
  const auto add = [&](const char* name, const char* what) {
    auto* one = node->add_subcommand(name, what);
    one->add_option("NODE", given->name, "name of the node")->required();
    return one;
  };
  auto* drain = add("drain", "send the machines of a node to the others");
  add("undrain", "let a node take machines again");
  auto* weight = add("weight", "set the share of a node in the machines");
  weight
    ->add_option("WEIGHT", given->weight,
                 "share in relation to the other nodes, which have 100; 0: no machine of its own "
                 "choice")
    ->required()
    ->check(CLI::Range(0, 10'000));
  node->callback([&globals, &exit_code, given, drain, weight] {
    auto client = node_client::from(globals);
    if (!client) {
      exit_code = code_of(client.error());
      return;
    }
    const auto answer =
      weight->parsed()
        ? client->send("PUT", node_target(given->name, "/weight"), {{"weight", given->weight}})
        : client->post(node_target(given->name, drain->parsed() ? "/drain" : "/undrain"));
    exit_code = code_of(show_answer(answer, globals));
  });
}

void add_equipment_move(CLI::App& app, const globals& globals, int& exit_code) {
  auto* move = app.get_subcommand("equipment")
                 ->add_subcommand("move", "pin a machine to a node, and send it there");
  struct move_options {
    std::string machine;
    std::string to;
    bool anywhere = false;
  };
  auto given = std::make_shared<move_options>();
  move->add_option("NAME", given->machine, "the machine")->required();
  auto* to = move->add_option("--to", given->to, "name of the node");
  auto* any = move->add_flag("--any", given->anywhere, "take the pin away: any node may serve it");
  to->excludes(any);
  move->footer("Examples:\n"
               "  furrow equipment move T1 --to n2\n"
               "  furrow equipment move T1 --any");
  move->callback([&globals, &exit_code, given] {
    if (given->to.empty() && !given->anywhere) {
      exit_code = code_of(failure{errc::usage, "equipment move needs --to NODE or --any"});
      return;
    }
    auto client = node_client::from(globals);
    exit_code = code_of(
      client
        ? show_answer(client->send("POST", "/api/v1/equipment/" + encoded(given->machine) + "/move",
                                   {{"to", given->to}}),
                      globals)
        : result<int>{client.error()});
  });
}

} // namespace furrow::cli
