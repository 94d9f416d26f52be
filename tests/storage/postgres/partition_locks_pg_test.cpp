// Symptom: with 1,400 weeks and the lock table of the server's defaults, 10 of 12 questions at a time failed with "out of shared
// memory", because each of them locked every partition.
#include "storage/statistics.hpp"
#include "tests/storage/postgres/sealing_bed.hpp"
#include "tests/storage/suite/retention_bed.hpp"

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

/// A Thursday in the week of can_segment_w20231113.
constexpr std::int64_t locks_base_us = 1'700'000'000'000'000;
constexpr std::int64_t week_us = 7 * day_us;
constexpr const char* always = "'-infinity', 'infinity'";

std::string make_weeks(int count, const char* monday = "2022-01-03", int after = 0) {
  return "do $$ declare t timestamptz; begin for i in " + std::to_string(after) + " .. "
         + std::to_string(after + count - 1) + " loop t := timestamptz '" + monday
         + " 00:00+00' + i * interval '168 hours'; "
           "perform furrow.open_partition(t, t + interval '168 hours'); "
           "perform furrow.attach_partition(t, t + interval '168 hours'); end loop; end $$";
}

/// Weeks that a transaction holds locks on after a statement, without their indexes.
int weeks_locked_by(postgres_bed& bed, const std::string& statement) {
  return std::stoi(
    bed.value("begin; " + statement
              + "; select count(distinct c.oid) from pg_locks l join pg_class c on c.oid = "
                "l.relation where l.pid = pg_backend_pid() and c.relname like 'can_segment_w%' and "
                "c.relkind = 'r'"));
}

} // namespace

TEST_CASE("partitions: a question without bounds locks the weeks of its machine alone") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  append_blocks(*store, "T1", 1, {mixed_block(1, 700, locks_base_us)});
  must(seal(*store));
  bed.tamper(make_weeks(120)); // more than the ledger takes into one plan
  const auto locked_by = [&](const std::string& call) {
    return weeks_locked_by(bed, "select count(*) from furrow." + call);
  };
  const std::string whole = std::string{"('T1', "} + always + ")";
  CHECK(locked_by("frames" + whole) == 1);
  CHECK(locked_by("frames('T1', '2022-01-01 00:00+00', '2024-06-01 00:00+00')") == 1);
  CHECK(locked_by("sealing where bytes > 0") == 1);
  CHECK(locked_by("messages" + whole) <= 3); // it reads a day before, too
  CHECK(locked_by("position_track" + whole) <= 2);
  CHECK(locked_by(std::string{"signal('T1', 'EEC1.engine_speed', "} + always + ")") <= 2);
  CHECK(locked_by(std::string{"signal_bucket('T1', 'EEC1.engine_speed', "} + always + ", '1 hour')")
        <= 2);
  CHECK(bed.value("select count(*) from furrow.frames" + whole) == "700");
}

TEST_CASE("partitions: a statement over all machines keeps no week locked") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  for (unsigned machine = 1; machine <= 3; ++machine)
    append_blocks(*store, "T" + std::to_string(machine), machine,
                  {mixed_block(1, 700, locks_base_us + machine * week_us)});
  must(seal(*store));
  bed.tamper(make_weeks(120));
  bed.tamper("insert into retention (kind, keep_days) values ('frames', 1)");
  CHECK(weeks_locked_by(bed, "select * from furrow.ledger") == 0);
  CHECK(weeks_locked_by(bed, "select * from furrow.retention_due(now())") == 0);
  CHECK(
    weeks_locked_by(bed, "select * from furrow.by_partition('select 1 from furrow.%1$I') r(n int)")
    == 0);
  CHECK(bed.value("select string_agg(stored::text, ' ') from ledger") == "700 700 700");
  CHECK(bed.value("select items from retention_due(now()) where kind = 'frames'") == "2100");
  CHECK(bed.value("select d.bytes = (select sum(pg_column_size(s.*)) from can_segment s) from "
                  "retention_due(now()) d where d.kind = 'frames'")
        == "t");
  // Retention removes two chunks of two weeks, and locks these.
  bed.tamper("update can_chunk set sealed_at = time_last");
  CHECK(weeks_locked_by(bed, "select furrow.expire_chunks(now(), 2)") == 2);
  bed.tamper("delete from can_segment where channel = (select min(channel) from can_segment)");
  CHECK(bed.value("select string_agg(lost::text, ' ') from ledger") == "700 700 700");
}

TEST_CASE("partitions: a small lock table is enough for five hundred weeks") {
  // Room for some 300 locks; a statement that locks each week and its index needs 1,000.
  pg_cluster cluster{{"max_locks_per_transaction = 10", "max_connections = 20",
                      "max_wal_senders = 0", "max_worker_processes = 0",
                      "max_parallel_workers = 0"}};
  store_options options;
  options.url = cluster.url();
  const auto store = must(open_store(options));
  must(answer_of<std::vector<migration_row>>([&](auto done) { store->migrate(done); }));
  append_blocks(*store, "T1", 1, {mixed_block(1, 700, locks_base_us)});
  must(seal(*store));
  constexpr int weeks = 500;
  constexpr int weeks_a_transaction = 10; // new tables need locks too
  for (int made = 0; made < weeks; made += weeks_a_transaction)
    cluster.exec(make_weeks(weeks_a_transaction, "2018-01-01", made));
  REQUIRE_THROWS_WITH_AS(cluster.exec("select count(*) from furrow.can_segment"),
                         doctest::Contains("out of shared memory"), std::runtime_error);
  CHECK(cluster.value(std::string{"select count(*) from furrow.frames('T1', "} + always + ")")
        == "700");
  CHECK(cluster.value("select stored from furrow.ledger") == "700");
  const auto sizes =
    answer_of<database_statistics>([&](auto done) { store->sizes()->statistics(10, done); });
  REQUIRE(sizes);
  CHECK(sizes->tiers.at(1).frames == 700);
  CHECK(sizes->machines.at(0).frames == 700);
  const retention_rule month{"", data_kind::frames, 30};
  const auto preview =
    answer_of<retention_preview>([&](auto done) { store->retention()->preview_rule(month, done); });
  REQUIRE(preview);
  CHECK(preview->losses.at(0).items == 700);
  CHECK(preview->losses.at(0).bytes > 700);
  keep(*store, "", data_kind::frames, 30);
  CHECK(must(expire(*store, locks_base_us + 60 * day_us, 1)).waiting == 0);
}
