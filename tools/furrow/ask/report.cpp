#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/rounds.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

std::string milliseconds(const json& value) {
  return value.is_null() ? "-" : plain_number(value.get<double>(), 3) + " ms";
}

std::string latency(const json& of) {
  return fmt::format("mean {}, half within {}, 99 % within {}", milliseconds(of.at("mean_ms")),
                     milliseconds(of.at("p50_ms_max")), milliseconds(of.at("p99_ms_max")));
}

void show_pool(const json& pool) {
  const auto number = [&pool](const char* name) { return pool.at(name).get<std::uint64_t>(); };
  (void)write_out(fmt::format("pool        {} in use, {} idle, {} overflow; peak {}; min {}, "
                              "max {}, overflow max {}; {} lanes outside the pool\n",
                              number("in_use"), number("idle"), number("overflow"),
                              number("in_use_peak"), number("min"), number("max"),
                              number("overflow_max"), number("lanes")));
  (void)write_out(fmt::format("waits       {} of {} queries waited, {} timed out; {}\n",
                              number("waited"), number("acquired"), number("timeouts"),
                              latency(pool.at("acquire"))));
}

void show_statements(const json& of) {
  const auto number = [&of](const char* name) { return of.at(name).get<std::uint64_t>(); };
  const auto success = of.at("success_pct");
  (void)write_out(
    fmt::format("statements  {}, {} succeeded, {} slow; {}\n", number("count"),
                success.is_null() ? "-" : fmt::format("{:.2f} %", success.get<double>()),
                number("slow"), latency(of.at("latency"))));
  (void)write_out(fmt::format("last minute {:.1f} rows a second, {:.1f} frames a second\n",
                              of.at("rows_per_s").get<double>(),
                              of.at("frames_per_s").get<double>()));
}

void show(const char* title, const table& rows, bool wide) {
  if (rows.rows.empty())
    return;
  (void)write_out(fmt::format("\n{}\n", title));
  show_table(rows, wide);
}

/// Prints the report for people; it has the same facts as the JSON.
void show_all(const json& report, bool wide) {
  if (report.at("pool").is_null())
    (void)write_out("this database has no pool, and its statements are not timed\n");
  else
    show_pool(report.at("pool"));
  if (!report.at("statements").is_null())
    show_statements(report.at("statements"));
  table alarms{{"ALARM", "OWNER", "WHAT"}, {}};
  for (const auto& each : report.at("alarms"))
    alarms.rows.push_back({{each.at("name").get<std::string>(), colour::bad, false},
                           value_cell(each.at("owner")),
                           value_cell(each.at("text"))});
  show("alarms", alarms, wide);
  table advice{{"SETTING", "CHANGE", "BECAUSE"}, {}};
  for (const auto& each : report.at("advice"))
    advice.rows.push_back({value_cell(each.at("setting")), value_cell(each.at("change")),
                           value_cell(each.at("because"))});
  show("advice", advice, wide);
  table slow{{"TIME", "TOOK", "LANE", "ROWS", "ERROR", "STATEMENT"}, {}};
  for (const auto& each : report.at("slow_statements"))
    slow.rows.push_back({value_cell(each.at("time")),
                         {milliseconds(each.at("took_ms")), colour::none, true},
                         value_cell(each.at("lane")),
                         number_cell(each.at("rows")),
                         value_cell(each.at("error")),
                         value_cell(each.at("statement"))});
  show("slow statements", slow, wide);
}

result<int> report_of(const globals& globals) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto answer = client->get("/api/v1/database");
  if (!answer)
    return answer.error();
  if (globals.for_people())
    show_all(*answer, globals.format() == output_format::wide);
  const auto printed = globals.for_people() ? written() : print(*answer, {}, globals.format());
  if (!printed)
    return printed.error();
  return answer->at("alarms").empty() ? 0 : static_cast<int>(errc::failed);
}

} // namespace

void add_report(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command =
    app.add_subcommand("report", "show how the node uses its database, its alarms, and advice");
  command->footer(
    "Exit code 1 if an alarm is raised. The advice is based on what this node has measured "
    "since it started.\n"
    "Examples:\n"
    "  furrow report\n"
    "  furrow report -o json");
  const auto plan = add_watch_plan(*command);
  command->callback([&globals, &exit_code, plan] {
    exit_code = run_rounds(globals, *plan, [&] { return report_of(globals); });
  });
}

} // namespace furrow::cli
