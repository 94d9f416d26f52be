#include "storage/history.hpp"
#include "storage/store.hpp"
#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/database_option.hpp"
#include "tools/furrow/database/direct.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/rounds.hpp"
#include "tools/json/rows_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <memory>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

constexpr std::chrono::minutes migrate_timeout{10};
using migrations = std::vector<storage::migration_row>;

/// Calls the store and waits for its answer.
template <class T>
result<T> answer_of(const std::function<void(storage::handler<T>)>& start,
                    const std::string& url,
                    std::chrono::milliseconds timeout) {
  // The handler may run after the wait has ended.
  auto promised = std::make_shared<std::promise<storage::result<T>>>();
  auto coming = promised->get_future();
  start([promised](storage::result<T> answer) { promised->set_value(std::move(answer)); });
  if (coming.wait_for(timeout) != std::future_status::ready)
    return failure{errc::timed_out, fmt::format("{} did not answer in time (a larger --timeout "
                                                "waits longer)",
                                                storage::redacted(url))};
  auto answer = coming.get();
  return answer ? result<T>{std::move(*answer)} : to_failure(answer.error(), url);
}

json to_json(const migrations& rows) {
  json list = json::array();
  for (const auto& row : rows)
    list.push_back(json_rows::to_json(row));
  return list;
}

/// Answers like a node's /api/v1/db/status, without a node.
result<json> ask_directly(const std::string& url, const globals& globals) {
  const auto opened = open_directly(url);
  if (!opened)
    return opened.error();
  auto& store = **opened;
  const auto health = answer_of<storage::store_health>(
    [&](auto done) { store.health(std::move(done)); }, url, globals.timeout());
  if (!health)
    return health.error();
  if (!health->up)
    return to_failure({storage::errc::retry_later, health->detail}, url);
  const auto digest = answer_of<storage::digest_status>(
    [&](auto done) { store.history()->digest_progress(std::move(done)); }, url, globals.timeout());
  json status{{"health", json_rows::to_json(*health)},
              {"migrations", nullptr},
              {"digest", digest ? json_rows::to_json(*digest) : json(nullptr)},
              {"fault", nullptr}};
  const auto rows = answer_of<migrations>(
    [&](auto done) { store.migration_status(std::move(done)); }, url, globals.timeout());
  if (rows)
    status["migrations"] = to_json(*rows);
  else
    status["fault"] = rows.error().detail;
  return status;
}

result<json> ask_node(const globals& globals, bool migrate) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  if (!migrate)
    return client->get("/api/v1/db/status");
  client->wait_longer(std::max<std::chrono::milliseconds>(globals.timeout(), migrate_timeout));
  return client->post("/api/v1/db/migrate");
}

/// For a dry run: what a migration would do with a step.
cell plan_cell(const json& row) {
  if (row.at("applied") == true)
    return {"is applied", colour::faint};
  return row.at("would_apply") == true ? cell{"would be applied", colour::good}
                                       : cell{"above --to", colour::faint};
}

table migrations_table(const json& rows) {
  table shown{{"NUMBER", "NAME", "APPLIED", "FAULT"}, {}};
  const bool rehearsed = rows.is_array() && !rows.empty() && rows[0].contains("would_apply");
  if (rehearsed)
    shown.headings.insert(shown.headings.begin() + 3, "PLAN");
  for (const auto& row : rows) {
    auto applied = value_cell(row.at("applied"));
    applied.colour = row.at("applied") == true ? colour::good : colour::bad;
    auto fault = value_cell(row.at("fault"));
    fault.colour = row.at("fault").is_null() ? colour::faint : colour::bad;
    shown.rows.push_back(
      {number_cell(row.at("number")), value_cell(row.at("name")), applied, fault});
    if (rehearsed)
      shown.rows.back().insert(shown.rows.back().begin() + 3, plan_cell(row));
  }
  return shown;
}

result<int> database(const globals& globals,
                     const std::string& url,
                     const std::optional<migrate_options>& migrate) {
  if (url.empty() && migrate
      && (migrate->to || migrate->rehearse || migrate->timescale || !migrate->backup.empty()))
    return failure{errc::usage, "--to, --dry-run, --backup and --timescale work only with "
                                "--database, not with a node (--at)"};
  const auto answer = url.empty() ? ask_node(globals, migrate.has_value())
                      : migrate   ? migrate_directly(url, *migrate)
                                  : ask_directly(url, globals);
  if (!answer)
    return answer.error();
  const auto& rows = answer->at("migrations");
  bool sound = rows.is_array();
  for (const auto& row : rows)
    sound = sound && row.at("fault").is_null();
  if (globals.for_people() && !migrate) {
    const auto& health = answer->at("health");
    sound = sound && health.at("up") == true;
    const auto detail = health.at("up") == true
                          ? fmt::format("up, answers in {} us", health.at("latency_us").dump())
                          : "down: " + health.at("detail").get<std::string>();
    (void)write_out(fmt::format("{}: {}\n", health.at("mode").get<std::string>(), detail));
    if (const auto digest = answer->value("digest", json(nullptr)); digest.is_object())
      (void)write_out(fmt::format("digest: {} of {} streams behind, by {} items{}\n",
                                  digest.at("streams_behind").dump(), digest.at("streams").dump(),
                                  digest.at("items_behind").dump(),
                                  digest.at("oldest_frame").is_null()
                                    ? ""
                                    : ", since " + digest.at("oldest_frame").get<std::string>()));
  }
  if (!answer->value("fault", json(nullptr)).is_null())
    note("the migrations could not be read: " + answer->at("fault").get<std::string>());
  const auto printed = rows.is_null() && globals.for_people()
                         ? written()
                         : print(*answer, migrations_table(rows), globals.format());
  if (!printed)
    return printed.error();
  return sound ? 0 : static_cast<int>(errc::failed);
}

} // namespace

void add_database(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command = app.add_subcommand("db", "show, migrate, check and maintain the database");
  command->require_subcommand(1);
  auto wish = std::make_shared<migrate_options>();
  const auto add = [&](const char* name, const char* what, bool migrate) {
    auto* one = command->add_subcommand(name, what);
    const auto* direct = add_database_option(
      *one, "ask this database directly, without a node: postgresql://... or sqlite:PATH");
    one->footer(fmt::format("Examples:\n"
                            "  furrow db {0}\n"
                            "  furrow db {0} --database postgresql://furrow@localhost/furrow",
                            name));
    const auto plan = migrate ? std::make_shared<watch_plan>() : add_watch_plan(*one);
    one->callback([&app, &globals, &exit_code, wish, one, direct, plan, migrate] {
      // A node that was typed takes precedence over the environment.
      const bool node = was_typed(app, app.get_option("--at")) && !was_typed(*one, direct);
      exit_code = run_rounds(globals, *plan, [&] {
        return database(globals, node ? "" : url_of(direct),
                        migrate ? std::optional{*wish} : std::nullopt);
      });
    });
    return one;
  };
  add("status", "show whether the database is up, and its migrations", false);
  auto* migrate = add("migrate", "apply the missing migrations", true);
  auto* direct = migrate->get_option("--database");
  auto* to = migrate->add_option("--to", wish->to, "highest migration to apply")->needs(direct);
  auto* rehearse =
    migrate
      ->add_flag("--dry-run", wish->rehearse, "show which steps would be applied; change nothing")
      ->needs(direct);
  migrate->add_option("--backup", wish->backup, "save the database in this file first")
    ->needs(direct);
  migrate
    ->add_flag("--timescale", wish->timescale,
               "then make telemetry and rollups compressed hypertables of TimescaleDB, which the "
               "database must have; nodes may keep running")
    ->needs(direct)
    ->excludes(to)
    ->excludes(rehearse);
  migrate->footer(
    migrate->get_footer()
    + "\n  furrow db migrate --dry-run --database postgresql://furrow@localhost/furrow"
      "\n  furrow db migrate --backup before.dump --database postgresql://furrow@localhost/furrow");
  add_database_care(*command, globals, exit_code);
  add_database_copy(*command, globals, exit_code);
  add_seal(*command, globals, exit_code);
  add_sizes(*command, globals, exit_code);
  add_audit(*command, globals, exit_code);
  add_farm_databases(*command, globals, exit_code);
}

} // namespace furrow::cli
