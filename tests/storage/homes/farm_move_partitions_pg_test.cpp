// Where the old rows of a farm come when it moves.
#include "storage/partitions.hpp"
#include "tests/storage/homes/farm_move_bed.hpp"

#include <string>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

partition_outcome cared_for(const std::string& database) {
  const auto store = open_url(moving_homes::url(database));
  return must(answer_of<partition_outcome>(
    [&](auto done) { store->partitions()->keep_partitions({}, std::move(done)); }));
}

} // namespace

TEST_CASE("farm move: old rows come into partitions of their time, and care finds none outside") {
  const moving_homes of;
  moving_homes::seal_all(*open_url(moving_homes::url(of.main)));
  CHECK(cared_for(of.main).stray == 0);
  const auto count = [&](const std::string& database, const std::string& table) {
    return copy_cluster().value("select count(*) from furrow." + table, database);
  };
  const auto segments = count(of.main, "can_segment");
  const auto rows = count(of.main, "telemetry");
  CHECK(segments != "0");
  CHECK(rows != "0");
  // The target has days where the source has weeks.
  copy_cluster().exec("update furrow.partitioning set width = 'day'", of.b);
  for (const auto* farm : {"default", "north"})
    REQUIRE(must(move(of, "b", farm)));
  CHECK(count(of.b, "can_segment") == segments);
  CHECK(count(of.b, "telemetry") == rows);
  CHECK(count(of.b, "can_segment_default") == "0");
  CHECK(count(of.b, "telemetry_default") == "0");
  CHECK(copy_cluster().value("select bool_and(p.time_to - p.time_from = interval '24 hours') from "
                             "furrow.time_partition p where p.time_from < '2026-05-20'",
                             of.b)
        == "t");
  const auto care = cared_for(of.b);
  CHECK(care.stray == 0);
  CHECK(care.moved == 0);
  of.check_ledgers();
}

TEST_CASE("farm move: rows outside all partitions of the source get partitions of the target") {
  const moving_homes of;
  copy_cluster().exec(
    "do $$ declare part text; begin for part in select p.name from "
    "furrow.time_partition p where p.of_table = 'can_segment' and not "
    "p.is_default loop execute format('create temp table kept as select * from "
    "furrow.%I', part); execute format('drop table furrow.%I', part); insert "
    "into furrow.can_segment select * from kept; drop table kept; end loop; end $$",
    of.main);
  CHECK(copy_cluster().value("select count(*) from furrow.can_segment_default", of.main) != "0");
  REQUIRE(must(move(of, "b", "north")));
  CHECK(copy_cluster().value("select count(*) from furrow.can_segment", of.b) != "0");
  CHECK(copy_cluster().value("select count(*) from furrow.can_segment_default", of.b) == "0");
}

TEST_CASE("farm move: rows of a partition without a beginning get partitions of the target") {
  const moving_homes of;
  auto& cluster = copy_cluster();
  // As in a database that had telemetry before its partitions.
  cluster.exec(
    "do $$ declare part text; begin create temp table kept as select * from furrow.telemetry; for "
    "part in select p.name from furrow.time_partition p where p.of_table = 'telemetry' and not "
    "p.is_default loop execute format('drop table furrow.%I', part); end loop; delete from "
    "furrow.telemetry; create table furrow.telemetry_before (like furrow.telemetry including all); "
    "alter table furrow.telemetry attach partition furrow.telemetry_before for values from "
    "(minvalue) to ('2026-06-01 00:00:00+00'); insert into furrow.telemetry select * from kept; "
    "drop table kept; end $$",
    of.main);
  CHECK(cluster.value("select time_from from furrow.time_partition where name = "
                      "'telemetry_before'",
                      of.main)
        == "-infinity");
  const auto rows = cluster.value("select count(*) from furrow.telemetry_before", of.main);
  CHECK(rows != "0");
  for (const auto* farm : {"default", "north"})
    REQUIRE(must(move(of, "b", farm)));
  CHECK(cluster.value("select count(*) from furrow.telemetry where time < '2026-06-01'", of.b)
        == rows);
  CHECK(
    cluster.value("select count(*) from furrow.telemetry_default where time < '2026-06-01'", of.b)
    == "0");
}

TEST_CASE("farm move: a partition that the target refuses to make ends no move, and the progress "
          "says why") {
  const moving_homes of;
  auto& cluster = copy_cluster();
  cluster.exec("create or replace function furrow.open_partition(time_from timestamptz, time_to "
               "timestamptz, of_table text default 'can_segment') returns bigint language plpgsql "
               "as $$ begin raise exception 'no room for another table'; end $$",
               of.b);
  std::string progress;
  REQUIRE(must(move(of, "b", "north", [&](const farm_move& now) {
    if (now.step == move_step::follow && progress.find("no room") == std::string::npos)
      progress = cluster.value("select progress from furrow.farm_move", of.main);
    return true;
  })));
  CHECK(progress.find("partitions are left to care: no room for another table")
        != std::string::npos);
  CHECK(cluster.value("select count(*) from furrow.can_segment_default", of.b) != "0");
  of.check_ledgers();
}

TEST_CASE("farm move: goes on when the target's tables are in use, and care moves the rows later") {
  const moving_homes of;
  auto& cluster = copy_cluster();
  cluster.exec("create function furrow.care_lock_held() returns boolean language sql as $$ select "
               "false $$; create or replace function furrow.care_lock() returns boolean language "
               "sql volatile as $$ select furrow.care_lock_held() $$",
               of.b);
  REQUIRE(must(move(of, "b", "north")));
  CHECK(cluster.value("select count(*) from furrow.can_segment_default", of.b) != "0");
  cluster.exec("create or replace function furrow.care_lock() returns boolean language sql "
               "volatile as $$ select pg_try_advisory_xact_lock(112659113996152) $$",
               of.b);
  CHECK(cared_for(of.b).stray == 0);
}
