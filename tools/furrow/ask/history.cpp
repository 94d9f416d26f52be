#include "can/live/quantity_table.hpp"
#include "storage/series/series.hpp"
#include "tools/furrow/ask/series_rows.hpp"
#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/rounds.hpp"
#include "tools/furrow/time_option.hpp"

#include <fmt/format.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

struct history_options {
  std::string equipment;
  std::string signal;
  std::string bucket = "minute";
  std::string from;
  std::string to;
  std::size_t points = 0; // 0: not given
  std::string every;
  std::string zone;
  std::string columns;

  [[nodiscard]] bool in_columns() const {
    return points != 0 || !every.empty() || !columns.empty();
  }
};

std::string time_parameters(const history_options& wanted) {
  std::string out;
  if (!wanted.zone.empty())
    out += "&zone=" + encoded(wanted.zone);
  if (!wanted.from.empty())
    out += "&from=" + encoded(wanted.from);
  if (!wanted.to.empty())
    out += "&to=" + encoded(wanted.to);
  return out;
}

/// Of the routes that answer in columns; the node checks the values.
std::string series_parameters(const history_options& wanted) {
  std::string out;
  if (wanted.points != 0)
    out += fmt::format("&points={}", wanted.points);
  if (!wanted.every.empty())
    out += "&every=" + encoded(wanted.every);
  if (!wanted.columns.empty())
    out += "&columns=" + encoded(wanted.columns);
  out += time_parameters(wanted);
  out.front() = '?'; // one of them is there
  return out;
}

using rows_of_page = std::function<json(const json&)>;
using table_of_rows = std::function<table(const json&)>;

rows_of_page member(const char* name) {
  return [name](const json& page) { return page.at(name); };
}

/// Requests page after page. JSON lines are printed as they arrive; the other formats need all rows.
result<int> print_pages(const globals& globals,
                        const std::string& target,
                        const rows_of_page& rows_of,
                        const table_of_rows& shown) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  json rows = json::array();
  json next;
  do {
    auto page =
      client->get(target + (next.is_null() ? "" : "&after=" + encoded(next.get<std::string>())));
    if (!page)
      return page.error();
    next = page->at("next");
    auto more = rows_of(*page);
    if (globals.format() != output_format::jsonl) {
      for (auto& row : more)
        rows.push_back(std::move(row));
      continue;
    }
    const auto printed = print(more, {}, output_format::jsonl);
    if (!printed)
      return printed.error();
  } while (!next.is_null());
  if (globals.format() == output_format::jsonl)
    return 0;
  const auto printed = print(rows, shown(rows), globals.format());
  return printed ? result<int>{0} : printed.error();
}

cell rounded(const json& value, int digits) {
  if (value.is_null())
    return {"-", colour::faint, true};
  return {fmt::format("{:.{}f}", value.get<double>(), digits), colour::none, true};
}

/// A column of telemetry as a table shows it.
struct shown_column {
  std::string_view title;
  const can::live_quantity& of;
  int digits = 0;
  bool with_unit = true;
};
constexpr std::array<shown_column, 11> shown_columns{{
  {"SPEED", can::quantity_named("ground_speed_mps"), 1},
  {"ENGINE", can::quantity_named("engine_speed_rpm")},
  {"LOAD", can::quantity_named("engine_load_pct")},
  {"FUEL", can::quantity_named("fuel_rate_lph"), 1},
  {"TANK", can::quantity_named("fuel_level_pct")},
  {"COOLANT", can::quantity_named("coolant_temperature_c")},
  {"PTO", can::quantity_named("rear_pto_rpm")},
  {"HITCH", can::quantity_named("rear_hitch_pct")},
  {"LATITUDE", can::quantity_named("position.latitude_deg"), 6, false},
  {"LONGITUDE", can::quantity_named("position.longitude_deg"), 6, false},
  {"COURSE", can::quantity_named("course_deg"), 0, false},
}};

table telemetry_table(const json& rows) {
  table shown{{"TIME", "MODE"}, {}, "there is no telemetry of this machine in this time"};
  for (const auto& [title, of, digits, with_unit] : shown_columns)
    shown.headings.push_back(with_unit ? fmt::format("{} {}", title, of.kept_unit())
                                       : std::string{title});
  for (const auto& row : rows) {
    auto& cells =
      shown.rows.emplace_back(std::vector{value_cell(row.at("time")), value_cell(row.at("mode"))});
    for (const auto& column : shown_columns)
      cells.push_back(rounded(row.at(std::string{column.of.kept.key}), column.digits));
  }
  return shown;
}

cell general(const json& value) {
  return {exact_number(value, 7), colour::none, true};
}

result<int> list_signals(const globals& globals, const history_options& wanted) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto answer = client->get("/api/v1/equipment/" + encoded(wanted.equipment) + "/signals");
  if (!answer)
    return answer.error();
  const auto& rows = answer->at("signals");
  table shown{{"SIGNAL", "LAST", "UNIT", "TIME", "MEANING"},
              {},
              "there are no signals of this machine yet; a node makes them from stored frames"};
  for (const auto& row : rows) // a node of an older version says no unit
    shown.rows.push_back({value_cell(row.at("name")), general(row.at("last")),
                          value_cell(row.value("unit", json())), value_cell(row.at("last_time")),
                          value_cell(row.value("title", json()))});
  const auto printed = print(rows, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

result<int> print_series(const globals& globals, const history_options& wanted) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto answer = client->get("/api/v1/equipment/" + encoded(wanted.equipment) + "/signals/"
                                  + encoded(wanted.signal) + series_parameters(wanted));
  if (!answer)
    return answer.error();
  const auto rows = signal_rows(*answer);
  const auto printed = print(rows, signal_table(rows), globals.format());
  return printed ? result<int>{0} : printed.error();
}

result<int> signals(const globals& globals, const history_options& wanted) {
  if (wanted.signal.empty() && wanted.in_columns())
    return failure{errc::usage, "--points and --every need a SIGNAL (`furrow signals "
                                  + wanted.equipment + "` lists them)"};
  if (wanted.signal.empty() && !wanted.zone.empty())
    return failure{errc::usage, "--zone needs a SIGNAL, and --bucket day or --every 1d"};
  if (wanted.signal.empty())
    return list_signals(globals, wanted);
  if (!wanted.zone.empty() && wanted.every.empty()
      && (wanted.in_columns() || wanted.bucket != "day"))
    return failure{errc::usage, "--zone needs --bucket day or --every 1d"};
  if (wanted.in_columns())
    return print_series(globals, wanted);
  return print_pages(globals,
                     "/api/v1/equipment/" + encoded(wanted.equipment)
                       + "/rollup?signal=" + encoded(wanted.signal) + "&bucket=" + wanted.bucket
                       + time_parameters(wanted),
                     member("rollup"), signal_table);
}

result<int> telemetry(const globals& globals, const history_options& wanted) {
  if (!wanted.zone.empty() && wanted.every.empty())
    return failure{errc::usage, "--zone says when days begin: add --every 1d"};
  const auto machine = "/api/v1/equipment/" + encoded(wanted.equipment);
  if (wanted.in_columns())
    return print_pages(globals, machine + "/telemetry/series" + series_parameters(wanted),
                       telemetry_rows,
                       wanted.columns.empty() ? telemetry_table : chosen_telemetry_table);
  return print_pages(globals,
                     machine + "/telemetry?from="
                       + (wanted.from.empty() ? "-infinity" : encoded(wanted.from))
                       + (wanted.to.empty() ? "" : "&to=" + encoded(wanted.to)),
                     member("telemetry"), telemetry_table);
}

void add_times(CLI::App& command, history_options& wanted) {
  command.add_option("EQUIPMENT", wanted.equipment, "name of the machine")->required();
  add_time_option(command, "--from", wanted.from, first_time_help);
  add_time_option(command, "--to", wanted.to, last_time_help);
}

void add_zone(CLI::App& command, history_options& wanted) {
  command.add_option("--zone", wanted.zone,
                     "days begin at local midnight of this time zone: Europe/Berlin, or farm for "
                     "that of the farm");
}

/// --points and --every, one of which may be given.
std::array<CLI::Option*, 2> add_thinning(CLI::App& command,
                                         history_options& wanted,
                                         std::size_t points_max,
                                         const char* points_help,
                                         const char* every_help) {
  auto* const points = command.add_option("--points", wanted.points, points_help)
                         ->check(CLI::Range(std::size_t{2}, points_max));
  auto* const every =
    command.add_option("--every", wanted.every, every_help)->type_name("LENGTH")->excludes(points);
  return {points, every};
}

} // namespace

void add_telemetry(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command = app.add_subcommand("telemetry", "print the telemetry of a machine, second by "
                                                  "second or thinned");
  auto wanted = std::make_shared<history_options>();
  add_times(*command, *wanted);
  add_thinning(*command, *wanted, storage::telemetry_rows_max,
               "at most so many rows, evenly over the time",
               "one row in each interval, the first that is stored: 10s, 5m, 1h, 2d");
  add_zone(*command, *wanted);
  command->add_option("--columns", wanted->columns,
                      "only these: mode and members of the JSON rows, with commas between them");
  const auto plan = add_watch_plan(*command);
  command->footer("With --points, --every or --columns the time is the last day unless --from says "
                  "more.\n"
                  "Examples:\n"
                  "  furrow telemetry T1 --from 2026-05-01T06:00:00Z --to 2026-05-01T07:00:00Z\n"
                  "  furrow telemetry T1 --every 10s --columns mode,speed_kmh --from -1h\n"
                  "  furrow telemetry T1 --points 1000 -o csv\n"
                  "  furrow telemetry T1 -o jsonl | jq .engine_speed_rpm");
  command->callback([&globals, &exit_code, wanted, plan] {
    exit_code = run_rounds(globals, *plan, [&] { return telemetry(globals, *wanted); });
  });
}

void add_signals(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command = app.add_subcommand(
    "signals", "list the signals of a machine, or print one by value or by intervals");
  auto wanted = std::make_shared<history_options>();
  add_times(*command, *wanted);
  auto* const signal =
    command->add_option("SIGNAL", wanted->signal, "Message.Signal; default: list all names");
  command->add_option("--signal", wanted->signal, "the same as SIGNAL")->excludes(signal);
  auto* const bucket =
    command->add_option("--bucket", wanted->bucket, "minute, hour or day (in UTC, or by --zone)")
      ->capture_default_str()
      ->check(CLI::IsMember({"minute", "hour", "day"}));
  for (auto* const one : add_thinning(*command, *wanted, storage::signal_points_max,
                                      "the values, or so many intervals when there are more values",
                                      "by intervals of this length: 10s, 5m, 1h, 2d"))
    one->excludes(bucket);
  add_zone(*command, *wanted);
  const auto plan = add_watch_plan(*command);
  command->footer("Values that are not available, in error or out of range are not counted.\n"
                  "With --points or --every the time is the last day unless --from says more.\n"
                  "Examples:\n"
                  "  furrow signals T1\n"
                  "  furrow signals T1 EEC1.engine_speed --bucket hour\n"
                  "  furrow signals T1 EEC1.engine_speed --points 1000 --from yesterday -o csv\n"
                  "  furrow signals T1 EEC1.engine_speed --every 10m\n"
                  "  furrow signals T1 EEC1.engine_speed --bucket day --zone farm");
  command->callback([&globals, &exit_code, wanted, plan] {
    exit_code = run_rounds(globals, *plan, [&] { return signals(globals, *wanted); });
  });
}

} // namespace furrow::cli
