// `furrow farm move` and `furrow farm moves`: a farm moves to another database of the cluster.
#include "storage/postgres/homes/farm_mover.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/confirm.hpp"
#include "tools/furrow/database/database_option.hpp"
#include "tools/furrow/database/direct.hpp"
#include "tools/furrow/database/farm_moves.hpp"
#include "tools/furrow/interrupt.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/progress.hpp"
#include "tools/furrow/rounds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>

#include <nlohmann/json.hpp>

namespace furrow::cli {

const char* words_of(storage::move_step step) {
  switch (step) {
  case storage::move_step::expect:
    return "preparing the target";
  case storage::move_step::leave:
    return "closing the source";
  case storage::move_step::admit:
    return "opening the target";
  case storage::move_step::point:
    return "telling the nodes";
  case storage::move_step::follow:
    return "copying history";
  case storage::move_step::compare:
    return "comparing both sides";
  case storage::move_step::release:
    return "deleting at the source";
  case storage::move_step::done:
    return "done";
  }
  return "";
}

json json_of(const storage::farm_move& move) {
  return {{"farm", move.farm},
          {"from", move.source},
          {"to", move.target},
          {"step", storage::to_string(move.step)},
          {"progress", move.progress},
          {"since", move.since},
          {"by", move.by}};
}

namespace {

struct move_options {
  std::string url; // of main
  std::string farm;
  std::string target;
};

failure farm_move_failure(const storage::failure& why) {
  const auto code = why.code == storage::errc::retry_later ? errc::cannot_connect
                    : why.code == storage::errc::not_found ? errc::not_found
                                                           : errc::failed;
  return {code, why.detail};
}

/// A database that is away for a moment does not end the command: while the farm is closed everywhere its gateways wait.
storage::result<bool> move_until_done(const storage::farm_move_wish& wish, work_progress& shown) {
  constexpr std::chrono::milliseconds first_pause{100};
  constexpr std::chrono::milliseconds longest_pause{5'000};
  constexpr int attempts_max = 20;
  auto pause = first_pause;
  bool begun = false;
  for (int attempt = 1;; ++attempt) {
    auto moved = storage::move_farm(wish, [&](const storage::farm_move& now) {
      begun = true;
      attempt = 1;
      pause = first_pause;
      shown.at([&] { return words_of(now.step); });
      return !interrupted();
    });
    if (moved || !begun || attempt == attempts_max || interrupted()
        || moved.code() != storage::errc::retry_later)
      return moved;
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, longest_pause);
  }
}

result<int> move(const globals& globals, const move_options& options) {
  if (!note_interrupts())
    return failure{errc::failed, "cannot handle Ctrl-C"};
  storage::farm_move_wish wish;
  wish.main.url = options.url;
  wish.main.application_name = "furrow/cli";
  wish.farm = options.farm;
  wish.target = options.target;
  wish.by = person();
  const auto begun = std::chrono::steady_clock::now();
  work_progress shown{options.farm, false};
  const auto moved = move_until_done(wish, shown);
  shown.end();
  if (!moved) {
    auto why = farm_move_failure(moved.error());
    if (why.code == errc::cannot_connect)
      why.detail += "; the move stays where it is: run the same command again to continue";
    return why;
  }
  if (!*moved)
    return failure{errc::failed, fmt::format("{}: stopped between two steps; run the same command "
                                             "again to continue, it only goes forward",
                                             options.farm)};
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  const json answer{
    {"farm", options.farm}, {"database", options.target}, {"seconds", took.count()}};
  const table table{{"FARM", "DATABASE", "SECONDS"},
                    {{value_cell(answer.at("farm")), value_cell(answer.at("database")),
                      number_cell(json(fmt::format("{:.1f}", took.count())))}}};
  const auto printed = print(answer, table, globals.format());
  return printed ? result<int>{0} : printed.error();
}

result<int> list_moves(const globals& globals, const std::string& url) {
  storage::store_options main;
  main.url = url;
  main.application_name = "furrow/cli";
  const auto moves = storage::list_farm_moves(main);
  if (!moves)
    return to_failure(moves.error(), url);
  json rows = json::array();
  table shown{{"FARM", "FROM", "TO", "STEP", "PROGRESS", "SINCE", "BY"}, {}, "no farm is moving"};
  for (const auto& each : *moves) {
    rows.push_back(json_of(each));
    const auto& row = rows.back();
    shown.rows.push_back({value_cell(row.at("farm")), value_cell(row.at("from")),
                          value_cell(row.at("to")), value_cell(json(words_of(each.step))),
                          value_cell(row.at("progress")), value_cell(row.at("since")),
                          value_cell(row.at("by"))});
  }
  const auto printed = print(rows, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

} // namespace

void add_farm_move(CLI::App& app, const globals& globals, int& exit_code) {
  auto* farm = app.get_subcommand("farm");
  auto* command = farm->add_subcommand("move", "move a farm to another database");
  auto options = std::make_shared<move_options>();
  const auto* url = add_database_option(*command, main_url)->required();
  command->add_option("FARM", options->farm, "name of the farm")->required();
  command->add_option("--to", options->target, "name of the database, or main")->required();
  command->footer(
    "Nodes and gateways go on: the new database takes their machines within a second or two, and "
    "history follows. Nothing is deleted before both databases hold the same items. A move only "
    "goes forward. After Ctrl-C, or when the command was killed, run it again. Nodes need the same "
    "program version.\n"
    "Exit code 1 if something must be mended first, 3 if a database does not answer, 4 if there "
    "is no such farm or database.\n"
    "Examples:\n"
    "  furrow farm move north --to b --database postgresql://furrow@db1/furrow\n"
    "  furrow farm moves --database postgresql://furrow@db1/furrow");
  command->callback([&globals, &exit_code, options, url] {
    options->url = url_of(url);
    exit_code = code_of(move(globals, *options));
  });
  auto* moves = farm->add_subcommand("moves", "show the farms that are moving, and their steps");
  const auto* of = add_database_option(*moves, main_url)->required();
  const auto plan = add_watch_plan(*moves);
  moves->footer("Example:\n"
                "  furrow farm moves -o json --database postgresql://furrow@db1/furrow");
  moves->callback([&globals, &exit_code, of, plan] {
    exit_code = run_rounds(globals, *plan, [&] { return list_moves(globals, url_of(of)); });
  });
}

} // namespace furrow::cli
