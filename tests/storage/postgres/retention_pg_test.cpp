// Partitions of the sealed tier, and whole partitions that retention drops: killed at any step, locked, and with two
// nodes.
#include "storage/partitions.hpp"
#include "storage/retention.hpp"
#include "tests/storage/postgres/sealing_bed.hpp"
#include "tests/storage/suite/child.hpp"
#include "tests/storage/suite/retention_bed.hpp"

#include <cstdlib>
#include <future>
#include <thread>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

const std::string partitions_case = "child: makes partitions until it is done or killed";
const std::string expiry_case = "child: lets retention work until it is done or killed";

std::string partitions(postgres_bed& bed) {
  return bed.value("select coalesce(string_agg(name, ' ' order by name), '') from "
                   "segment_partition where not is_default");
}

void child_works(bool partitions) {
  const char* url = std::getenv("FURROW_CHILD_URL");
  if (url == nullptr)
    return; // only a parent's child runs this
  store_options options;
  options.url = url;
  const auto store = must(open_store(options));
  auto& care = *store;
  if (partitions)
    must(keep_partitions(care, monday_us));
  else
    must(expire(care, monday_us));
}

} // namespace

TEST_CASE("child: makes partitions until it is done or killed" * doctest::skip()) {
  child_works(true);
}
TEST_CASE("child: lets retention work until it is done or killed" * doctest::skip()) {
  child_works(false);
}

TEST_CASE("care: makes partitions ahead, and nothing the second time") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  auto& care = *store;
  auto first = must(keep_partitions(care, monday_us + 3 * day_us));
  CHECK(first.made == 2 * 5); // of sealed frames and of telemetry
  CHECK(first.stray == 0);
  CHECK(first.waiting == 0);
  CHECK(first.mode == "PostgreSQL's own partitions, a week each, 4 ahead");
  CHECK(partitions(bed)
        == "can_segment_w20261116 can_segment_w20261123 can_segment_w20261130 "
           "can_segment_w20261207 can_segment_w20261214");
  CHECK(must(keep_partitions(care, monday_us + 3 * day_us)).made == 0);
  CHECK(must(keep_partitions(care, monday_us + 8 * day_us)).made == 2);

  // Days from now on: existing weeks stay.
  must(answer_of<furrow::done>([&](auto done) {
    care.partitions()->set_partition_plan({partition_width::day, 40}, done);
  }));
  bed.tamper(
    "insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion) "
    "values (99999, 'timescaledb', 10, 11, false, '2')");
  const auto days = must(keep_partitions(care, monday_us));
  CHECK(days.mode
        == "PostgreSQL's own partitions, a day each, 40 ahead (timescaledb is installed, and not "
           "used)");
  CHECK(days.made == 0); // six weeks hold all of 41 days
  const auto plan = must(
    answer_of<partition_plan>([&](auto done) { care.partitions()->read_partition_plan(done); }));
  CHECK(plan.width == partition_width::day);
  CHECK(plan.ahead == 40);
  const auto later = must(keep_partitions(care, monday_us + 7 * day_us));
  CHECK(later.made == 2 * 6);
  CHECK(bed.value("select count(*) from segment_partition where time_to - time_from = '1 day'")
        == "6");
  // Weeks again: existing days stay, and the rest of their week gets days.
  must(answer_of<furrow::done>([&](auto done) {
    care.partitions()->set_partition_plan({partition_width::week, 5}, done);
  }));
  CHECK(must(keep_partitions(care, monday_us + 7 * day_us)).made == 2);
}

TEST_CASE("care: moves frames without a partition, and nothing is lost or doubled") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  auto& care = *store;
  append_days(
    *store, "default", "T1", 1,
    {monday_us - 400 * day_us, monday_us - 20 * day_us, monday_us - 1'000, monday_us + day_us});
  append_days(*store, "other", "T1", 2,
              {monday_us - 20 * day_us, 86'400'000'000}); // a clock of 1970
  must(seal(*store));
  const auto stray = bed.value("select count(*) from can_segment_default");
  CHECK(stray == bed.value("select count(*) from can_segment"));
  const auto before = frames_digest(bed, "default/T1");
  const auto other = frames_digest(bed, "other/T1");
  const auto runs = read_all(*store, {"default", "T1", std::nullopt, std::nullopt});

  const auto outcome = must(keep_partitions(care, monday_us));
  // Weeks of 400 and 20 days before, and the one before this Monday; and the five of telemetry.
  CHECK(outcome.made == 5 + 3 + 5);
  CHECK(outcome.moved > 0);
  CHECK(outcome.stray > 0); // 1970 stays in the default partition, and is reported
  CHECK(std::to_string(outcome.moved + outcome.stray) == stray);
  CHECK(bed.value("select count(*) from can_segment_default where time_first >= '2000-01-03'")
        == "0");
  CHECK(frames_digest(bed, "default/T1") == before);
  CHECK(frames_digest(bed, "other/T1") == other);
  check_same_runs(read_all(*store, {"default", "T1", std::nullopt, std::nullopt}), runs);
  check_nothing_lost(*store);
}

TEST_CASE("care: a node that dies while it makes partitions leaves all frames visible") {
  for (const auto* step : {"care.opened", "care.attached"})
    for (const auto* action : {"abort", "error"}) {
      CAPTURE(step);
      CAPTURE(action);
      postgres_bed bed;
      const auto store = bed.open_migrated();
      append_days(*store, "default", "T1", 1, {monday_us - 20 * day_us, monday_us - 1'000});
      must(seal(*store));
      const auto before = frames_digest(bed, "T1");
      child_writer child{bed.url(), std::string{step} + ":2:" + action, partitions_case};
      CHECK(child.wait() != 0);
      CHECK(frames_digest(bed, "T1") == before);
      check_nothing_lost(*store);
      // and it recovers, and nothing is lost or doubled
      auto& care = *store;
      while (must(keep_partitions(care, monday_us)).stray > 0 || partitions(bed).size() < 7 * 21) {
      }
      CHECK(frames_digest(bed, "T1") == before);
      CHECK(bed.value("select count(*) from can_segment_default") == "0");
      check_nothing_lost(*store);
    }
}

TEST_CASE("care: a long statement delays a partition, and no other session waits for it") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  append_days(*store, "default", "T1", 1, {monday_us - 20 * day_us});
  must(seal(*store));
  const auto before = frames_digest(bed, "T1");
  auto& care = *store;
  std::promise<void> let_go;
  // A reader in an open transaction.
  std::thread reader{[&, gone = let_go.get_future()]() mutable {
    bed.tamper("begin; select count(*) from can_segment; select pg_sleep(3); commit");
    gone.wait();
  }};
  while (bed.value("select count(*) from pg_stat_activity where query like '%pg_sleep(3)%' and "
                   "state = 'active' and wait_event = 'PgSleep'")
         == "0") {
  }
  auto under_way = std::make_shared<std::promise<result<partition_outcome>>>();
  auto answer = under_way->get_future();
  care.partitions()->keep_partitions(monday_us,
                                     [under_way](auto outcome) { under_way->set_value(outcome); });
  // Meanwhile others read, seal and append; none of them fails.
  unsigned rounds = 0;
  while (answer.wait_for(std::chrono::milliseconds{0}) != std::future_status::ready) {
    CHECK(frames_digest(bed, "T1") == before);
    append_days(*store, "default", "T2", 2, {monday_us + ++rounds * 1'000'000});
    must(seal(*store));
  }
  const auto outcome = must(answer.get());
  CHECK(outcome.made + outcome.waiting == 6 + 5);
  let_go.set_value();
  reader.join();
  CHECK(must(keep_partitions(care, monday_us)).stray == 0);
  CHECK(frames_digest(bed, "T1") == before);
  check_nothing_lost(*store);
}

TEST_CASE("care: a reader that waits for a partition to be attached reads every frame") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  append_days(*store, "default", "T1", 1, {monday_us - 20 * day_us});
  must(seal(*store));
  const auto before = frames_digest(bed, "T1");
  // Attached, and committed only when another session waits for it.
  std::thread partition_maker{[&] {
    bed.tamper(
      "begin; set local statement_timeout = '60s'; "
      "create temp table slot on commit drop as select * from wanted_partitions('2026-11-16'); "
      "select open_partition(time_from, time_to) from slot order by 1 limit 1; "
      "select attach_partition(time_from, time_to) from slot order by time_from limit 1; "
      "do $$ begin while not exists (select from pg_locks l join pg_class c on c.oid = l.relation "
      "where not l.granted and l.database = (select oid from pg_database where datname = "
      "current_database()) "
      "and c.relname like 'can\\_segment%') loop perform pg_sleep(0.005); end loop; end $$; "
      "commit");
  }};
  while (
    bed.value(
      "select count(*) from pg_locks l join pg_class c on c.oid = l.relation where l.granted and "
      "l.mode = 'AccessExclusiveLock' and c.relname = 'can_segment_default'")
    == "0") {
  }
  const auto seen = frames_digest(bed, "T1");
  partition_maker.join();
  CHECK(seen == before);
  CHECK(bed.value("select count(*) from can_segment_default") == "0");
  check_nothing_lost(*store);
}

TEST_CASE("care: two nodes at once make each partition once") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  const auto other = bed.open();
  append_days(*store, "default", "T1", 1,
              {monday_us - 20 * day_us, monday_us - 40 * day_us, monday_us - 1'000});
  must(seal(*store));
  const auto before = frames_digest(bed, "T1");
  std::uint64_t made = 0;
  const auto work = [&](furrow::storage::store& with) {
    auto& care = with;
    std::uint64_t count = 0;
    for (int round = 0; round < 10; ++round)
      count += must(keep_partitions(care, monday_us)).made;
    return count;
  };
  auto second = std::async(std::launch::async, [&] { return work(*other); });
  made += work(*store);
  made += second.get();
  auto& care = *store;
  made += must(keep_partitions(care, monday_us)).made;
  CHECK(made == 8 + 5);
  CHECK(bed.value("select count(*) from can_segment_default") == "0");
  CHECK(frames_digest(bed, "T1") == before);
  check_nothing_lost(*store);
}

TEST_CASE(
  "care: a node without the right to create tables makes partitions by the functions alone") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  append_days(*store, "default", "T1", 1, {monday_us - 20 * day_us});
  must(seal(*store));
  bed.tamper("select make_roles(); select grant_care(); drop role if exists care_writer; "
             "create role care_writer login in role furrow_writer");
  store_options options;
  options.url = bed.url();
  const auto at = options.url.find("://") + 3;
  options.url =
    options.url.substr(0, at) + "care_writer" + options.url.substr(options.url.find('@', at));
  const auto as_writer = must(open_store(options));
  auto& care = *as_writer;
  const auto outcome = must(keep_partitions(care, monday_us));
  CAPTURE(outcome.fault);
  CHECK(outcome.made == 6 + 5);
  CHECK(outcome.stray == 0);
  keep(care, "", data_kind::frames, 5);
  CHECK(must(expire(care, monday_us)).partitions == 1);
  check_nothing_lost(*store);
}

TEST_CASE("retention: drops a whole partition when all farms in it are past their age") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  auto& care = *store;
  append_days(*store, "old", "T1", 1,
              {monday_us - 60 * day_us, monday_us - 39 * day_us, monday_us - 3 * day_us});
  append_days(*store, "long", "T2", 2, {monday_us - 60 * day_us, monday_us - 39 * day_us});
  must(seal(*store));
  must(keep_partitions(care, monday_us));
  keep(care, "", data_kind::frames, 30);
  keep(care, "long", data_kind::frames, 50);
  const auto kept = frames_digest(bed, "T1", "timestamptz '2026-11-12', 'infinity'");

  const auto preview = must(answer_of<retention_preview>(
    [&](auto done) { care.retention()->preview_retention(monday_us, done); }));
  REQUIRE(preview.losses.size() == 2);
  CHECK(preview.losses[0].farm == "long");
  CHECK(preview.losses[0].items == 600);
  CHECK(preview.losses[0].oldest_us == monday_us - 60 * day_us);
  CHECK(preview.losses[1].farm == "old");
  CHECK(preview.losses[1].items == 1'200);
  CHECK(preview.losses[1].bytes > 1'000);
  CHECK(preview.partitions == std::vector<std::string>{"can_segment_w20260914"});
  check_nothing_lost(*store);
  CHECK(ledger_of(*store, "old", "T1").expired == 0); // a preview changes nothing

  const auto outcome = must(expire(care, monday_us));
  CHECK(outcome.partitions == 1);
  CHECK(outcome.frames == 1'800);
  CHECK(outcome.chunks == 3);
  CHECK(ledger_of(*store, "old", "T1").expired == 1'200);
  CHECK(ledger_of(*store, "old", "T1").stored == 600);
  CHECK(ledger_of(*store, "long", "T2").expired == 600);
  CHECK(bed.value("select count(*) from segment_partition where name = 'can_segment_w20260914'")
        == "0");
  CHECK(bed.value("select count(*) from segment_partition where name = 'can_segment_w20261005'")
        == "1"); // the other farm still keeps it
  CHECK(frames_digest(bed, "T1") == kept);
  check_nothing_lost(*store);
  CHECK(must(expire(care, monday_us)).frames == 0);
}

TEST_CASE("retention: the ledger stays exact after a kill at any step") {
  for (const auto* step : {"care.expired", "care.emptied", "care.dropped"})
    for (const auto* action : {"abort", "error"}) {
      CAPTURE(step);
      CAPTURE(action);
      postgres_bed bed;
      const auto store = bed.open_migrated();
      auto& care = *store;
      append_days(*store, "old", "T1", 1,
                  {monday_us - 60 * day_us, monday_us - 39 * day_us, monday_us - 3 * day_us});
      append_days(*store, "long", "T2", 2, {monday_us - 60 * day_us, monday_us - 39 * day_us});
      must(seal(*store));
      must(keep_partitions(care, monday_us));
      keep(care, "", data_kind::frames, 30);
      keep(care, "long", data_kind::frames, 50);
      child_writer child{bed.url(), std::string{step} + ":1:" + action, expiry_case};
      CHECK(child.wait() != 0);
      check_nothing_lost(*store);
      const bool dropped = std::string_view{step} != "care.emptied";
      CHECK(ledger_of(*store, "long", "T2").expired == (dropped ? 600 : 0));
      // and it recovers, and nothing is lost or doubled
      while (bed.value("select count(*) from can_chunk") != "2")
        must(expire(care, monday_us));
      CHECK(ledger_of(*store, "old", "T1").expired == 1'200);
      CHECK(ledger_of(*store, "long", "T2").expired == 600);
      CHECK(bed.value("select count(*) from segment_partition where time_to <= '2026-09-21'")
            == "0");
      check_nothing_lost(*store);
    }
}

TEST_CASE("retention: a cut connection leaves whole steps") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  auto& care = *store;
  std::vector<std::int64_t> times;
  for (int week = 3; week < 15; ++week)
    times.push_back(monday_us - week * 7 * day_us);
  append_days(*store, "a", "T1", 1, times);
  append_days(*store, "b", "T2", 2, times);
  must(seal(*store));
  must(keep_partitions(care, monday_us));
  keep(care, "a", data_kind::frames, 7);
  keep(care, "b", data_kind::frames, 60);
  unsigned rounds = 0;
  while (bed.value("select count(*) from furrow.retention_due(to_timestamp(1794787200))") != "0") {
    auto promised = std::make_shared<std::promise<result<expire_outcome>>>();
    auto answer = promised->get_future();
    expire_request request;
    request.at_us = monday_us;
    care.retention()->expire(request, [promised](auto outcome) { promised->set_value(outcome); });
    if (++rounds < 12) // then let it finish
      bed.tamper("select pg_terminate_backend(pid) from pg_stat_activity where datname = '"
                 + bed.name() + "' and application_name like '%/care'");
    REQUIRE(answer.wait_for(patience) == std::future_status::ready);
    (void)answer.get();
    REQUIRE(rounds < 100);
    check_nothing_lost(*store);
  }
  CHECK(ledger_of(*store, "a", "T1").expired == 12 * 600);
  CHECK(ledger_of(*store, "b", "T2").stored + ledger_of(*store, "b", "T2").expired == 12 * 600);
  check_nothing_lost(*store);
}

TEST_CASE("retention: never deletes fresh frames, however old they are") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  auto& care = *store;
  append_days(*store, "default", "T1", 1, {monday_us - 400 * day_us});
  keep(care, "", data_kind::frames, 1);
  CHECK(must(expire(care, monday_us)).frames == 0);
  CHECK(ledger_of(*store, "default", "T1").stored == 600);
  must(seal(*store));
  CHECK(must(expire(care, monday_us)).frames == 600);
  CHECK(ledger_of(*store, "default", "T1").expired == 600);
  check_nothing_lost(*store);
}
