// `furrow farm move`: what it refuses before anything is changed, and how it goes on after it was stopped.
#include "storage/maintenance.hpp"
#include "tests/storage/move/move_bed.hpp"
#include "tests/support/program.hpp"
#include "tests/tools/furrowd/node_program.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

std::string migrated(const std::string& name) {
  copy_cluster().make_database(name);
  store_options options;
  options.url = copy_cluster().url(name);
  (void)must(migrate_database(options, {}, false));
  return options.url;
}

/// The clock of main says at the last step that the 25 s are over for which the source keeps its rows.
void let_the_source_release(const std::string& database) {
  copy_cluster().exec(
    "create function public.long_ago() returns trigger language plpgsql as $$ begin new.stepped_at "
    ":= new.stepped_at - interval '1 minute'; return new; end $$; create trigger long_ago before "
    "update on furrow.farm_move for each row when (new.step = 'release' and old.step <> 'release') "
    "execute function public.long_ago()",
    database);
}

program_result farm(std::vector<std::string> words, program_options options = {}) {
  std::vector<std::string> all{FURROW_BIN_DIR "/furrow", "farm"};
  all.insert(all.end(), words.begin(), words.end());
  return run_program(all, std::move(options));
}

void check_refused(const program_result& ran, int exit_code, const std::string& word) {
  CAPTURE(ran.errors);
  CHECK(ran.exit_code == exit_code);
  CHECK(ran.errors.find(word) != std::string::npos);
  CHECK(std::count(ran.errors.begin(), ran.errors.end(), '\n') == 1);
}

} // namespace

TEST_CASE("farm move, command: refuses what cannot be moved in one line, and changes nothing") {
  const auto main = migrated("cli_main");
  const auto b = migrated("cli_b");
  let_the_source_release("cli_main");
  copy_cluster().make_database("cli_old");
  const auto add = [&](const std::string& name, const std::string& url, const std::string& number) {
    copy_cluster().exec("insert into furrow.database (name, url, number) values ('" + name + "', '"
                          + url + "', " + number + ")",
                        "cli_main");
  };
  add("b", b, "1");
  add("old", copy_cluster().url("cli_old"), "2");
  add("away", "postgresql://127.0.0.1:1/none", "3");
  add("numberless", b, "null");
  const auto store = open_url(main);
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  REQUIRE(append(*store->open_appender("w0"), {append_of(claimed, 0, mixed_block(1, 50))}));
  const auto to = [&](const std::string& name, const std::string& target) {
    return farm({"move", name, "--to", target, "--database", main});
  };
  check_refused(to("default", "b"), 1, "has number 1 in the directory and none in itself");
  copy_cluster().exec("select furrow.number_ids(1)", "cli_b");
  check_refused(to("south", "b"), 4, "no farm south");
  check_refused(to("default", "c"), 4, "no database c");
  check_refused(to("default", "main"), 1, "lives in main already");
  check_refused(to("default", "numberless"), 1, "has no number");
  check_refused(to("default", "away"), 3, "away: ");
  CHECK(to("default", "old").exit_code == 1);
  CHECK(copy_cluster().value("select count(*) from furrow.farm_move", "cli_main") == "0");
  CHECK(copy_cluster().value("select home_state from furrow.farm", "cli_main") == "here");

  // Killed on the way, shown, and gone on with.
  program_options dies;
  dies.environment = {{"FURROW_FAILPOINT", "farm.step:5:abort"}};
  CHECK(farm({"move", "default", "--to", "b", "--database", main}, dies).exit_code == 99);
  const auto shown = farm({"moves", "--database", main, "-o", "json"});
  CHECK(shown.exit_code == 0);
  CHECK(shown.out.find("\"follow\"") != std::string::npos);
  check_refused(to("default", "old"), 1, "");
  const auto moved = to("default", "b");
  CAPTURE(moved.errors);
  CHECK(moved.exit_code == 0);
  CHECK(moved.out.find("default") != std::string::npos);
  CHECK(
    copy_cluster().value("select durable || ' ' || stored || ' ' || lost || ' ' || doubled from "
                         "furrow.ledger",
                         "cli_b")
    == "50 50 0 0");
  const auto help = farm({"move", "--help"});
  CHECK(help.out.find("furrow farm move north --to b") != std::string::npos);
}

TEST_CASE("farm move, node: goes on within a second or two with a move whose command was killed") {
  const auto main = migrated("node_main");
  const auto b = migrated("node_b");
  let_the_source_release("node_main");
  copy_cluster().exec(
    "insert into furrow.database (name, url, number) values ('b', '" + b + "', 1)", "node_main");
  copy_cluster().exec("select furrow.number_ids(1)", "node_b");
  const auto store = open_url(main);
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  REQUIRE(append(*store->open_appender("w0"), {append_of(claimed, 0, mixed_block(1, 500))}));
  const scratch_folder folder;
  child_process node{
    FURROW_BIN_DIR "/furrowd",
    {"--database", main, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--drain", "3"},
    folder.file("output")};
  REQUIRE(eventually(node_patience,
                     [&] { return node.output().find("ready gateway=") != std::string::npos; }));
  // Between the source, which is closed, and the target, which is not open.
  program_options dies;
  dies.environment = {{"FURROW_FAILPOINT", "farm.step:3:abort"}};
  CHECK(farm({"move", "default", "--to", "b", "--database", main}, dies).exit_code == 99);
  const auto killed = std::chrono::steady_clock::now();
  CHECK(eventually(node_patience, [&] {
    return copy_cluster().value("select home_state from furrow.farm where name = 'default'",
                                "node_b")
           == "here";
  }));
  const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - killed;
  MESSAGE("the farm was open again after " << waited.count() << " s");
  CHECK(eventually(3 * node_patience, [&] {
    return copy_cluster().value("select count(*) from furrow.farm_move", "node_main") == "0";
  }));
  CHECK(
    copy_cluster().value("select durable || ' ' || stored || ' ' || lost || ' ' || doubled from "
                         "furrow.ledger",
                         "node_b")
    == "500 500 0 0");
  // A question to a server that stands still does not hold up the end of the node.
  std::thread holder{[] {
    copy_cluster().exec("begin; lock table furrow.farm_move in access exclusive mode; select "
                        "pg_sleep(5); commit",
                        "node_main");
  }};
  CHECK(eventually(node_patience, [] {
    return copy_cluster().value("select count(*) from pg_stat_activity where wait_event_type = "
                                "'Lock' and application_name like '%/move'",
                                "node_main")
           != "0";
  }));
  copy_cluster().freeze();
  const auto told = std::chrono::steady_clock::now();
  node.signal(SIGTERM);
  const auto exit_code = node.wait();
  const auto took = std::chrono::steady_clock::now() - told;
  copy_cluster().thaw();
  holder.join();
  CHECK(exit_code == 0);
  CHECK(took < std::chrono::seconds{10});
}
