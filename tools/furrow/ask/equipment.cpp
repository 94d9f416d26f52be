#include "can/live/quantity_table.hpp"
#include "tools/furrow/ask/machine_tables.hpp"
#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/rounds.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

constexpr const can::live_quantity& engine_speed = can::quantity_named("engine_speed_rpm");
constexpr const can::live_quantity& ground_speed = can::quantity_named("ground_speed_mps");
constexpr const can::live_quantity& wheel_speed = can::quantity_named("wheel_speed_mps");
constexpr const can::live_quantity& fuel_level = can::quantity_named("fuel_level_pct");
constexpr const can::live_quantity& position = can::quantity_named("position");

std::string titled(std::string_view what, const can::live_quantity& of) {
  return fmt::format("{} {}", what, of.kept_unit());
}

/// Formats a quantity of the live state as a number with `digits` decimals, in the unit of telemetry.
cell state_cell(const json& state, const can::live_quantity& of, int digits) {
  const std::string name{of.key};
  if (!state.is_object() || !state.at(name).is_object())
    return {"-", colour::faint, true};
  return {fmt::format("{:.{}f}", state.at(name).at("value").get<double>() * of.kept.factor, digits),
          colour::none, true};
}

/// The speed over ground if it is known, otherwise the wheel speed.
cell speed_cell(const json& state) {
  const bool over_ground = state.is_object() && state.at(std::string{ground_speed.key}).is_object();
  return state_cell(state, over_ground ? ground_speed : wheel_speed, 1);
}

cell connected_cell(const json& row) {
  if (row.value("awaiting_gateway", false)) // nodes of older versions do not send it
    return {"awaiting", colour::bad, false};
  const bool by_site = row.contains("relayed") && row.at("relayed") == true;
  if (!row.at("connected").get<bool>())
    return {by_site ? "no, by site" : "no", colour::faint, false};
  if (row.at("adrift") == true)
    return {"adrift", colour::bad, false};
  if (by_site) // its values are as old as LAST SEEN says
    return {"by site", colour::good, false};
  return {"yes", colour::good, false};
}

/// How long ago by the machine's clock; a clock that is wrong is marked.
cell last_seen_cell(const json& row) {
  return {age_text(row.at("last_frame_age_ms")),
          row.at("clock_ahead") == true ? colour::bad : colour::none, true};
}

cell faults_cell(const json& count) {
  return number_cell(count, count.is_null() || count == 0 ? colour::none : colour::bad);
}

table fleet_table(const json& rows) {
  table shown{{"NAME", "CONNECTED", "AT NODE", "LAST SEEN", "RECEIVED", "DURABLE", "SENT",
               titled("ENGINE", engine_speed), titled("SPEED", ground_speed),
               titled("FUEL", fuel_level), "MODE", "FAULTS", titled("POSITION", position)},
              {},
              "no machine is known yet; a machine appears when its gateway connects"};
  const std::string at{position.key};
  for (const auto& row : rows) {
    const auto& state = row.at("state");
    const bool placed = state.is_object() && state.at(at).is_object();
    // If no actor reports what is durable, the database does.
    const auto& durable =
      row.at("durable_seq").is_null() ? row.at("stored_durable_seq") : row.at("durable_seq");
    shown.rows.push_back(
      {value_cell(row.at("name")), connected_cell(row), value_cell(row.at("node")),
       last_seen_cell(row), number_cell(row.at("received_seq")), number_cell(durable),
       number_cell(row.at("sent_seq")), state_cell(state, engine_speed, 1), speed_cell(state),
       state_cell(state, fuel_level, 1),
       state.is_object() ? cell{quantity_text(state.at("mode"))} : value_cell(nullptr),
       faults_cell(row.at("fault_count")),
       placed ? cell{quantity_text(state.at(at)), colour::none, false} : value_cell(nullptr)});
  }
  add_wide_column(shown, rows, "FARM", "farm");
  add_wide_column(shown, rows, "STREAMS", "streams");
  add_wide_column(shown, rows, "FRAMES", "frames");
  add_wide_column(shown, rows, "ECUS", "ecu_count");
  add_wide_column(shown, rows, "PEER", "peer");
  add_wide_column(shown, rows, "LAST FRAME", "last_frame");
  add_wide_column(shown, rows, "PINNED TO", "pinned_to");
  add_wide_column(shown, rows, "ISO NAME", "iso_name");
  return shown;
}

struct equipment_options {
  std::string name; // empty: all machines
  std::string sort;
  std::size_t limit = 0; // 0: all
};

std::string equipment_target(const equipment_options& wanted) {
  std::string target = "/api/v1/equipment";
  if (!wanted.name.empty())
    return target + "/" + encoded(wanted.name);
  if (!wanted.sort.empty())
    target += "?sort=" + encoded(wanted.sort);
  if (wanted.limit != 0)
    target += fmt::format("{}limit={}", wanted.sort.empty() ? '?' : '&', wanted.limit);
  return target;
}

result<int> equipment(const globals& globals, const equipment_options& wanted) {
  const auto& name = wanted.name;
  const auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto answer = client->get(equipment_target(wanted));
  if (!answer)
    return answer.error();
  const auto& rows = name.empty() ? answer->at("equipment") : *answer;
  const auto format = globals.format();
  if (!name.empty() && globals.for_people()) {
    const bool wide = format == output_format::wide;
    for (const auto& one : machine_tables(rows)) {
      (void)write_out(one.title.empty() ? "" : "\n" + printable(one.title) + "\n");
      show_table(one.table, wide);
    }
    warn_of_missing_nodes(rows, "incomplete_nodes", "what it knows may be missing");
    const auto printed = written();
    return printed ? result<int>{0} : printed.error();
  }
  const auto printed = print(rows, name.empty() ? fleet_table(rows) : table{}, format);
  if (!printed)
    return printed.error();
  if (name.empty() && !answer->at("incomplete").is_null())
    note("only live machines are shown: " + answer->at("incomplete").get<std::string>());
  warn_of_missing_nodes(*answer, "incomplete_nodes", "machines there may be missing");
  return 0;
}

} // namespace

void add_equipment(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command = app.add_subcommand("equipment", "show the machines, live and stored");
  auto wanted = std::make_shared<equipment_options>();
  auto* name = command->add_option(
    "NAME", wanted->name, "one machine: values with age and source, faults, ECUs, implements");
  command
    ->add_option("--sort", wanted->sort,
                 "sort by name, last_frame, connected, node, fault_count or another number of "
                 "`-o json`; with - before it in descending order")
    ->excludes(name);
  command->add_option("--limit", wanted->limit, "show only the first N machines")
    ->check(CLI::Range(1, 10'000))
    ->excludes(name);
  const auto plan = add_watch_plan(*command);
  command->footer(
    "Examples:\n"
    "  furrow equipment\n"
    "  furrow equipment T1                 (docs/live-view.md says which PGN is used)\n"
    "  furrow equipment T1 --watch\n"
    "  furrow equipment --watch=500ms -o wide\n"
    "  furrow equipment --sort -last_frame --limit 20\n"
    "  furrow equipment -o jsonl | jq 'select(.connected)'");
  command->callback([&globals, &exit_code, wanted, plan, command] {
    if (command->get_subcommands().empty()) // `set` has its own callback
      exit_code = run_rounds(globals, *plan, [&] { return equipment(globals, *wanted); });
  });
}

} // namespace furrow::cli
