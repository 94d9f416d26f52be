// `furrow db migrate --timescale`: what it says, beside a digest that writes, and killed on the way.
#include "storage/migrations/timescale.hpp"
#include "storage/statistics.hpp"
#include "tests/storage/postgres/postgres_bed.hpp"
#include "tests/storage/postgres/timescale/timescale_bed.hpp"
#include "tests/storage/suite/child.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/program.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <thread>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

const std::string hypertables_case = "child: makes hypertables until it is done or killed";

program_result furrow_db(std::vector<std::string> words, const std::string& url) {
  words.insert(words.begin(), {FURROW_BIN_DIR "/furrow", "db"});
  words.insert(words.end(), {"--database", url});
  return run_program(words);
}

program_result migrate(const std::string& url) {
  return furrow_db({"migrate", "--timescale"}, url);
}

void check_refused(const program_result& ran, const std::string& word) {
  CAPTURE(ran.errors);
  CHECK(ran.exit_code == 1);
  CHECK(ran.errors.find(word) != std::string::npos);
  CHECK(std::count(ran.errors.begin(), ran.errors.end(), '\n') == 1);
}

/// "telemetry rollup": which of them are hypertables.
std::string made(timescale_database& bed) {
  return bed.value(
    "select coalesce(string_agg(hypertable_name, ' ' order by hypertable_name desc), "
    "'') from timescaledb_information.hypertables where hypertable_schema = 'furrow'");
}

/// What the digest does with a row, by a session of its own, until it is told to stop.
class steady_writer {
public:
  explicit steady_writer(timescale_database& bed) : bed_{bed} {}
  steady_writer(const steady_writer&) = delete;
  steady_writer& operator=(const steady_writer&) = delete;
  ~steady_writer() { stop(); }

  int stop() {
    stopped_ = true;
    if (thread_.joinable())
      thread_.join();
    return rows_;
  }
  [[nodiscard]] int rows() const { return rows_; }

private:
  void write() {
    while (!stopped_) {
      const auto number = std::to_string(rows_);
      // A second, and one more value of a minute, as the digest adds it.
      bed_.tamper(
        "insert into furrow.telemetry as t (equipment_id, stream, time, seq) select 1, 1, "
        "timestamptz '2027-01-01 00:00:00+00' + "
        + number + " * interval '1 second', " + number
        + " on conflict (equipment_id, time) do update set seq = excluded.seq where "
          "(excluded.stream, excluded.seq) > (t.stream, t.seq); insert into "
          "furrow.rollup as t (equipment_id, signal, minute, count, min, max, sum, last, "
          "last_time) select 1, 1, '2027-01-01 00:00:00+00', 1, 1, 1, 1, 1, now() on "
          "conflict (equipment_id, signal, minute) do update set count = t.count + 1");
      ++rows_;
    }
  }

  timescale_database& bed_;
  std::atomic<bool> stopped_ = false;
  std::atomic<int> rows_ = 0;
  std::thread thread_{[this] { write(); }};
};

/// A session that reads a table and stays in its transaction for the life of the object.
class long_reader {
public:
  long_reader(timescale_database& bed, const std::string& table)
    : bed_{bed}, thread_{[&bed, table] {
        try {
          bed.tamper("begin; select count(*) from furrow." + table + "; select pg_sleep(600)");
        } catch (const std::exception&) { // it is ended by another session
        }
      }} {
    REQUIRE(eventually(patience, [&] { return bed_.value(sleeps) == "1"; }));
  }
  long_reader(const long_reader&) = delete;
  long_reader& operator=(const long_reader&) = delete;
  ~long_reader() {
    bed_.tamper("select pg_terminate_backend(pid) from pg_stat_activity where datname = "
                "current_database() and query like '%pg_sleep(600)%' and pid <> pg_backend_pid()");
    thread_.join();
  }

private:
  static constexpr const char* sleeps =
    "select count(*) from pg_stat_activity where datname = current_database() and wait_event = "
    "'PgSleep' and query like '%pg_sleep(600)%'";

  timescale_database& bed_;
  std::thread thread_;
};

/// All rows are copied, and the table waits to be exchanged.
void wait_for_exchange(timescale_database& bed, const std::string& table) {
  REQUIRE(eventually(patience, [&] {
    return bed.value("select count(*) from pg_stat_activity where datname = current_database() and "
                     "query like '%end_hypertable%' and application_name like 'furrow/%' and "
                     "exists (select from pg_locks l where l.pid = pg_stat_activity.pid and "
                     "l.relation = 'furrow."
                     + table + "'::regclass)")
           == "1";
  }));
}

} // namespace

TEST_CASE("child: makes hypertables until it is done or killed" * doctest::skip()) {
  const char* url = std::getenv("FURROW_CHILD_URL");
  if (url == nullptr)
    return; // only a parent's child runs this
  store_options options;
  options.url = url;
  options.application_name = "furrow/child";
  (void)must(furrow::storage::make_hypertables(options, [](const auto&) {}));
}

TEST_CASE("timescale: without the extension the command says what to do, and changes nothing") {
  postgres_bed bed;
  (void)bed.open_migrated();
  const auto objects =
    "select string_agg(oid::regclass::text, ' ' order by oid) from pg_class where "
    "relnamespace = 'furrow'::regnamespace";
  const auto before = bed.value(objects);
  const bool here = bed.value("select count(*) from pg_available_extensions where name = "
                              "'timescaledb'")
                    == "1";
  check_refused(migrate(bed.url()), here ? "shared_preload_libraries" : "has no TimescaleDB");
  CHECK(bed.value(objects) == before);
  const auto sqlite = std::filesystem::temp_directory_path() / "furrow-timescale-none.db";
  check_refused(migrate("sqlite:" + sqlite.string()), "SQLite has no TimescaleDB");
  CHECK_FALSE(std::filesystem::exists(sqlite));
}

TEST_CASE("timescale: the command makes hypertables once, and the second time says so") {
  if (timescale_cluster() == nullptr)
    return;
  timescale_database bed{new_database("command")};
  check_refused(migrate(bed.url()), "create extension timescaledb");
  bed.tamper("create extension timescaledb");
  const auto first = migrate(bed.url());
  CAPTURE(first.errors);
  CHECK(first.exit_code == 0);
  CHECK(first.errors.find("telemetry is a hypertable now") != std::string::npos);
  CHECK(first.errors.find("rollup is a hypertable now") != std::string::npos);
  CHECK(made(bed) == "telemetry rollup");
  CHECK(bed.value("select count(*) from timescaledb_information.jobs where proc_name = "
                  "'policy_compression' and hypertable_schema = 'furrow'")
        == "2");
  const auto again = migrate(bed.url());
  CHECK(again.exit_code == 0);
  CHECK(again.errors.find("were hypertables already") != std::string::npos);

  CHECK(furrow_db({"validate"}, bed.url()).exit_code == 0);
  const auto status = furrow_db({"status"}, bed.url());
  CHECK(status.exit_code == 0);
  CHECK(status.out.find(", timescaledb 2.") != std::string::npos);
  // A backup by pg_dump of the schema alone would lack what is compressed.
  const auto file = std::filesystem::temp_directory_path() / "furrow-timescale.dump";
  check_refused(furrow_db({"backup", file.string()}, bed.url()), "docs/timescale.md");
  CHECK_FALSE(std::filesystem::exists(file));

  // The width that people set holds for new chunks.
  CHECK(furrow_db({"partitions", "--width", "day"}, bed.url()).exit_code == 0);
  CHECK(bed.value("select string_agg(distinct time_interval::text, ' ') from "
                  "timescaledb_information.dimensions where hypertable_schema = 'furrow'")
        == "1 day");
}

TEST_CASE("timescale: a digest that writes meanwhile loses and doubles nothing") {
  if (timescale_cluster() == nullptr)
    return;
  timescale_database bed{new_database("busy")};
  fill_database(bed);
  const auto rows = std::stoi(bed.value("select count(*) from furrow.telemetry"));
  steady_writer busy{bed};
  const auto written = [&](int more) {
    const auto from = busy.rows();
    REQUIRE(eventually(patience, [&] { return busy.rows() >= from + more; }));
  };
  written(20);
  (void)make_hypertables(bed);
  CHECK(made(bed) == "telemetry rollup");
  written(20);
  const auto count = busy.stop();
  CHECK(bed.value("select count(*) from furrow.telemetry") == std::to_string(rows + count));
  CHECK(
    bed.value("select count(*) || ' ' || min(seq) || ' ' || max(seq) from furrow.telemetry where "
              "time >= '2027-01-01'")
    == std::to_string(count) + " 0 " + std::to_string(count - 1));
  CHECK(bed.value("select count from furrow.rollup where minute = '2027-01-01 00:00:00+00'")
        == std::to_string(count));
}

TEST_CASE("timescale: killed on the way, a table is as it was or done, and the next run goes on") {
  if (timescale_cluster() == nullptr)
    return;
  timescale_database bed{new_database("killed")};
  fill_database(bed);
  bed.tamper("create extension timescaledb");
  const auto sums = [&] {
    return bed.sum("select * from furrow.telemetry") + bed.sum("select * from furrow.rollup");
  };
  const auto before = sums();
  for (const std::string table : {"telemetry", "rollup"}) {
    const long_reader reader{bed, table};
    auto child = std::make_unique<child_writer>(bed.url(), "", hypertables_case);
    wait_for_exchange(bed, table);
    CHECK(sums() == before); // who reads does not wait
    child.reset();           // kill -9
    REQUIRE(eventually(patience, [&] {
      return bed.value("select count(*) from pg_stat_activity where datname = current_database() "
                       "and application_name like 'furrow/child%'")
             == "0";
    }));
    CHECK(made(bed) == (table == "telemetry" ? "" : "telemetry"));
    CHECK(bed.value("select count(*) from pg_class where relname ~ '_next$|_old$'") == "0");
    CHECK(sums() == before);
  }
  const auto done = make_hypertables(bed);
  REQUIRE(done.made.size() == 1);
  CHECK(done.made[0].name == "rollup");
  CHECK(sums() == before);
}

TEST_CASE("timescale: a later step of the schema finds the functions that it knows") {
  if (timescale_cluster() == nullptr)
    return;
  timescale_database bed{new_database("steps")};
  const auto functions = [&] {
    return bed.rows(
      "select p.oid::regprocedure, p.prosrc, pg_get_functiondef(p.oid) from pg_proc p "
      "where p.pronamespace = 'furrow'::regnamespace and p.proname = any (array["
      "'wanted_partitions', 'partitions_due', 'empty_partition', 'drop_partition', "
      "'expire_telemetry', 'telemetry_due', 'retention_due', 'let_go']) or p.proname like "
      "'%\\_plain'");
  };
  const auto before = functions();
  (void)make_hypertables(bed);
  const auto wrapped = functions();
  CHECK(wrapped != before);
  bed.tamper("select furrow.unwrap_for_step()");
  CHECK(functions() == before);
  bed.tamper(std::string{"set search_path = pg_catalog; "} + timescale_sql);
  CHECK(functions() == wrapped);
  bed.tamper(std::string{"set search_path = pg_catalog; "} + timescale_sql); // twice is the same
  CHECK(functions() == wrapped);
}

TEST_CASE("timescale: a dump of the whole database comes back with every row") {
  if (timescale_cluster() == nullptr)
    return;
  two_of_a_kind two{"dumped"};
  compress_all(two.hyper);
  const auto folder = std::filesystem::temp_directory_path();
  const auto file = (folder / "furrow-timescale-whole.dump").string();
  const auto run = [&](std::vector<std::string> words) {
    words[0] = (server_programs() / words[0]).string();
    const auto ran = run_program(words);
    CAPTURE(ran.errors);
    CHECK(ran.exit_code == 0);
  };
  run({"pg_dump", "--format=custom", "--file=" + file, "--dbname=" + two.hyper.url()});
  timescale_cluster()->make_database("brought");
  timescale_database brought{"brought"};
  brought.tamper("create extension timescaledb");
  brought.tamper("select public.timescaledb_pre_restore()");
  run({"pg_restore", "--dbname=" + brought.url(), file});
  brought.tamper("select public.timescaledb_post_restore()");
  std::filesystem::remove(file);
  for (const std::string table : {"telemetry", "rollup", "telemetry_10s", "can_segment", "held"})
    CHECK(two.plain.sum("select * from furrow." + table)
          == brought.sum("select * from furrow." + table));
  CHECK(furrow_db({"validate"}, brought.url()).exit_code == 0);
  const auto store = brought.open();
  const auto sizes = must(answer_of<database_statistics>(
    [&](auto done) { store->sizes()->statistics(3, std::move(done)); }));
  CHECK(std::count_if(sizes.tables.begin(), sizes.tables.end(),
                      [](const auto& table) {
                        return table.name == "telemetry (compressed)" && table.bytes > 0
                               && table.rows > 0;
                      })
        == 1);
}
