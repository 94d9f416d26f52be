// Telemetry and rollups as hypertables of TimescaleDB: every SQL function gives the same answer both ways.
#include "storage/history.hpp"
#include "storage/identity/audit.hpp"
#include "storage/partitions.hpp"
#include "storage/removal.hpp"
#include "tests/storage/postgres/timescale/sql_functions.hpp"
#include "tests/storage/postgres/timescale/timescale_bed.hpp"
#include "tests/storage/suite/digest_bed.hpp"
#include "tests/storage/suite/retention_bed.hpp"
#include "tests/storage/suite/telemetry_bed.hpp"

#include <algorithm>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

void check_calls(two_of_a_kind& two) {
  for (const auto& [name, calls] : sql_calls())
    for (const auto& call : calls) {
      CAPTURE(call);
      CHECK(two.plain.rows(call) == two.hyper.rows(call));
    }
  // Those of a node that are not a function.
  const auto plain = two.plain.open();
  const auto hyper = two.hyper.open();
  for (const auto* farm : {"north", "south", "keeps"}) {
    for (const auto every_us : {std::int64_t{0}, 10 * second_us, 3'600 * second_us}) {
      CAPTURE(farm);
      CAPTURE(every_us);
      const auto lines = [&](store& of) {
        return telemetry_lines(of, farm, monday_us - 60 * day_us, monday_us + 30 * day_us,
                               every_us);
      };
      CHECK(lines(*plain) == lines(*hyper));
    }
    const auto signals = [&](store& of) {
      std::vector<std::string> out;
      for (const auto& each : must(answer_of<std::vector<known_signal>>(
             [&](auto done) { of.history()->list_signals(farm, "T1", done); })))
        out.push_back(each.name + " " + std::to_string(each.last) + " "
                      + std::to_string(each.last_time_us));
      return out;
    };
    CHECK(signals(*plain) == signals(*hyper));
  }
}

const std::vector<std::string> tables{
  "telemetry",   "telemetry_10s",  "telemetry_1m", "telemetry_all", "rollup",
  "rollup_hour", "rollup_day",     "expired",      "can_segment",   "held",
  "ledger",      "sensor_reading", "token_usage",  "yield_sample",  "item_record",
  "bus_fault",   "clock_ahead",    "fault",        "can_block",     "equipment_state"};

void check_tables(two_of_a_kind& two) {
  for (const auto& table : tables) {
    CAPTURE(table);
    CHECK(two.plain.sum("select * from furrow." + table)
          == two.hyper.sum("select * from furrow." + table));
  }
}

/// As the digest writes a second again, and one that came late.
const std::string late_rows =
  "insert into furrow.telemetry as t (equipment_id, stream, time, seq, mode, speed) select e.id, "
  "s.id, "
  "timestamptz '2026-11-09 05:59:50+00' + i * interval '1 second', 200000 + i, 'late', i from "
  "furrow.equipment e join furrow.stream s on s.equipment_id = e.id cross join generate_series(0, "
  "19) i "
  "on conflict (equipment_id, time) do update set seq = excluded.seq, mode = excluded.mode, speed "
  "= "
  "excluded.speed where (excluded.stream, excluded.seq) > (t.stream, t.seq); "
  "insert into furrow.rollup as t (equipment_id, signal, minute, count, min, max, sum, last, "
  "last_time) "
  "select e.id, n.id, timestamptz '2026-11-10 05:55:00+00' + i * interval '1 minute', 1, 5, 5, 5, "
  "5, timestamptz "
  " '2026-11-10 05:55:30+00' from furrow.equipment e cross join (select id "
  "from "
  "furrow.signal_name order by name limit 3) n cross join generate_series(0, 9) i on conflict "
  "(equipment_id, signal, minute) do update set count = t.count + excluded.count, sum = t.sum + "
  "excluded.sum, min = least(t.min, excluded.min)";

} // namespace

TEST_CASE("timescale: no function of the schema is forgotten here") {
  if (timescale_cluster() == nullptr)
    return;
  timescale_database bed{new_database("functions")};
  const auto names = [&](const std::string& condition) {
    std::vector<std::string> out;
    for (const auto& row : timescale_cluster()->exec(
           "select distinct p.proname from pg_proc p where p.pronamespace = 'furrow'::regnamespace "
           "and p.prokind = 'f' and "
             + condition + " order by 1",
           bed.name()))
      out.push_back(row[0]);
    return out;
  };
  for (const auto& name : names("pg_get_functiondef(p.oid) ~ 'telemetry|rollup|partition'")) {
    CAPTURE(name);
    CHECK((sql_calls().contains(name) || sql_not_called().contains(name)));
  }
  const auto all = names("true");
  for (const auto& [name, calls] : sql_calls()) {
    CAPTURE(name);
    CHECK(std::find(all.begin(), all.end(), name) != all.end());
  }
}

TEST_CASE("timescale: every SQL function gives the same answer, before and after compression, and "
          "retention leaves the same rows") {
  if (timescale_cluster() == nullptr)
    return;
  two_of_a_kind two{"same"};
  const auto functions =
    "select p.oid::regprocedure, md5(pg_get_functiondef(p.oid)) from pg_proc p "
    "where p.pronamespace = 'furrow'::regnamespace and p.proname <> all (array[";
  std::string excluded = "''";
  for (const auto& row :
       timescale_cluster()->exec("select unnest(furrow.wrapped_names())", two.hyper.name()))
    excluded += ", '" + row[0] + "'";
  // The others are the same text, and what is beside them is new.
  const auto texts = two.plain.rows(functions + excluded + "])");
  const auto others = two.hyper.rows(functions + excluded + "])");
  for (std::size_t from = 0; from < texts.size();) {
    const auto end = std::min(texts.find('\n', from), texts.size());
    CAPTURE(texts.substr(from, end - from));
    CHECK(others.find(texts.substr(from, end - from)) != std::string::npos);
    from = end + 1;
  }
  check_calls(two);
  check_tables(two);

  compress_all(two.hyper);
  check_calls(two);
  check_tables(two);

  two.plain.tamper(late_rows);
  two.hyper.tamper(late_rows);
  check_calls(two);
  check_tables(two);

  // By batches, and whole chunks too.
  for (const auto at_us : {monday_us + 2 * day_us, monday_us + 16 * day_us}) {
    const auto whole = two.hyper.value("select count(*) from timescaledb_information.chunks");
    for (auto* bed : {&two.plain, &two.hyper})
      (void)must(expire(*bed->open(), at_us));
    CHECK(std::stoi(two.hyper.value("select count(*) from timescaledb_information.chunks"))
          < std::stoi(whole));
    check_tables(two);
    const auto left = "select * from furrow.retention_due(to_timestamp("
                      + std::to_string(at_us / 1'000'000)
                      + ")) where kind like any (array["
                        "'telemetry%', 'rollup'])";
    CHECK(two.hyper.rows(left).empty());
    CHECK(two.plain.rows(left).empty());
    check_calls(two);
  }

  // Frames that come late are digested into compressed chunks.
  for (auto* bed : {&two.plain, &two.hyper}) {
    const auto store = bed->open();
    append_days(*store, "keeps", "T1", 3, {monday_us + 2 * day_us, monday_us - 6 * day_us});
    plain_digest{*store}.run_all();
  }
  check_tables(two);
  for (auto* bed : {&two.plain, &two.hyper})
    CHECK(must(keep_partitions(*bed->open(), monday_us)).waiting == 0);
  check_tables(two);

  // A machine is removed.
  for (auto* bed : {&two.plain, &two.hyper}) {
    const auto store = bed->open();
    const auto removed = must(answer_of<removal_outcome>([&](auto done) {
      store->removals()->remove({"keeps", "T1", {}}, {"anna", ""}, done);
    }));
    CHECK(removed.telemetry > 0);
    CHECK(removed.rollup > 0);
  }
  check_tables(two);
}
