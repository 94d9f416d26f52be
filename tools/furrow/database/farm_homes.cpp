// `furrow db list` and the commands that change the list: the databases in which farms live. `furrow farm list`: where each
// farm lives.
#include "storage/homes/directory.hpp"
#include "storage/identity/audit.hpp"
#include "storage/postgres/homes/farm_mover.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/confirm.hpp"
#include "tools/furrow/database/database_option.hpp"
#include "tools/furrow/database/direct.hpp"
#include "tools/furrow/database/farm_moves.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/rounds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

using storage::database_row;
using storage::farm_state;

struct home_options {
  std::string url; // of main
  std::string name;
  std::string other;
  std::uint32_t weight = 100;
};

/// A database and its directory.
struct opened_database {
  std::string url;
  std::unique_ptr<storage::store> store;
  storage::directory_store* directory = nullptr;
  std::chrono::milliseconds timeout;

  /// Asks the directory and waits.
  template <class T, class Ask>
  [[nodiscard]] result<T> ask(Ask question) const {
    return wait_for<T>([&](auto done) { question(*directory, std::move(done)); }, url, timeout);
  }
  [[nodiscard]] auto databases() const {
    return ask<std::vector<database_row>>(
      [](auto& of, auto done) { of.list_databases(std::move(done)); });
  }
  [[nodiscard]] auto farms() const {
    return ask<std::vector<farm_state>>(
      [](auto& of, auto done) { of.list_farms(std::move(done)); });
  }
};

result<opened_database> open_database(const std::string& url, const globals& globals) {
  auto store = open_directly(url);
  if (!store)
    return store.error();
  opened_database out{url, std::move(*store), nullptr, globals.timeout()};
  out.directory = out.store->directory();
  if (out.directory == nullptr)
    return failure{errc::failed,
                   with_url(url, "SQLite has one database: every farm lives there (several "
                                 "databases need PostgreSQL)")};
  return out;
}

storage::author by_person() {
  return {person()};
}

result<int> list_databases(const globals& globals, const std::string& url) {
  const auto main = open_database(url, globals);
  if (!main)
    return main.error();
  const auto databases = main->databases();
  if (!databases)
    return databases.error();
  json rows = json::array();
  table shown{{"DATABASE", "NUMBER", "FARMS", "WEIGHT", "URL"}, {}};
  for (const auto& each : *databases) {
    const auto shown_url = storage::redacted(each.url.empty() ? url : each.url);
    rows.push_back({{"name", each.name},
                    {"number", each.number},
                    {"farms", each.farms},
                    {"weight", each.weight},
                    {"url", each.url.empty() ? shown_url : each.url}});
    shown.rows.push_back({value_cell(each.name), number_cell(each.number), number_cell(each.farms),
                          number_cell(each.weight), value_cell(shown_url)});
  }
  const auto printed = print(rows, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

/// Whether a node could use it: it answers, and its schema is that of this program.
result<done> check_usable(const opened_database& other) {
  const auto steps = wait_for<std::vector<storage::migration_row>>(
    [&](auto done) { other.store->migration_status(std::move(done)); }, other.url, other.timeout);
  if (!steps)
    return steps.error();
  for (const auto& step : *steps)
    if (!step.applied || !step.fault.empty())
      return failure{
        errc::failed,
        with_url(other.url,
                 fmt::format("migration {} {}: {}", step.number, step.name,
                             step.fault.empty() ? "not applied; `furrow db migrate` with this URL "
                                                  "applies it"
                                                : step.fault))};
  const auto listed = other.databases();
  if (!listed)
    return listed.error();
  if (listed->size() > 1)
    return failure{errc::failed, with_url(other.url, "lists databases itself: it is the main "
                                                     "database of nodes")};
  return done{};
}

/// Whether main has room for the row. Asked before anything is changed in the other database.
result<done> check_free(const opened_database& main, const database_row& row) {
  const auto databases = main.databases();
  if (!databases)
    return databases.error();
  const auto taken = [&](const std::string& why) {
    return failure{errc::failed, with_url(main.url, why)};
  };
  for (const auto& each : *databases) {
    if (each.name == row.name)
      return taken("the name " + row.name + " is taken");
    if (each.url == row.url)
      return taken("the database " + each.name + " has this URL");
  }
  if (databases->size() >= storage::databases_max)
    return taken(fmt::format("there are {} databases already", storage::databases_max));
  return done{};
}

/// Whether the two may be main and a home of it. A home that was removed may come back with its rows and its number.
result<done> check_pair(const opened_database& main, const opened_database& other) {
  const auto numbering = [](const opened_database& of) {
    return of.ask<storage::database_numbering>(
      [](auto& directory, auto done) { directory.read_numbering(std::move(done)); });
  };
  const auto mine = numbering(main);
  if (!mine)
    return mine.error();
  const auto theirs = numbering(other);
  if (!theirs)
    return theirs.error();
  if (mine->identity == theirs->identity || (theirs->number == 0U && !theirs->empty))
    return failure{
      errc::failed,
      with_url(other.url, "it is the main database itself, or that of another cluster")};
  if (mine->number.value_or(0) != 0 && !mine->empty)
    return failure{errc::failed,
                   with_url(main.url, fmt::format("it is not a main database: it has the number {} "
                                                  "of a cluster",
                                                  *mine->number))};
  if (!theirs->number && !theirs->empty)
    return failure{errc::failed,
                   with_url(other.url, "it has farms, signals or DBC files already: a new home "
                                       "must be empty")};
  return done{};
}

/// Gives the other database a number and ids of its own, and marks main as main.
result<std::uint32_t> number_for(const opened_database& main, const opened_database& other) {
  const auto number = [](const opened_database& of, std::uint32_t wanted) {
    return of.ask<std::uint32_t>(
      [&](auto& directory, auto done) { directory.number_ids(wanted, std::move(done)); });
  };
  const auto next = main.ask<std::uint32_t>(
    [](auto& directory, auto done) { directory.free_number(std::move(done)); });
  if (!next)
    return next.error();
  auto given = number(other, *next);
  if (!given)
    return given;
  const auto mine = number(main, 0);
  return mine ? given : mine.error();
}

result<int> add_database_row(const globals& globals, const home_options& options) {
  database_row row{options.name, options.other, options.weight};
  if (const auto sound = storage::check_database(row); !sound)
    return failure{errc::usage, sound.error().detail};
  const auto main = open_database(options.url, globals);
  if (!main)
    return main.error();
  if (const auto free = check_free(*main, row); !free)
    return free.error();
  const auto other = open_database(options.other, globals);
  if (!other)
    return other.error();
  if (const auto usable = check_usable(*other); !usable)
    return usable.error();
  if (const auto pair = check_pair(*main, *other); !pair)
    return pair.error();
  const auto number = number_for(*main, *other);
  if (!number)
    return number.error();
  row.number = *number;
  const auto added = main->ask<done>(
    [&](auto& of, auto done) { of.add_database(row, by_person(), std::move(done)); });
  if (!added)
    return added.error();
  return list_databases(globals, options.url);
}

result<int> weigh_database(const globals& globals, const home_options& options) {
  const auto main = open_database(options.url, globals);
  if (!main)
    return main.error();
  const auto weighed = main->ask<done>([&](auto& of, auto done) {
    of.weigh_database(options.name, options.weight, by_person(), std::move(done));
  });
  return weighed ? list_databases(globals, options.url) : weighed.error();
}

result<int> remove_database(const globals& globals, const home_options& options) {
  const auto main = open_database(options.url, globals);
  if (!main)
    return main.error();
  const auto removed = main->ask<done>(
    [&](auto& of, auto done) { of.remove_database(options.name, by_person(), std::move(done)); });
  return removed ? list_databases(globals, options.url) : removed.error();
}

/// What each database says of its farms.
struct all_farms {
  std::map<std::string, storage::farm_home> homes;               // the directory's rows
  std::map<std::string, std::map<std::string, farm_state>> seen; // database -> farm
  std::map<std::string, std::string> away;                       // database -> why
};

result<all_farms> read_farms(const globals& globals, const std::string& url) {
  const auto main = open_database(url, globals);
  if (!main)
    return main.error();
  const auto databases = main->databases();
  if (!databases)
    return databases.error();
  const auto homes = main->ask<std::vector<storage::farm_home>>(
    [](auto& of, auto done) { of.list_homes(std::move(done)); });
  if (!homes)
    return homes.error();
  all_farms out;
  for (const auto& each : *homes)
    out.homes.emplace(each.farm, each);
  for (const auto& each : *databases) {
    result<std::vector<farm_state>> farms = std::vector<farm_state>{};
    if (each.url.empty())
      farms = main->farms();
    else if (const auto other = open_database(each.url, globals))
      farms = other->farms();
    else
      farms = other.error();
    if (!farms) {
      out.away.emplace(each.name, farms.error().detail);
      note(fmt::format("{}: {}", each.name, farms.error().detail));
      continue;
    }
    auto& seen = out.seen[each.name];
    for (auto& farm : *farms)
      seen.emplace(farm.farm, std::move(farm));
  }
  return out;
}

/// The database that the directory names; for a farm without a row the one that holds it.
storage::farm_home home_of(const all_farms& all, const std::string& farm) {
  const auto row = all.homes.find(farm);
  if (row != all.homes.end() && row->second.version != 0)
    return row->second;
  for (const auto& [database, farms] : all.seen)
    if (const auto at = farms.find(farm); at != farms.end() && at->second.state != "gone")
      return {farm, database, 0};
  return {farm, std::string{storage::main_database}, 0};
}

json row_of(const all_farms& all, const std::string& farm) {
  const auto home = home_of(all, farm);
  json out{{"farm", farm},
           {"database", home.database},
           {"version", home.version},
           {"machines", nullptr},
           {"state", all.away.contains(home.database) ? "unknown" : "new"}};
  const auto seen = all.seen.find(home.database);
  if (seen == all.seen.end() || !seen->second.contains(farm))
    return out;
  const auto& state = seen->second.at(farm);
  out["machines"] = state.machines;
  out["state"] = state.state;
  return out;
}

std::vector<cell> cells_of(const json& row) {
  auto state = value_cell(row.at("state"));
  state.colour = row.at("state") == "here"      ? colour::good
                 : row.at("state") == "unknown" ? colour::bad
                                                : colour::none;
  return {value_cell(row.at("farm")), value_cell(row.at("database")),
          number_cell(row.at("machines")), number_cell(row.at("version")), state};
}

result<int> list_farms(const globals& globals, const std::string& url) {
  const auto all = read_farms(globals, url);
  if (!all)
    return all.error();
  std::map<std::string, json> rows;
  for (const auto& [farm, home] : all->homes)
    rows.emplace(farm, row_of(*all, farm));
  for (const auto& [database, farms] : all->seen)
    for (const auto& [farm, state] : farms)
      rows.emplace(farm, row_of(*all, farm));
  json list = json::array();
  table shown{{"FARM", "DATABASE", "MACHINES", "VERSION", "STATE"}, {}, "there is no farm yet"};
  for (const auto& [farm, row] : rows) {
    list.push_back(row);
    shown.rows.push_back(cells_of(row));
  }
  const auto printed = print(list, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

/// Its move, if it is on its way.
result<std::optional<storage::farm_move>> move_of(const std::string& url, const std::string& farm) {
  storage::store_options main;
  main.url = url;
  main.application_name = "furrow/cli";
  const auto moves = storage::list_farm_moves(main);
  if (!moves)
    return to_failure(moves.error(), url);
  const auto at = std::ranges::find(*moves, farm, &storage::farm_move::farm);
  return at == moves->end() ? std::nullopt : std::optional{*at};
}

std::string text_of(const storage::farm_move& move) {
  return fmt::format("it moves from {} to {} since {}: {}{}\n", move.source, move.target,
                     move.since, words_of(move.step),
                     move.progress.empty() ? "" : " (" + printable(move.progress) + ")");
}

result<int> show_farm(const globals& globals, const home_options& options) {
  const auto all = read_farms(globals, options.url);
  if (!all)
    return all.error();
  auto answer = row_of(*all, options.name);
  answer["databases"] = json::array();
  table shown{{"DATABASE", "MACHINES", "VERSION", "STATE", "LIVES IN"}, {}};
  for (const auto& [database, farms] : all->seen)
    if (const auto at = farms.find(options.name); at != farms.end()) {
      const auto& state = at->second;
      answer["databases"].push_back({{"database", database},
                                     {"machines", state.machines},
                                     {"version", state.version},
                                     {"state", state.state},
                                     {"home", state.home.empty() ? database : state.home}});
      const auto& row = answer["databases"].back();
      shown.rows.push_back({value_cell(row.at("database")), number_cell(row.at("machines")),
                            number_cell(row.at("version")), value_cell(row.at("state")),
                            value_cell(row.at("home"))});
    }
  if (answer["databases"].empty() && !all->homes.contains(options.name)) {
    if (!all->away.empty())
      return failure{errc::cannot_connect,
                     fmt::format("{}: not known to the databases that answer", options.name)};
    return failure{errc::not_found, "no farm " + options.name};
  }
  const auto moving = move_of(options.url, options.name);
  if (!moving)
    return moving.error();
  answer["move"] = *moving ? json_of(**moving) : json(nullptr);
  if (globals.for_people()) {
    (void)write_out(fmt::format("{} lives in {} (version {}): {}\n", printable(options.name),
                                answer["database"].get<std::string>(), answer["version"].dump(),
                                answer["state"].get<std::string>()));
    if (*moving)
      (void)write_out(text_of(**moving));
  }
  const auto printed = print(answer, shown, globals.format());
  if (!printed)
    return printed.error();
  return all->away.contains(answer["database"].get<std::string>())
           ? static_cast<int>(errc::cannot_connect)
           : 0;
}

/// A command on the main database, which fills in the URL and runs.
template <class Run>
CLI::App* add_command(CLI::App& group,
                      const globals& globals,
                      int& exit_code,
                      const char* name,
                      const char* what,
                      const std::shared_ptr<home_options>& options,
                      Run run) {
  auto* command = group.add_subcommand(name, what);
  const auto* url = add_database_option(*command, main_url)->required();
  command->callback([&globals, &exit_code, options, url, run] {
    options->url = url_of(url);
    exit_code = code_of(run(globals, *options));
  });
  return command;
}

/// A list that can be watched.
template <class Run>
void add_list(CLI::App& group,
              const globals& globals,
              int& exit_code,
              const char* what,
              const char* footer,
              Run run) {
  auto* list = group.add_subcommand("list", what);
  const auto* url = add_database_option(*list, main_url)->required();
  const auto plan = add_watch_plan(*list);
  list->footer(footer);
  list->callback([&globals, &exit_code, url, plan, run] {
    exit_code = run_rounds(globals, *plan, [&] { return run(globals, url_of(url)); });
  });
}

} // namespace

void add_farm_databases(CLI::App& database, const globals& globals, int& exit_code) {
  add_list(database, globals, exit_code, "show the databases in which farms live",
           "Examples:\n"
           "  furrow db list --database postgresql://furrow@db1/furrow\n"
           "  furrow db list -o json --database postgresql://furrow@db1/furrow",
           list_databases);
  auto options = std::make_shared<home_options>();
  auto* add = add_command(database, globals, exit_code, "add",
                          "add a database in which new farms may live", options, add_database_row);
  add->add_option("NAME", options->name, "name of the database, such as b")->required();
  add->add_option("URL", options->other, "its URL, as every node reaches it, without a password")
    ->required();
  add->add_option("--weight", options->weight, "share of new farms, in relation to the others")
    ->check(CLI::Range(0, 10'000))
    ->capture_default_str();
  add->footer("The database must answer, hold no farm, and have the schema of this program: run "
              "`furrow db migrate` on it first. Its machines, streams and farms get ids that no "
              "other database has. Nodes see it within seconds. A password belongs in the file "
              "that PGPASSFILE names on each node, or use certificates.\n"
              "Examples:\n"
              "  furrow db migrate --database postgresql://furrow@db2/furrow\n"
              "  furrow db add b postgresql://furrow@db2/furrow --database "
              "postgresql://furrow@db1/furrow");
  auto* weight = add_command(database, globals, exit_code, "weight",
                             "set the share of a database in new farms", options, weigh_database);
  weight->add_option("NAME", options->name, "name of the database, or main")->required();
  weight
    ->add_option("WEIGHT", options->weight,
                 "share in relation to the other databases, which have 100; 0: no new farms")
    ->required()
    ->check(CLI::Range(0, 10'000));
  weight->footer("Farms that live there stay.\n"
                 "Example:\n"
                 "  furrow db weight main 0 --database postgresql://furrow@db1/furrow");
  auto* remove = add_command(database, globals, exit_code, "remove",
                             "remove a database from the list; no farm may live there", options,
                             remove_database);
  remove->add_option("NAME", options->name, "name of the database")->required();
  remove->footer("Nothing in the database itself is changed.\n"
                 "Example:\n"
                 "  furrow db remove b --database postgresql://furrow@db1/furrow");
}

void add_farms(CLI::App& app, const globals& globals, int& exit_code) {
  auto* farm = app.get_subcommand("farm");
  add_list(*farm, globals, exit_code, "show all farms and their databases",
           "STATE: here, leaving, gone or arriving, as the database says; new: nothing is stored "
           "yet; unknown: the database does not answer.\n"
           "Examples:\n"
           "  furrow farm list --database postgresql://furrow@db1/furrow\n"
           "  furrow farm list -o csv --database postgresql://furrow@db1/furrow",
           list_farms);
  auto options = std::make_shared<home_options>();
  auto* status =
    add_command(*farm, globals, exit_code, "status",
                "show one farm, as each database sees it, and its move", options, show_farm);
  status->add_option("FARM", options->name, "name of the farm")->required();
  status->footer("Exit code 3 if the database of the farm does not answer, 4 if there is no such "
                 "farm.\n"
                 "Example:\n"
                 "  furrow farm status north --database postgresql://furrow@db1/furrow");
}

} // namespace furrow::cli
