#include "tests/storage/postgres/timescale/timescale_bed.hpp"

#include "tests/storage/postgres/sealing_bed.hpp"
#include "tests/storage/suite/digest_bed.hpp"
#include "tests/storage/suite/record_bed.hpp"
#include "tests/storage/suite/retention_bed.hpp"
#include "tests/support/frames.hpp"

#include <optional>

namespace furrow::tests {

using namespace storage;

namespace {

/// Engine speed each 100 ms and wheel speed each 500 ms, for 30 s.
can::frame_block tractor_block(std::int64_t time_us) {
  can::frame_block block;
  for (unsigned i = 0; i < 300; ++i) {
    quoted_frame frame{i % 5 == 4 ? "18FEF100#FF0014FFFFFFFFFF" : "0CF00400#FFFFFF0000FFFFFF",
                       time_us + std::int64_t{i} * 100'000};
    if (i % 5 != 4) {
      frame.data[3] = static_cast<std::uint8_t>(i * 8);
      frame.data[4] = static_cast<std::uint8_t>(0x20U + (i >> 5U));
    }
    REQUIRE(block.push(frame.time_us, frame.header, frame.data.data()));
  }
  return block;
}

void add_machine(store& store, const std::string& farm, unsigned number) {
  auto request = request_for("T1", number);
  request.farm = farm;
  const auto claimed = claim(store, request);
  const auto lane = store.open_appender("w0");
  auto seq = claimed.durable_seq;
  for (int week = -5; week <= 0; ++week) {
    const auto time_us = monday_us + week * 7 * day_us + 3'600'000'000LL * number;
    for (auto block : {tractor_block(time_us), mixed_block(number, 200, time_us + day_us)}) {
      const auto frames = block.size();
      must(append(*lane, {append_of(claimed.claim, seq, std::move(block))}));
      seq += frames;
    }
    const auto at = (time_us - record_start_us) / 1'000'000;
    must(append(*lane,
                {append_records(
                  claimed.claim, seq,
                  {record_at(at, 0x4001, sensor_body), record_at(at + 1, 0x4002, yield_body),
                   record_at(at + 2, 0x4003, tokens_body), record_at(at + 3, 0x4004, fault_body),
                   record_at(at + 4, 7, R"({"a":1})")})}));
    seq += 5;
  }
}

/// An hour of seconds a week, and 10 hours of minutes of two signals. A farm has data of its last weeks alone, so that
/// older partitions may go as a whole.
constexpr const char* more_rows =
  "insert into furrow.telemetry (equipment_id, stream, time, seq, mode, speed, engine_speed, "
  "latitude, "
  "longitude, engine_hours) select e.id, s.id, timestamptz '2026-10-12 06:00:00+00' + w * interval "
  "'7 days' + i * interval '1 second', 100000 + i, case when i % 7 = 0 then null when i % 900 < "
  "300 "
  "then 'idle' else 'moving' end, i % 37 * 0.1, case when i % 11 = 0 then null else 900 + i % 600 "
  "end, "
  "51.5 + i * 1e-6, 11.25 + w * 1e-3, 1200 + i / 3600.0 from furrow.farm f join furrow.equipment e "
  "on "
  "e.farm_id = f.id join furrow.stream s on s.equipment_id = e.id cross join generate_series(0, 5) "
  "w "
  "cross join generate_series(0, 3599) i where f.name <> 'keeps' or w >= 4 on conflict do nothing; "
  "insert into furrow.rollup (equipment_id, signal, minute, count, min, max, sum, last, last_time) "
  "select e.id, n.id, m.minute, 60, i % 50, i % 50 + 10.5, 60 * (i % 50 + 5.25), i % 50 + 3, "
  "m.minute + "
  "interval '59 seconds' from furrow.farm f join furrow.equipment e on e.farm_id = f.id cross join "
  "(select id from furrow.signal_name order by name limit 2) n cross join generate_series(0, 5) w "
  "cross "
  "join generate_series(0, 599) i cross join lateral (select timestamptz '2026-10-13 06:00:00+00' "
  "+ w * "
  "interval '7 days' + i * interval '1 minute' as minute) m where f.name <> 'keeps' or w >= 4 on "
  "conflict do nothing; analyze";

} // namespace

pg_cluster* timescale_cluster() {
  // No job compresses a chunk while a test looks at it.
  static pg_cluster cluster{std::vector<std::string>{"timescaledb.max_background_workers = 0"}};
  static const bool here = [] {
    if (cluster.value("select count(*) from pg_available_extensions where name = 'timescaledb'")
        == "0")
      return false;
    cluster.exec("alter system set shared_preload_libraries = 'timescaledb'");
    cluster.stop_fast();
    cluster.start();
    return true;
  }();
  if (!here)
    MESSAGE("skipped: TimescaleDB is absent on this machine (pg_available_extensions)");
  return here ? &cluster : nullptr;
}

std::string new_database(const std::string& name) {
  timescale_cluster()->make_database(name);
  (void)timescale_database{name}.open_migrated();
  return name;
}

void fill_database(timescale_database& bed) {
  const auto store = bed.open_migrated();
  unsigned number = 0;
  for (const auto* farm : {"north", "south", "keeps"})
    add_machine(*store, farm, ++number);
  plain_digest{*store}.run_all();
  bed.tamper(more_rows);
  bed.tamper(
    "delete from furrow.telemetry t using furrow.equipment e join furrow.farm f on f.id = "
    "e.farm_id where e.id = t.equipment_id and f.name = 'keeps' and t.time < '2026-11-09'; "
    "delete from furrow.rollup t using furrow.equipment e join furrow.farm f on f.id = "
    "e.farm_id where e.id = t.equipment_id and f.name = 'keeps' and t.minute < "
    "'2026-11-09'");
  must(seal(*store));
  must(keep_partitions(*store, monday_us));
  keep(*store, "", data_kind::telemetry, 20);
  keep(*store, "", data_kind::telemetry_10s, 25);
  keep(*store, "north", data_kind::telemetry, 9);
  keep(*store, "keeps", data_kind::telemetry, std::nullopt);
  keep(*store, "", data_kind::rollup, 22);
  keep(*store, "north", data_kind::rollup, 8);
  keep(*store, "", data_kind::frames, 30);
  keep(*store, "south", data_kind::records, 12);
  must(expire(*store, monday_us - 14 * day_us)); // the coarser tiers get their first rows
}

storage::hypertables make_hypertables(timescale_database& bed) {
  bed.tamper("create extension if not exists timescaledb");
  store_options options;
  options.url = bed.url();
  options.application_name = "furrow/test";
  return must(storage::make_hypertables(options, [](const auto&) {}));
}

void compress_all(timescale_database& bed) {
  bed.tamper("select public.compress_chunk(c, true) from public.show_chunks('furrow.telemetry') c "
             "union all select public.compress_chunk(c, true) from "
             "public.show_chunks('furrow.rollup') c");
  REQUIRE(bed.value("select count(*) > 8 and bool_and(is_compressed) from "
                    "timescaledb_information.chunks where hypertable_schema = 'furrow'")
          == "t");
}

two_of_a_kind::two_of_a_kind(const std::string& name)
  : plain{new_database(name)}, hyper{name + "_hyper"} {
  fill_database(plain);
  auto& cluster = *timescale_cluster();
  cluster.exec("drop database if exists \"" + hyper.name() + "\" with (force)", "postgres");
  cluster.exec("create database \"" + hyper.name() + "\" template \"" + name + "\"", "postgres");
  (void)make_hypertables(hyper);
}

} // namespace furrow::tests
