/// `furrow db list, add, weight, remove` and `furrow farm` on two databases.
#include "storage/homes/directory.hpp"
#include "storage/identity/audit.hpp"
#include "storage/store.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/tools/furrow/maintenance_suite.hpp"

#include <future>

using namespace furrow::tests;

namespace {

/// Two migrated databases of one server, and a farm with a machine in the first.
struct two_urls {
  pg_cluster cluster;
  std::string main = cluster.make_database("main");
  std::string second = cluster.make_database("second");

  two_urls() {
    good({"db", "migrate", "--database", main});
    cluster.exec(one_machine("furrow.", true), "main");
  }
  std::string on_main(std::vector<std::string> words) {
    words.insert(words.end(), {"--database", main});
    return good(words);
  }
  std::string fails(std::vector<std::string> words, int exit_code = 1) {
    words.insert(words.end(), {"--database", main});
    const auto result = run(words);
    CHECK(result.exit_code == exit_code);
    return result.errors;
  }
};

} // namespace

TEST_CASE_FIXTURE(two_urls, "furrow db: adds a database that is ready, and no other") {
  CHECK(has(on_main({"db", "list", "-o", "json"}), R"("name":"main")"));
  CHECK(has(fails({"db", "add", "b", second}), "migration 1 streams_and_blocks: not applied"));
  good({"db", "migrate", "--database", second});
  CHECK(has(fails({"db", "add", "b", "postgresql://furrow:secret@db2/furrow"}, 2), "PGPASSFILE"));
  CHECK(has(fails({"db", "add", "B", second}, 2), "an invalid name of a database"));
  CHECK(has(fails({"db", "add", "b", "sqlite:farm.db"}, 2), "must be PostgreSQL"));
  CHECK(has(fails({"db", "add", "b", main}), "it is the main database itself"));
  CHECK(has(fails({"db", "add", "b", "postgresql://postgres@127.0.0.1:1/none"}, 3), "127.0.0.1"));
  // What is wrong leaves the other database as it was.
  CHECK(has(fails({"db", "add", "main", second}), "the name main is taken"));
  cluster.make_database("used");
  const auto used = cluster.url("used");
  good({"db", "migrate", "--database", used});
  cluster.exec("insert into furrow.signal_name (name) values ('EEC1.engine_speed')", "used");
  CHECK(has(fails({"db", "add", "b", used}), "a new home must be empty"));
  CHECK(has(bad({"db", "add", "b", main, "--database", second}), "a new home must be empty"));
  for (const auto* name : {"main", "second", "used"})
    CHECK(cluster.value("select count(*) from furrow.numbering", name) == "0");
  const auto added = on_main({"db", "add", "b", second, "--weight", "50"});
  CHECK(has(added, "second"));
  CHECK(has(on_main({"db", "list", "-o", "jsonl"}),
            R"({"name":"b","number":1,"farms":0,"weight":50,"url":")" + second + R"("})"));
  CHECK(has(fails({"db", "add", "c", second}), "the database b has this URL"));
  CHECK(has(on_main({"db", "weight", "b", "200"}), "200"));
  CHECK(has(fails({"db", "weight", "c", "200"}, 4), "no database c"));
  const auto notes = on_main({"db", "audit", "-o", "jsonl"});
  CHECK(has(notes, R"("action":"database weight")"));
  CHECK(has(notes, R"("action":"database add")"));
  CHECK(has(on_main({"db", "remove", "b"}), "main"));
  CHECK(has(fails({"db", "remove", "main"}), "it stays"));
}

TEST_CASE_FIXTURE(two_urls, "furrow farm: shows where each farm lives") {
  good({"db", "migrate", "--database", second});
  on_main({"db", "add", "b", second});
  cluster.exec("select furrow.place_farm('north')", "main");
  CHECK(has(on_main({"farm", "list", "-o", "jsonl"}),
            R"({"farm":"north","database":"b","version":1,"machines":null,"state":"new"})"));
  cluster.exec("insert into furrow.farm (name) values ('north'); insert into furrow.equipment "
               "(farm_id, name) select id, 'T7' from furrow.farm",
               "second");
  const auto list = on_main({"farm", "list", "-o", "jsonl"});
  CHECK(has(list, R"({"farm":"north","database":"b","version":1,"machines":1,"state":"here"})"));
  CHECK(has(list, R"("database":"main")"));
  const auto shown = on_main({"farm", "status", "north"});
  CHECK(has(shown, "north lives in b (version 1): here"));
  CHECK(has(shown, "gone")); // as main sees it
  CHECK(has(on_main({"farm", "status", "north", "-o", "json"}), R"("home":"b")"));
  CHECK(has(on_main({"farm", "status", "north", "-o", "json"}), R"("move":null)"));
  cluster.exec("insert into furrow.farm_move (farm, source, target, version, step, by, progress) "
               "values ('north', 'main', 'b', 1, 'follow', 'anna', '5000 items to copy')",
               "main");
  CHECK(has(on_main({"farm", "status", "north"}), "it moves from main to b since 20"));
  CHECK(has(on_main({"farm", "status", "north"}), ": copying history (5000 items to copy)"));
  CHECK(has(on_main({"farm", "status", "north", "-o", "json"}),
            R"("step":"follow","progress":"5000 items to copy")"));
  cluster.exec("delete from furrow.farm_move", "main");
  CHECK(has(fails({"farm", "status", "west"}, 4), "no farm west"));
  CHECK(has(fails({"db", "remove", "b"}), "the home of 1 farm: north"));
  // It has no row, as after main was restored: the database that holds it is shown.
  cluster.exec("insert into furrow.farm (name, title) values ('west', 'West')", "second");
  CHECK(has(on_main({"farm", "list", "-o", "jsonl"}),
            R"({"farm":"west","database":"b","version":0,"machines":0,"state":"here"})"));
  cluster.exec("delete from furrow.farm where name = 'west'", "second");
  // An import into main says where the farm is.
  cluster.exec("create table rows as select 'north' as farm, 'T7' as machine, now() as time, 291 "
               "as id, '\\x01'::bytea as data",
               "main");
  CHECK(has(fails({"import", "--from", main, "--table", "rows", "--map",
                   "time=time,farm=farm,equipment=machine,can_id=id,data=data"}),
            "the farm north lives in the database b: give its URL"));
  // Its database does not answer.
  cluster.exec("update furrow.database set url = 'postgresql://postgres@127.0.0.1:1/none' where "
               "name = 'b'",
               "main");
  const auto half = run({"farm", "list", "-o", "jsonl", "--database", main});
  CHECK(half.exit_code == 0);
  CHECK(has(half.out, R"("state":"unknown")"));
  CHECK(has(half.errors, "b: "));
  CHECK(has(fails({"farm", "status", "north"}, 3), "b: "));
  CHECK(has(bad({"farm", "list", "--database", "sqlite:/nowhere/farm.db"}, 3), "no such database"));
}

TEST_CASE_FIXTURE(two_urls, "furrowd migrate: migrates all databases of the directory") {
  cluster.exec("insert into furrow.database (name, url) values ('b', '" + second + "')", "main");
  const auto migrate = [&](std::vector<std::string> more = {}) {
    more.insert(more.begin(), {FURROW_BIN_DIR "/furrowd", "migrate", "--database", main});
    return run_program(std::move(more));
  };
  const auto checked = migrate({"--no-migrate"});
  CHECK(checked.exit_code == 1);
  CHECK(has(checked.errors, "dbname=second"));
  CHECK(has(checked.errors, ": migration 1 streams_and_blocks: not applied"));
  const auto done = migrate();
  CHECK(done.exit_code == 0);
  CHECK(has(done.out, "ok: user=postgres dbname=main"));
  CHECK(has(done.out, "ok: user=postgres dbname=second"));
  CHECK(migrate({"--no-migrate"}).exit_code == 0);
  // A node migrates one that is away now, when it answers.
  cluster.exec("update furrow.database set url = 'postgresql://postgres@127.0.0.1:1/none' where "
               "name = 'b'",
               "main");
  const auto away = migrate();
  CHECK(away.exit_code == 0);
  CHECK(has(away.errors, "a node migrates it when it answers"));
  CHECK(migrate({"--no-migrate"}).exit_code == 1);
}
