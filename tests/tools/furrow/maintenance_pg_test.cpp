/// `furrow db` on a PostgreSQL of its own.
#include "storage/migrations/migrations.hpp"
#include "storage/store.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/tools/child_process.hpp"
#include "tests/tools/furrow/maintenance_suite.hpp"
#include "tests/tools/furrow/terminal_child.hpp"

#include <array>
#include <filesystem>
#include <future>

using namespace furrow::tests;

namespace {

pg_cluster& cluster() {
  static pg_cluster one;
  return one;
}

std::string rows_of(const std::string& table, const std::string& database) {
  return cluster().value("select count(*) from furrow." + table, database);
}

} // namespace

TEST_CASE("furrow db on PostgreSQL: migrates to a step, and validates the database") {
  const auto url = cluster().make_database("steps");
  const auto all = static_cast<long>(furrow::storage::postgres_migrations().size());
  good({"db", "migrate", "--dry-run", "--database", url});
  CHECK(cluster().value("select to_regnamespace('furrow') is null", "steps") == "t");
  good({"db", "migrate", "--to", "2", "--database", url});
  CHECK(rows_of("migration", "steps") == "2");
  CHECK(has(bad({"db", "validate", "--database", url}), "checks failed"));
  good({"db", "migrate", "--database", url});
  CHECK(std::stol(rows_of("migration", "steps")) == all);
  CHECK(rows_of("definition_set", "steps") == "1");
  cluster().exec(one_machine("furrow.", true), "steps");
  CHECK(has(good({"db", "validate", "--database", url, "-o", "jsonl"}),
            R"({"what":"ledger: items lost","says":"0","sound":true})"));
  cluster().exec("drop index furrow.can_block_equipment_time; drop function "
                 "furrow.position_track; update furrow.stream_watermark set seq = 1",
                 "steps");
  const auto found = run({"db", "validate", "--database", url, "-o", "jsonl"});
  CHECK(found.exit_code == 1);
  CHECK(has(found.out,
            R"({"what":"index can_block_equipment_time","says":"is missing","sound":false})"));
  CHECK(has(found.out, R"({"what":"function position_track","says":"is missing","sound":false})"));
  CHECK(has(found.out, R"({"what":"ledger: items doubled","says":"1","sound":false})"));
}

TEST_CASE("furrow db on PostgreSQL: backup and restore, whole or not at all") {
  const scratch_folder folder;
  const auto url = cluster().make_database("saved");
  const auto second = cluster().make_database("second");
  good({"db", "migrate", "--database", url});
  cluster().exec(one_machine("furrow.", true), "saved");
  const auto file = folder.file("furrow.dump");
  CHECK(has(good({"db", "backup", file, "--database", url}), "pg_dump"));
  good({"db", "restore", file, "--database", second});
  CHECK(cluster().exec("select * from furrow.frames('T1', '-infinity', 'infinity')", "second")
        == cluster().exec("select * from furrow.frames('T1', '-infinity', 'infinity')", "saved"));
  CHECK(rows_of("equipment", "second") == "1");
  // What it goes on with: the numbers of rows to come.
  cluster().exec("insert into furrow.equipment (farm_id, name) values (1, 'T2')", "second");
  CHECK(has(bad({"db", "restore", file, "--database", second}), "--replace"));
  const auto torn = folder.file("torn.dump");
  std::filesystem::copy_file(file, torn);
  std::filesystem::resize_file(torn, std::filesystem::file_size(torn) / 2);
  bad({"db", "restore", torn, "--replace", "--database", second});
  CHECK(rows_of("equipment", "second") == "2");
  good({"db", "restore", file, "--replace", "--database", second});
  CHECK(rows_of("equipment", "second") == "1");
  CHECK(has(bad({"db", "backup", file, "--database", url}), "is there already"));
  const auto empty = cluster().make_database("empty");
  CHECK(has(bad({"db", "backup", folder.file("none"), "--database", empty}), "nothing to back up"));
  CHECK_FALSE(std::filesystem::exists(folder.file("none.partial")));
}

// The server hangs while the commands begin, so that they take as long as it takes to see what they say.
TEST_CASE("furrow db on PostgreSQL: long work shows its progress on a terminal, and nothing "
          "elsewhere") {
  const scratch_folder folder;
  const auto url = cluster().make_database("shown");
  const std::array<std::string, 2> empty{cluster().make_database("shown_empty"),
                                         cluster().make_database("shown_empty_too")};
  good({"db", "migrate", "--database", url});
  good({"db", "backup", folder.file("saved.dump"), "--database", url});
  const auto check = [&](const char* shows, std::vector<std::string> as_program,
                         std::vector<std::string> as_person) {
    CAPTURE(shows);
    as_person.insert(as_person.begin(), FURROW_BIN_DIR "/furrow");
    cluster().freeze();
    child_process program{FURROW_BIN_DIR "/furrow", std::move(as_program), folder.file("output")};
    terminal_child person{std::move(as_person), {}};
    CHECK(person.sees(std::string{"\r"} + shows)); // one line, over and over
    CHECK(person.sees(" s "));
    cluster().thaw();
    CHECK(person.wait() == 0);
    CHECK(program.wait() == 0);
    CHECK(program.output().find(shows) == std::string::npos);
  };
  check("backup: ", {"db", "backup", folder.file("one.dump"), "--database", url},
        {"db", "backup", folder.file("two.dump"), "--database", url});
  check("restore: from ", {"db", "restore", folder.file("saved.dump"), "--database", empty[0]},
        {"db", "restore", folder.file("saved.dump"), "--database", empty[1]});
  check("validate: ", {"db", "validate", "--database", url}, {"db", "validate", "--database", url});
}

TEST_CASE("furrow db on PostgreSQL: rejects a restore while a node is running") {
  const scratch_folder folder;
  const auto url = cluster().make_database("busy");
  good({"db", "migrate", "--database", url});
  cluster().exec(one_machine("furrow.", true), "busy");
  const auto file = folder.file("furrow.dump");
  good({"db", "backup", file, "--database", url});
  {
    furrow::storage::store_options options;
    options.url = url;
    const auto node = furrow::storage::open_store(options);
    REQUIRE(node);
    std::promise<bool> up;
    (*node)->health([&](const auto& health) { up.set_value(health && health->up); });
    REQUIRE(up.get_future().get());
    const auto refused = bad({"db", "restore", file, "--replace", "--database", url});
    CHECK(has(refused, "connections of Furrow are open to it: stop the nodes first"));
  }
  good({"db", "restore", file, "--replace", "--database", url});
}

TEST_CASE("furrow db on PostgreSQL: accepts a newer program's migration that only adds") {
  const auto url = cluster().make_database("newer");
  good({"db", "migrate", "--database", url});
  cluster().exec("insert into furrow.migration (number, name, checksum) values (999, 'adds', 'x')",
                 "newer");
  good({"db", "migrate", "--database", url});
  good({"db", "status", "--database", url});
  cluster().exec("update furrow.migration set name = 'contract_0999_x' where number = 999",
                 "newer");
  CHECK(has(bad({"db", "migrate", "--database", url}), "newer than this program"));
}

TEST_CASE("furrow db seal and dbc load: work as typed by a person") {
  const scratch_folder folder;
  const auto url = cluster().make_database("sealed");
  good({"db", "migrate", "--database", url});
  cluster().exec(one_machine("furrow.", true), "sealed");
  CHECK(has(good({"db", "seal", "--all", "--database", url, "-o", "jsonl"}), "\"frames\":2"));
  CHECK(rows_of("can_block", "sealed") == "0");
  CHECK(has(good({"db", "validate", "--database", url, "-o", "jsonl"}),
            R"({"what":"chunks whose segments do not add up","says":"0","sound":true})"));
  CHECK(run({"db", "seal", "--database", url}).exit_code == 2);
  const auto file =
    folder.write("own.dbc", "VERSION \"\"\nBU_:\nBO_ 291 Own: 8 Vector__XXX\n"
                            " SG_ level : 0|8@1+ (1,0) [0|255] \"%\" Vector__XXX\n");
  const auto loaded = good({"dbc", "load", file, "--for", "T1", "--database", url, "-o", "jsonl"});
  CHECK(has(loaded, R"("added":true,"messages":1,"signals":1)"));
  CHECK(has(good({"dbc", "load", file, "--for", "T1", "--database", url, "-o", "jsonl"}),
            R"("added":false)"));
  CHECK(has(bad({"dbc", "load", file, "--for", "T9", "--database", url}, 4), "T9"));
}

TEST_CASE("furrow import to PostgreSQL: a database without our schema is told of, with the command "
          "that makes it") {
  const auto url = cluster().make_database("bare");
  const auto from = cluster().make_database("old_rows");
  cluster().exec("create table r (ts bigint, machine text, id bigint, payload bytea); "
                 "insert into r values (1000, 'T1', 291, '\\x0102')",
                 "old_rows");
  CHECK(has(bad({"import", "--from", from, "--table", "r", "--map",
                 "time=ts,equipment=machine,can_id=id,data=payload", "--time-unit", "ms",
                 "--database", url}),
            "`furrow db migrate`"));
  CHECK(cluster().value("select to_regnamespace('furrow') is null", "bare") == "t");
}
