/// `furrow import` from a table of rows, as a person runs it, killed and run again.
#include "tests/support/eventually.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/tools/child_process.hpp"
#include "tests/tools/furrow/maintenance_suite.hpp"

#include <sqlite3.h>

using namespace furrow::tests;

namespace {

struct table_world {
  scratch_folder folder;
  std::string from = folder.file("old.db");
  std::string to = folder.file("furrow.db");

  /// The only number that a query gives; -1 while the database cannot say.
  static long long value(const std::string& path, const std::string& sql) {
    sqlite3* db = nullptr;
    sqlite3_stmt* rows = nullptr;
    long long out = -1;
    if (sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK
        && sqlite3_prepare_v2(db, sql.c_str(), -1, &rows, nullptr) == SQLITE_OK
        && sqlite3_step(rows) == SQLITE_ROW)
      out = sqlite3_column_int64(rows, 0);
    sqlite3_finalize(rows);
    sqlite3_close(db);
    return out;
  }
  static void exec(const std::string& path, const std::string& sql) {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(db);
  }
  std::vector<std::string> command(std::vector<std::string> more = {}) const {
    std::vector<std::string> out{"import",
                                 "--from",
                                 "sqlite:" + from,
                                 "--table",
                                 "raw \"rows\"",
                                 "--map",
                                 "time=ts,equipment=machine,can_id=id,data=payload",
                                 "--database",
                                 "sqlite:" + to,
                                 "-o",
                                 "jsonl"};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }
  table_world() {
    exec(from, "create table \"raw \"\"rows\"\"\" (ts, machine, id, payload)");
    good({"db", "migrate", "--database", "sqlite:" + to});
  }
  void insert(const std::string& values) const {
    exec(from, "insert into \"raw \"\"rows\"\"\" " + values);
  }
};

} // namespace

TEST_CASE("furrow import: rows become frames with their times; other rows go to quarantine") {
  const table_world here;
  here.insert("values (1000, 'T1', 291, x'0102'), (2000, 'T1', 2566844672 , '0A0B'), "
              "(3000, 'T1', 419361024, x''), (4000, 'T1', 'x', x'01'), (null, 'T1', 1, x'01'), "
              "(5000, 'T1', 1, 'zz'), (6000, 'T2', '1AB', x'0102030405060708')");
  CHECK(has(bad(here.command()), "ts is a number: set --time-unit s, ms or us"));
  const auto plan = run(here.command({"--time-unit", "ms", "--dry-run"}));
  CHECK(plan.exit_code == 0);
  CHECK(has(plan.out, "\"rows\":7,\"machines\":2"));
  CHECK(table_world::value(here.to, "select count(*) from stream") == 0);
  const auto ended = run(here.command({"--time-unit", "ms"}));
  CHECK(ended.exit_code == 0);
  CHECK(
    has(ended.out, "\"rows\":7,\"frames\":4,\"quarantined\":3,\"known_before\":0,\"machines\":2"));
  CHECK(has(ended.out, "\"checked\":true,\"unsound\":0"));
  CHECK(table_world::value(here.to, "select min(time_first) from can_block") == 1'000'000);
  CHECK(table_world::value(here.to, "select count(*) from quarantine where reason like 'data: %'")
        == 1);
  // Again: nothing is stored twice; a row that came later is added.
  here.insert("values (7000, 'T2', 427, x'09')");
  const auto again = run(here.command({"--time-unit", "ms"}));
  CHECK(has(again.out, "\"rows\":8,\"frames\":5,\"quarantined\":3,\"known_before\":7"));
  CHECK(has(good({"db", "validate", "--database", "sqlite:" + here.to, "-o", "jsonl"}),
            R"({"what":"ledger: items lost","says":"0","sound":true})"));
  // A row that was changed behind the import's back is noticed.
  table_world::exec(here.from, "update \"raw \"\"rows\"\"\" set payload = x'ff' where ts = 7000");
  const auto changed = run(here.command({"--time-unit", "ms"}));
  CHECK(changed.exit_code == 1);
  CHECK(has(changed.errors, "the stored frames differ from the table"));
}

TEST_CASE(
  "furrow import: a database without our schema is told of, with the command that makes it") {
  const table_world here;
  here.insert("values (1000, 'T1', 291, x'0102')");
  const auto bare = here.folder.file("bare.db");
  table_world::exec(bare, "create table notes (text)");
  auto command = here.command({"--time-unit", "ms"});
  std::replace(command.begin(), command.end(), "sqlite:" + here.to, "sqlite:" + bare);
  CHECK(has(bad(command), "`furrow db migrate`"));
  CHECK(table_world::value(bare, "select count(*) from sqlite_master") == 1);
}

TEST_CASE("furrow import: notices a table that was imported under another name") {
  const table_world here;
  here.insert("values (1000, 'T1', 291, x'0102'), (2000, 'T1', 292, x'0A0B')");
  CHECK(run(here.command({"--time-unit", "ms"})).exit_code == 0);
  const auto second = run(here.command({"--time-unit", "ms", "--as", "other"}));
  CHECK(second.exit_code == 1);
  CHECK(has(second.errors, "nothing was imported: default/T1 has a stream of 2 items already"));
  CHECK(has(second.errors, "--again"));
  CHECK(table_world::value(here.to, "select count(*) from stream") == 1);
  CHECK(run(here.command({"--time-unit", "ms"})).exit_code == 0); // the same import goes on
  CHECK(run(here.command({"--time-unit", "ms", "--as", "other", "--again"})).exit_code == 0);
  CHECK(table_world::value(here.to, "select count(*) from stream") == 2);
}

TEST_CASE("furrow import: stores each row once when it is killed again and again") {
  const table_world here;
  here.insert("with recursive n(i) as (select 0 union all select i + 1 from n where i < 399999) "
              "select i * 10, 'T' || (i % 2), i % 2048, x'0102030405060708' from n");
  const auto stored = [&] {
    return table_world::value(here.to, "select coalesce(sum(seq), 0) from stream_watermark");
  };
  for (const long long enough : {1, 100'000, 250'000}) {
    child_process import{FURROW_BIN_DIR "/furrow", here.command({"--time-unit", "us"}),
                         here.folder.file("import.log")};
    CHECK(eventually(std::chrono::seconds{100}, [&] { return stored() >= enough; }));
    import.signal(SIGKILL);
    (void)import.wait();
  }
  const auto ended = run(here.command({"--time-unit", "us"}));
  CHECK(ended.exit_code == 0);
  CHECK(has(ended.out, "\"rows\":400000,\"frames\":400000,\"quarantined\":0"));
  CHECK(has(ended.out, "\"unsound\":0"));
  CHECK(table_world::value(here.to, "select sum(frames) from can_block") == 400'000);
}
