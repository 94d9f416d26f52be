#include "storage/removal.hpp"

#include "storage/identity/identities.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/confirm.hpp"
#include "tools/furrow/database/database_option.hpp"
#include "tools/furrow/database/direct.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/rounds.hpp"
#include "tools/json/rfc3339.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

constexpr std::chrono::hours removal_timeout{24};

struct removal_options {
  std::string url;
  std::string farm;
  std::string equipment;
  std::string stream;
  bool yes = false;
};

json to_json(const storage::removal_outcome& of, const std::string& equipment) {
  return {{"farm", of.farm},     {"equipment", equipment}, {"streams", of.streams},
          {"frames", of.frames}, {"records", of.records},  {"telemetry", of.telemetry},
          {"rollup", of.rollup}};
}

table table_of(const json& of) {
  return {{"EQUIPMENT", "STREAMS", "FRAMES", "RECORDS", "TELEMETRY", "ROLLUP"},
          {{value_cell(of.at("equipment")), number_cell(of.at("streams")),
            number_cell(of.at("frames")), number_cell(of.at("records")),
            number_cell(of.at("telemetry")), number_cell(of.at("rollup"))}}};
}

result<storage::removal> to_removal(const removal_options& options) {
  storage::removal out{options.farm, options.equipment, std::nullopt};
  if (options.stream.empty())
    return out;
  out.stream = can::parse_stream_id(options.stream);
  if (!out.stream)
    return failure{errc::usage,
                   fmt::format("\"{}\" is not a stream (`furrow ledger` shows them, as "
                               "01234567-89ab-cdef-0123-456789abcdef)",
                               options.stream)};
  return out;
}

result<int> remove_items(const globals& globals, const removal_options& options) {
  const auto what = to_removal(options);
  if (!what)
    return what.error();
  const auto store = open_directly(options.url);
  if (!store)
    return store.error();
  auto* const removals = (*store)->removals();
  const auto found = wait_for<storage::removal_outcome>(
    [&](auto done) { removals->preview_removal(*what, std::move(done)); }, options.url,
    std::max<std::chrono::milliseconds>(globals.timeout(), removal_timeout));
  if (!found)
    return found.error();
  const auto question = fmt::format("remove {} of {}/{} for good?", storage::to_text(*found),
                                    printable(found->farm), printable(options.equipment));
  const auto wanted = confirmed(question, options.yes);
  if (!wanted || !*wanted)
    return wanted ? result<int>{static_cast<int>(errc::failed)} : wanted.error();
  const auto gone = wait_for<storage::removal_outcome>(
    [&](auto done) { removals->remove(*what, {person()}, std::move(done)); }, options.url,
    removal_timeout);
  if (!gone)
    return gone.error();
  const auto answer = to_json(*gone, options.equipment);
  const auto printed = print(answer, table_of(answer), globals.format());
  return printed ? result<int>{0} : printed.error();
}

result<int> list_audit(const globals& globals, const std::string& url, std::size_t limit) {
  const auto store = open_directly(url);
  if (!store)
    return store.error();
  const auto rows = wait_for<std::vector<storage::audit_row>>(
    [&](auto done) {
      storage::audit_of(**store)->list({{}, 0, {}, {}, limit}, std::move(done));
    },
    url, globals.timeout());
  if (!rows)
    return rows.error();
  json list = json::array();
  table shown{
    {"TIME", "WHO", "ACTION", "OBJECT", "DETAIL"}, {}, "nothing was changed for good yet"};
  for (const auto& row : *rows) {
    list.push_back({{"time", json_rows::format_time(row.time_us)},
                    {"who", row.who},
                    {"action", row.action},
                    {"object", row.object},
                    {"detail", row.detail}});
    shown.rows.push_back({value_cell(list.back()["time"]), value_cell(row.who),
                          value_cell(row.action), value_cell(row.object), value_cell(row.detail)});
  }
  const auto printed = print(list, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

void add_remove(CLI::App& group,
                const globals& globals,
                int& exit_code,
                const char* what,
                const char* footer,
                bool one_stream) {
  auto* command = group.add_subcommand("remove", what);
  auto options = std::make_shared<removal_options>();
  command->add_option("EQUIPMENT", options->equipment, "name of the machine")->required();
  if (one_stream)
    command->add_option("STREAM", options->stream, "the stream, as `furrow ledger` shows it")
      ->required();
  command->add_option("--farm", options->farm,
                      "farm of the machine, if several have one of the name");
  command->add_flag("--yes", options->yes, "do not ask");
  const auto* url = add_database_option(*command)->required();
  command->footer(footer);
  command->callback([&globals, &exit_code, options, url] {
    options->url = url_of(url);
    exit_code = code_of(remove_items(globals, *options));
  });
}

} // namespace

void add_removals(CLI::App& app, const globals& globals, int& exit_code) {
  add_remove(
    *app.get_subcommand("equipment"), globals, exit_code,
    "remove a machine with everything that was stored of it",
    "The command shows what it would remove, and asks. The ledger counts the numbers as "
    "expired, and `furrow db audit` shows who removed them. The machine is listed again as "
    "soon as its gateway sends further items.\n"
    "Example:\n"
    "  furrow equipment remove T1 --database postgresql://furrow@localhost/furrow",
    false);
  auto* streams = app.add_subcommand("stream", "remove a stream that was stored by mistake");
  streams->require_subcommand(1);
  add_remove(*streams, globals, exit_code,
             "remove the frames and records of one stream, such as a log that was sent twice",
             "The command shows what it would remove, and asks. The ledger counts the numbers as "
             "expired. Telemetry and rollups of the machine stay.\n"
             "Example:\n"
             "  furrow stream remove T1 01234567-89ab-cdef-0123-456789abcdef --database "
             "sqlite:furrow.db",
             true);
}

void add_audit(CLI::App& database, const globals& globals, int& exit_code) {
  auto* command =
    database.add_subcommand("audit", "show what people removed or changed for good, newest first");
  const auto* url = add_database_option(*command)->required();
  auto limit = std::make_shared<std::size_t>(100);
  command->add_option("--limit", *limit, "most rows to show")
    ->check(CLI::Range(1, 100'000))
    ->capture_default_str();
  command->footer("Example:\n  furrow db audit --database sqlite:furrow.db");
  const auto plan = add_watch_plan(*command);
  command->callback([&globals, &exit_code, url, limit, plan] {
    exit_code =
      run_rounds(globals, *plan, [&] { return list_audit(globals, url_of(url), *limit); });
  });
}

} // namespace furrow::cli
