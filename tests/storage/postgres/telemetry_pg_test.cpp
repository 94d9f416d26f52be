// Partitions of telemetry: a filled table gets them while rows are written, whole ones are dropped, and no step of either may
// be interrupted so that a row is lost.
#include "storage/maintenance.hpp"
#include "storage/partitions.hpp"
#include "storage/retention.hpp"
#include "tests/storage/postgres/postgres_bed.hpp"
#include "tests/storage/suite/child.hpp"
#include "tests/storage/suite/retention_bed.hpp"
#include "tests/storage/suite/telemetry_bed.hpp"

#include <atomic>
#include <cstdlib>
#include <thread>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

const std::string tier_expiry_case = "child: lets retention work until it is done or killed";

std::string telemetry_partitions(postgres_bed& bed) {
  return bed.value("select coalesce(string_agg(name, ' ' order by time_from), '') from "
                   "time_partition where of_table = 'telemetry' and not is_default");
}

std::int64_t now_us(postgres_bed& bed) {
  return std::stoll(bed.value("select (extract(epoch from now()) * 1000000)::bigint"));
}

/// A schema before telemetry had partitions. A store of this program cannot claim there.
std::unique_ptr<store> open_before_tiers(const postgres_bed& bed) {
  store_options options;
  options.url = bed.url();
  must(migrate_database(options, {21}, false));
  auto store = bed.open();
  return store;
}

void add_machine(postgres_bed& bed, const std::string& farm) {
  bed.tamper("with f as (insert into farm (name) values ('" + farm
             + "') returning id), e as (insert into equipment (farm_id, name) select id, 'T1' from "
               "f returning id) insert into stream (equipment_id, stream_id) select id, "
               "gen_random_uuid() from e");
}

/// What the digest does with a row, by a session of its own, until it is told to stop.
class row_writer {
public:
  row_writer(postgres_bed& bed, std::string farm) : bed_{bed}, farm_{std::move(farm)} {}
  row_writer(const row_writer&) = delete;
  row_writer& operator=(const row_writer&) = delete;
  ~row_writer() { stop(); }

  /// Rows that it has written; one a second of their time.
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
      // Each second is written twice, as by a digest that reads a second in two parts.
      for (const int seq : {2 * rows_, 2 * rows_ + 1})
        bed_.tamper(
          "insert into telemetry as t (equipment_id, stream, time, seq) select e.id, 1, "
          "to_timestamp("
          + std::to_string(begun_ + rows_) + "), " + std::to_string(seq)
          + " from equipment e join farm f on f.id = e.farm_id where f.name = '" + farm_
          + "' on conflict (equipment_id, time) do update set stream = excluded.stream, seq = "
            "excluded.seq where (excluded.stream, excluded.seq) > (t.stream, t.seq)");
      ++rows_;
    }
  }

  postgres_bed& bed_;
  std::string farm_;
  const long long begun_ = std::stoll(bed_.value("select extract(epoch from now())::bigint"));
  std::atomic<bool> stopped_ = false;
  std::atomic<int> rows_ = 0;
  std::thread thread_{[this] { write(); }};
};

} // namespace

TEST_CASE("telemetry: a filled table gets its partitions while rows are written") {
  postgres_bed bed;
  const auto store = open_before_tiers(bed);
  add_machine(bed, "old");
  fill_telemetry(bed, "old", monday_us - 100 * day_us, 7'200);
  const auto ahead =
    "to_timestamp(" + std::to_string(monday_us / second_us + 86'400LL * 3'650) + ")";
  bed.tamper("insert into telemetry (equipment_id, stream, time, seq) select id, 1, " + ahead
             + ", 9 from equipment"); // a clock in the future
  add_machine(bed, "busy");
  const auto file = bed.value("select pg_relation_filenode('telemetry')");
  row_writer busy{bed, "busy"};
  const auto written = [&](int more) {
    for (const int from = busy.rows(); busy.rows() < from + more;)
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
  };
  written(20);
  must(answer_of<std::vector<migration_row>>([&](auto done) { store->migrate(done); }));
  CHECK(telemetry_partitions(bed).empty());
  CHECK(bed.value("select pg_relation_filenode('telemetry_before')")
        == file); // no row is written anew
  written(20);
  // Until a node has looked at the rows, one from the future is put aside, and nobody is turned away.
  bed.tamper("insert into telemetry (equipment_id, stream, time, seq) select id, 1, " + ahead
             + " + interval '1 second', 9 from equipment where id = 1");
  CHECK(bed.value("select count(*) from telemetry where time >= " + ahead) == "0");
  CHECK(bed.value("select count(*) from wanted_partitions(now(), 'telemetry')") == "0");

  auto outcome = must(keep_partitions(*store, now_us(bed)));
  CHECK(outcome.fault.empty());
  CHECK(telemetry_partitions(bed).starts_with("telemetry_before telemetry_w"));
  CHECK(bed.value("select pg_relation_filenode('telemetry_before')") == file);
  CHECK(bed.value("select count(*) from telemetry where time >= " + ahead) == "2");
  CHECK(bed.value("select count(*) from telemetry_default") == "2");
  written(20);
  const auto rows = busy.stop();
  CHECK(bed.value("select count(*) || ' ' || min(seq) || ' ' || max(seq) from telemetry t join "
                  "equipment e on e.id = t.equipment_id join farm f on f.id = e.farm_id where "
                  "f.name = 'busy' and t.time < "
                  + ahead)
        == std::to_string(rows) + " 1 " + std::to_string(2 * rows - 1));
  CHECK(telemetry_lines(*store, "old", monday_us - 101 * day_us, monday_us, 0).size() == 7'200);
  CHECK(must(keep_partitions(*store, monday_us)).waiting == 0);
}

TEST_CASE(
  "telemetry: who reads for long delays the step of the schema, and nobody waits behind it") {
  postgres_bed bed;
  const auto store = open_before_tiers(bed);
  add_machine(bed, "old");
  fill_telemetry(bed, "old", monday_us, 100);
  std::thread reader{
    [&] { bed.tamper("begin; select count(*) from telemetry; select pg_sleep(2); commit"); }};
  while (bed.value("select count(*) from pg_stat_activity where query like '%pg_sleep(2)%' and "
                   "state = 'active' and wait_event = 'PgSleep'")
         == "0") {
  }
  auto migrated = std::make_shared<std::promise<result<std::vector<migration_row>>>>();
  auto answer = migrated->get_future();
  store->migrate([migrated](auto outcome) { migrated->set_value(std::move(outcome)); });
  unsigned rounds = 0;
  std::chrono::steady_clock::duration longest{0};
  while (answer.wait_for(std::chrono::milliseconds{0}) != std::future_status::ready) {
    const auto begun = std::chrono::steady_clock::now();
    CHECK(bed.value("select count(*) from telemetry") == "100");
    longest = std::max(longest, std::chrono::steady_clock::now() - begun);
    ++rounds;
  }
  must(answer.get());
  reader.join();
  CHECK(rounds > 5);
  CHECK(longest < std::chrono::milliseconds{1'500}); // the reader took 2 s
}

TEST_CASE("telemetry: an empty table has partitions at once, and rows move into them") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  append_days(*store, "a", "T1", 1, {monday_us});
  fill_telemetry(bed, "a", monday_us - 20 * day_us, 100);
  fill_telemetry(bed, "a", day_us, 100); // a clock of 1970
  const auto all = telemetry_lines(*store, "a", 0, monday_us, 0);
  REQUIRE(all.size() == 200);
  const auto outcome = must(keep_partitions(*store, monday_us));
  CHECK(outcome.made == 5 + 6);
  CHECK(outcome.moved == 100);
  CHECK(bed.value("select count(*) from telemetry_default") == "100");
  CHECK(bed.value("select count(*) from telemetry_w20261026") == "100");
  CHECK(telemetry_lines(*store, "a", 0, monday_us, 0) == all);
  // A question plans and locks the partitions of its time alone.
  CHECK(
    bed.value("begin; select count(*) from telemetry_all where equipment_id = 1 and time >= "
              "'2026-10-26 00:00+00' and time < '2026-10-27 00:00+00'; select "
              "string_agg(c.relname, ' ') from pg_locks l join pg_class c on c.oid = l.relation "
              "where l.pid = pg_backend_pid() and c.relkind = 'r' and c.relname like "
              "'telemetry\\_w%'")
    == "telemetry_w20261026");
}

TEST_CASE("telemetry: a digest writes rows while their partition is made") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  append_days(*store, "busy", "T1", 1, {monday_us});
  row_writer busy{bed, "busy"};
  for (int round = 0; round < 20; ++round) {
    while (busy.rows() < 5 * round)
      std::this_thread::yield();
    must(keep_partitions(*store, now_us(bed)));
    bed.tamper(
      "begin; lock table telemetry in access exclusive mode; do $$ declare p record; begin "
      "for p in select * from time_partition where of_table = 'telemetry' and not "
      "is_default loop execute format('alter table telemetry detach partition %I', "
      "p.name); execute format('insert into telemetry select * from %I', p.name); "
      "execute format('drop table %I', p.name); end loop; end $$; commit");
  }
  const auto rows = busy.stop();
  CHECK(bed.value("select count(*) || ' ' || min(seq) || ' ' || max(seq) from telemetry")
        == std::to_string(rows) + " 1 " + std::to_string(2 * rows - 1));
}

TEST_CASE("telemetry: a whole partition goes when no farm keeps a row of it, and its spans stay") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  append_days(*store, "old", "T1", 1, {monday_us});
  append_days(*store, "long", "T1", 2, {monday_us});
  for (const auto* farm : {"old", "long"})
    for (const int days : {60, 39, 3})
      fill_telemetry(bed, farm, monday_us - days * day_us, 3'600);
  must(keep_partitions(*store, monday_us));
  keep(*store, "", data_kind::telemetry, 30);
  keep(*store, "long", data_kind::telemetry, 50);
  const auto lines = [&](const std::string& farm, std::int64_t every_us) {
    return telemetry_lines(*store, farm, monday_us - 70 * day_us, monday_us, every_us);
  };
  const auto tens = lines("old", 10 * second_us);
  const auto tens_of_other = lines("long", 10 * second_us);
  const auto preview = must(answer_of<retention_preview>(
    [&](auto done) { store->retention()->preview_retention(monday_us, done); }));
  CHECK(preview.partitions == std::vector<std::string>{"telemetry_w20260914"});
  REQUIRE(preview.losses.size() == 2);
  CHECK(preview.losses[0].rows == 3'600);
  CHECK(preview.losses[1].rows == 7'200);
  CHECK(preview.losses[1].bytes > 7'200);

  const auto outcome = must(expire(*store, monday_us));
  CHECK(outcome.partitions == 1);
  CHECK(outcome.telemetry == 3 * 3'600);
  CHECK(telemetry_partitions(bed).starts_with("telemetry_w20261005")); // the other farm keeps this
  CHECK(bed.value("select to_regclass('furrow.telemetry_w20260914') is null") == "t");
  CHECK(lines("old", 10 * second_us) == tens);
  CHECK(lines("long", 10 * second_us) == tens_of_other);
  CHECK(lines("old", 0).size() == 3'600 + 2 * 360);
  CHECK(lines("long", 0).size() == 2 * 3'600 + 360);
  CHECK(must(expire(*store, monday_us)).telemetry == 0);
}

TEST_CASE("telemetry: a row that comes between the halves of a drop is not lost") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  append_days(*store, "a", "T1", 1, {monday_us});
  fill_telemetry(bed, "a", monday_us - 60 * day_us, 60);
  must(keep_partitions(*store, monday_us));
  keep(*store, "", data_kind::telemetry, 30);
  const auto at = ", to_timestamp(" + std::to_string(monday_us / second_us) + "))";
  bed.tamper("select empty_partition('telemetry_w20260914'" + at);
  CHECK(bed.value("select count(*) from telemetry_10s") == "6");
  fill_telemetry(bed, "a", monday_us - 60 * day_us + 1'000 * second_us, 1);
  bed.tamper("select drop_partition('telemetry_w20260914'" + at);
  // A later one has no partition to go to but the default one.
  fill_telemetry(bed, "a", monday_us - 60 * day_us + 2'000 * second_us, 1);
  CHECK(must(expire(*store, monday_us)).telemetry == 62);
  CHECK(bed.value("select count(*) from telemetry_10s") == "8");
  // A farm that keeps the partition after all keeps it.
  fill_telemetry(bed, "a", monday_us - 60 * day_us, 60);
  must(keep_partitions(*store, monday_us));
  bed.tamper("select empty_partition('telemetry_w20260914'" + at);
  keep(*store, "a", data_kind::telemetry, std::nullopt);
  CHECK_THROWS_WITH_AS(bed.tamper("select drop_partition('telemetry_w20260914'" + at),
                       doctest::Contains("not due any more"), std::runtime_error);
  CHECK(telemetry_lines(*store, "a", monday_us - 61 * day_us,
                        monday_us - 60 * day_us + 59 * second_us, 0)
          .size()
        >= 60);
}

TEST_CASE("telemetry: a node that dies while it drops a partition loses no span") {
  for (const auto* step : {"care.emptied", "care.dropped", "care.expired"})
    for (const auto* action : {"abort", "error"}) {
      CAPTURE(step);
      CAPTURE(action);
      postgres_bed bed;
      const auto store = bed.open_migrated();
      append_days(*store, "a", "T1", 1, {monday_us});
      fill_telemetry(bed, "a", monday_us - 60 * day_us, 3'600);
      fill_telemetry(bed, "a", monday_us - 31 * day_us, 3'600);
      must(keep_partitions(*store, monday_us));
      keep(*store, "", data_kind::telemetry, 30);
      const auto tens = [&] {
        return telemetry_lines(*store, "a", monday_us - 70 * day_us, monday_us, 10 * second_us);
      };
      const auto before = tens();
      REQUIRE(before.size() == 720);
      child_writer child{bed.url(), std::string{step} + ":1:" + action, tier_expiry_case};
      CHECK(child.wait() != 0);
      CHECK(tens() == before);
      // and it recovers, and nothing is lost
      must(expire(*store, monday_us));
      CHECK(tens() == before);
      CHECK(bed.value("select count(*) from telemetry") == "0");
      CHECK(bed.value("select count(*) from pg_class where relname = 'telemetry_w20260914'")
            == "0");
    }
}

TEST_CASE("telemetry: a node without the right to create tables has all of it done by functions") {
  postgres_bed bed;
  const auto store = open_before_tiers(bed);
  add_machine(bed, "a");
  fill_telemetry(bed, "a", monday_us - 60 * day_us, 100);
  must(answer_of<std::vector<migration_row>>([&](auto done) { store->migrate(done); }));
  bed.tamper("select make_roles(); select grant_care(); drop role if exists tier_writer; "
             "create role tier_writer login in role furrow_writer");
  store_options options;
  options.url = bed.url();
  const auto at = options.url.find("://") + 3;
  options.url =
    options.url.substr(0, at) + "tier_writer" + options.url.substr(options.url.find('@', at));
  const auto as_writer = must(open_store(options));
  const auto outcome = must(keep_partitions(*as_writer, monday_us));
  CAPTURE(outcome.fault);
  CHECK(outcome.fault.empty());
  CHECK(telemetry_partitions(bed).starts_with("telemetry_before"));
  // The table that was there before goes as a whole, when its end is past the age.
  keep(*as_writer, "", data_kind::telemetry, 5);
  CHECK(must(expire(*as_writer, monday_us + 100 * day_us)).partitions >= 1);
  CHECK(bed.value("select to_regclass('furrow.telemetry_before') is null") == "t");
  CHECK(bed.value("select count(*) from telemetry_1m") == "2");
}
