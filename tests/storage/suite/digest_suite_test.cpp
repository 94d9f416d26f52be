// The digest on both databases: built into storage_tests and storage_pg_tests.
#include "storage/history.hpp"
#include "storage/maintenance.hpp"
#include "tests/storage/suite/digest_bed.hpp"
#include "tests/support/digest_tables.hpp"
#include "tests/support/frames.hpp"

#include <thread>

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

constexpr std::int64_t noon_us = 1'700'006'400'000'000; // the beginning of an hour

/// Engine speed 1000, 1001 ... rpm every 100 ms from `time_us` on, and wheel speed every 500 ms.
can::frame_block tractor_block(std::uint64_t first, std::size_t count, std::int64_t time_us) {
  can::frame_block block;
  for (auto i = first; block.size() < count; ++i) {
    const auto raw = static_cast<std::uint16_t>((1000 + i % 1000) * 8);
    quoted_frame frame{i % 5 == 4 ? "18FEF100#FF0014FFFFFFFFFF" : "0CF00400#FFFFFF0000FFFFFF",
                       time_us + static_cast<std::int64_t>(i) * 100'000};
    if (i % 5 != 4) {
      frame.data[3] = static_cast<std::uint8_t>(raw);
      frame.data[4] = static_cast<std::uint8_t>(raw >> 8U);
    }
    REQUIRE(block.push(frame.time_us, frame.header, frame.data.data()));
  }
  return block;
}

telemetry_page telemetry(store& store, const history_query& query) {
  return must(
    answer_of<telemetry_page>([&](auto done) { store.history()->read_telemetry(query, done); }));
}

rollup_page rollup(store& store, const std::string& signal, rollup_bucket bucket) {
  return must(answer_of<rollup_page>([&](auto done) {
    store.history()->read_rollup({"default", "T1", {}, {}, {}}, signal, bucket, done);
  }));
}

/// 10 blocks of 300 frames, 5 minutes in all, and a record in the middle.
stream_claim fill(store& store) {
  const auto claimed = claim(store, request_for("T1", 1)).claim;
  const auto lane = store.open_appender("w0");
  std::uint64_t seq = 0;
  for (std::uint64_t i = 0; i < 10; ++i) {
    auto append_frames = append_of(claimed, seq, tractor_block(i * 300, 300, noon_us));
    seq += 300;
    if (i == 4) {
      append_frames.records.push_back({++seq, {noon_us, 3, "{\"a\":1}"}});
      append_frames.to = append_frames.sent = seq;
    }
    REQUIRE(append(*lane, {std::move(append_frames)}));
  }
  return claimed;
}

std::uint64_t total(store_bed& bed) {
  return std::stoull(bed.value("select sum(count) from rollup"));
}

} // namespace

TEST_CASE(
  "digest: rollups that are made anew take the place of those of their signals and minutes, "
  "and only while the digest stands still") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  fill(*store);
  plain_digest digest{*store};
  digest.run_all();
  auto* const lane = store->digest();
  const auto ids = must(answer_of<std::vector<std::int32_t>>([&](auto done) {
    lane->signal_ids({{"EEC1.engine_speed", "new"}, {"Own.level", "new"}}, std::move(done));
  }));
  const auto places_now = [&] {
    return must(answer_of<machine_places>(
      [&](auto done) { lane->places("default", "T1", std::move(done)); }));
  };
  const auto replaced = [&](rollups_again what) {
    return must(answer_of<bool>([&](auto done) {
      lane->replace(std::make_shared<const rollups_again>(std::move(what)), std::move(done));
    }));
  };
  const auto places = places_now();
  REQUIRE(places.streams.size() == 1);
  CHECK(places.streams[0].seq == 3'001);
  CHECK(places.streams[0].stream_id == request_for("T1", 1).stream_id);
  const auto speed_before = rollup(*store, "EEC1.engine_speed", rollup_bucket::minute);
  REQUIRE(speed_before.rows.size() == 5);
  const auto rows_before = bed->value("select count(*) from rollup");

  const auto second = noon_us + can::rollup_minute_us;
  const can::rollup_row level{static_cast<std::uint32_t>(ids[1]), second, 7, 1, 3, 14, 2, second};
  rollups_again what{places.equipment, places.streams, ids, {noon_us, second}, {level}};
  auto elsewhere = what;
  elsewhere.places[0].seq -= 1;
  CHECK_FALSE(replaced(elsewhere));
  CHECK(bed->value("select count(*) from rollup") == rows_before);

  CHECK(replaced(what));
  CHECK(replaced(what)); // once more is the same
  const auto speed = rollup(*store, "EEC1.engine_speed", rollup_bucket::minute);
  REQUIRE(speed.rows.size() == 3); // not in the new rows, so they are gone in these minutes alone
  CHECK(speed.rows[0].time_us == noon_us + 2 * can::rollup_minute_us);
  const auto own = rollup(*store, "Own.level", rollup_bucket::minute);
  REQUIRE(own.rows.size() == 1);
  CHECK(own.rows[0].time_us == second);
  CHECK(own.rows[0].count == 7);
  CHECK(own.rows[0].max == 3);
  CHECK(std::stoull(bed->value("select count(*) from rollup")) == std::stoull(rows_before) - 1);
}

TEST_CASE("digest: rows, state and place move together, and only from the expected place") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto claimed = fill(*store);
  plain_digest first{*store};
  plain_digest second{*store};
  const auto streams = first.pending();
  REQUIRE(streams.size() == 1);
  CHECK(streams[0].stream == claimed.stream);
  CHECK(streams[0].equipment == claimed.equipment);
  CHECK(streams[0].digested == 0);
  CHECK(streams[0].durable == 3'001);
  CHECK(streams[0].oldest_us == noon_us);
  CHECK(second.pending(claimed.stream).empty());
  // Both have read the same page; one commits late.
  const auto early = first.run(streams[0], 450);
  const auto late = second.run(streams[0], 700);
  REQUIRE(early.to == 450);
  REQUIRE(late.to == 700);
  CHECK(first.commit(early));
  const auto counted = total(*bed);
  CHECK_FALSE(second.commit(late));
  CHECK(total(*bed) == counted);
  CHECK_FALSE(first.commit(early));
  CHECK(total(*bed) == counted);
  const auto after = second.pending();
  REQUIRE(after.size() == 1);
  CHECK(after[0].digested == 450);
  CHECK(after[0].state == early.state);
}

TEST_CASE("digest: one commit moves streams of several machines, each independently") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto lane = store->open_appender("w0");
  for (unsigned char i = 1; i <= 4; ++i) {
    const auto claimed = claim(*store, request_for("T" + std::to_string(i), i)).claim;
    REQUIRE(append(*lane, {append_of(claimed, 0, tractor_block(0, 100U * i, noon_us))}));
  }
  plain_digest one{*store};
  const auto streams = one.pending();
  REQUIRE(streams.size() == 4);
  digest_batch batch;
  for (const auto& stream : streams)
    batch.push_back(one.run(stream, 5'000));
  // Another digest has moved the second stream in the meantime.
  CHECK(plain_digest{*store}.commit(plain_digest{*store}.run(streams[1], 50)));
  CHECK(one.commit(batch) == std::vector<bool>{true, false, true, true});
  const auto left = one.pending();
  REQUIRE(left.size() == 1);
  CHECK(left[0].stream == streams[1].stream);
  CHECK(left[0].digested == 50);
  CHECK(one.commit(one.run(left[0], 5'000)));
  CHECK(one.pending().empty());
  for (int i = 1; i <= 4; ++i)
    CHECK(bed->value("select sum(r.count) from rollup r join equipment e on e.id = r.equipment_id "
                     "join signal_name n on n.id = r.signal where n.name = 'EEC1.engine_speed' "
                     "and e.name = 'T"
                     + std::to_string(i) + "'")
          == std::to_string(80 * i));
  CHECK(bed->value("select count(*) from equipment_state") == "4");
  CHECK(bed->value("select count(*) from telemetry") == "100"); // 10 + 20 + 30 + 40 s
}

TEST_CASE(
  "digest: rows do not depend on the division of the items, even with two digests at once") {
  std::string expected;
  for (const std::uint64_t items : {5'000U, 450U, 77U, 0U}) {
    const auto bed = make_bed();
    const auto store = bed->open_migrated();
    fill(*store);
    if (items != 0) {
      plain_digest{*store}.run_all(items);
    } else {
      std::thread other{[&] { plain_digest{*store}.run_all(41); }};
      plain_digest{*store}.run_all(53);
      other.join();
    }
    CHECK(plain_digest{*store}.pending().empty());
    std::string found;
    for (const auto bucket : {rollup_bucket::minute, rollup_bucket::hour, rollup_bucket::day})
      for (const auto* signal : {"EEC1.engine_speed", "CCVS1.wheel_based_vehicle_speed"})
        for (const auto& row : rollup(*store, signal, bucket).rows)
          found += std::to_string(row.time_us - noon_us) + ' ' + std::to_string(row.count) + ' '
                   + std::to_string(row.min) + ' ' + std::to_string(row.max) + ' '
                   + std::to_string(row.mean) + ' ' + std::to_string(row.last) + '\n';
    for (const auto& row : telemetry(*store, {"default", "T1", {}, {}, {}}).rows)
      found += std::to_string(row.time_us - noon_us) + ' ' + row.mode + ' '
               + std::to_string(row.values[0].value_or(-1)) + ' '
               + std::to_string(row.values[2].value_or(-1)) + '\n';
    found += bed->value("select seq from equipment_state") + ' '
             + bed->value("select engine_speed from equipment_state");
    if (expected.empty())
      expected = found;
    CHECK(found == expected);
  }
  CHECK(expected.find("0 480 1000.000000") == 0); // of the first minute 4 of 5 frames
}

TEST_CASE("digest: the latest state follows what came last, whatever its clock says") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  const auto state = [&](const char* column) {
    plain_digest{*store}.run_all(5'000);
    return bed->value(std::string{"select "} + column + " from equipment_state");
  };
  std::uint64_t seq = 0;
  const auto say = [&](const stream_claim& by, std::uint64_t& at, std::int64_t time_us) {
    REQUIRE(append(*lane, {append_of(by, at, tractor_block(0, 100, time_us))}));
    at += 100;
  };
  constexpr std::int64_t in_2106_us = 4'294'967'290'000'000;
  say(claimed, seq, noon_us);
  CHECK(state("seq") == "100");
  say(claimed, seq, in_2106_us);
  CHECK(state("seq") == "200");
  say(claimed, seq, noon_us + 60'000'000); // the clock is right again
  CHECK(state("seq") == "300");
  say(claimed, seq, 5'000'000); // 1970
  CHECK(state("seq") == "400");
  // One page with all of it: the same.
  for (const auto time : {in_2106_us, noon_us + 120'000'000})
    say(claimed, seq, time);
  CHECK(state("seq") == "600");

  // A second stream of the machine: the later time stands, and a wrong clock gives way to a right one.
  const auto newer = claim(*store, request_for("T1", 2)).claim;
  std::uint64_t newer_seq = 0;
  const auto stream = std::to_string(claimed.stream);
  const auto newer_stream = std::to_string(newer.stream);
  say(newer, newer_seq, noon_us); // a backlog of before
  CHECK(state("stream") == stream);
  say(newer, newer_seq, noon_us + 180'000'000);
  CHECK(state("stream") == newer_stream);
  say(claimed, seq, in_2106_us);
  CHECK(state("stream") == newer_stream);
  say(newer, newer_seq, in_2106_us); // what came last of the stream that stands
  CHECK(state("stream") == newer_stream);
  say(claimed, seq, noon_us + 240'000'000);
  CHECK(state("stream") == stream);
  say(newer, newer_seq,
      5'000'000); // its clock stands at 1970 from now on: it is the newer one all the same
  CHECK(state("stream") == newer_stream);
}

TEST_CASE("digest: the list of machines has the last state of each that was digested") {
  const auto bed = make_bed();
  {
    const auto store = bed->open_migrated();
    const auto lane = store->open_appender("w0");
    const auto one = claim(*store, request_for("T1", 1)).claim;
    // 400 frames of 100 ms each; the last but one of engine speed has number 398.
    REQUIRE(append(*lane, {append_of(one, 0, tractor_block(0, 400, noon_us))}));
    plain_digest{*store}.run_all();
    // A machine whose items nobody has digested, and one without any.
    const auto two = claim(*store, request_for("T2", 2)).claim;
    REQUIRE(append(*lane, {append_of(two, 0, tractor_block(0, 10, noon_us))}));
    (void)claim(*store, request_for("T3", 3));
  }
  const auto store = bed->open(); // as after a restart
  const auto rows = must(answer_of<std::vector<equipment_row>>(
    [&](auto done) { store->list_equipment("default", done); }));
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].last_frame_us == noon_us + 39'900'000);
  REQUIRE(rows[0].state);
  CHECK(rows[0].state->time_us == noon_us + 39'900'000);
  CHECK(rows[0].state->values[2] == 1'398); // rpm
  CHECK_FALSE(rows[0].state->values[14]);   // no position was sent
  CHECK(rows[0].state->mode != "");
  CHECK(rows[1].last_frame_us == noon_us + 900'000);
  CHECK_FALSE(rows[1].state);
  CHECK_FALSE(rows[2].state);
}

TEST_CASE("digest: queries on rollups and telemetry select by machine, time and page") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  fill(*store);
  auto other = request_for("T1", 9);
  other.farm = "other";
  static_cast<void>(claim(*store, other));
  plain_digest{*store}.run_all(5'000);
  const auto all = telemetry(*store, {"default", "T1", {}, {}, {}});
  REQUIRE(all.rows.size() == 300);
  CHECK(all.rows[0].time_us == noon_us);
  CHECK(all.rows[0].mode == "moving");
  CHECK(all.rows[0].values[0] == doctest::Approx(20));
  CHECK(all.rows[0].values[2] == doctest::Approx(1008));
  CHECK_FALSE(all.rows[0].values[5]);
  CHECK_FALSE(all.next_us);
  const auto part = telemetry(
    *store, {"default", "T1", noon_us + 10'000'000, noon_us + 20'000'000, noon_us + 11'000'000});
  REQUIRE(part.rows.size() == 9);
  CHECK(part.rows[0].time_us == noon_us + 12'000'000);
  CHECK(telemetry(*store, {"other", "T1", {}, {}, {}}).rows.empty());
  const auto unknown = answer_of<telemetry_page>([&](auto done) {
    store->history()->read_telemetry({"default", "T7", {}, {}, {}}, done);
  });
  CHECK(unknown.code() == errc::not_found);
  CHECK(answer_of<telemetry_page>([&](auto done) {
          store->history()->read_telemetry({"", "T1", {}, {}, {}}, done);
        }).code()
        == errc::not_found); // in two farms

  const auto minutes = rollup(*store, "EEC1.engine_speed", rollup_bucket::minute);
  REQUIRE(minutes.rows.size() == 5);
  CHECK(minutes.rows[4].count == 480);
  CHECK(minutes.rows[0].mean == doctest::Approx(1299));
  const auto hours = rollup(*store, "EEC1.engine_speed", rollup_bucket::hour);
  REQUIRE(hours.rows.size() == 1);
  CHECK(hours.rows[0].time_us == noon_us);
  CHECK(hours.rows[0].count == 2'400);
  CHECK(hours.rows[0].max == 1998);
  CHECK(hours.rows[0].last == minutes.rows[4].last);
  CHECK(answer_of<rollup_page>([&](auto done) {
          store->history()->read_rollup({"default", "T1", {}, {}, {}}, "EEC1.nothing",
                                        rollup_bucket::day, done);
        }).code()
        == errc::not_found);
  CHECK(bed->value("select count from rollup_hour r join signal_name n on n.id = r.signal where "
                   "n.name = 'EEC1.engine_speed'")
        == "2400");
  CHECK(std::stod(bed->value("select last from rollup_day r join signal_name n on n.id = r.signal "
                             "where n.name = 'EEC1.engine_speed'"))
        == minutes.rows[4].last);

  const auto known = must(answer_of<std::vector<known_signal>>(
    [&](auto done) { store->history()->list_signals("default", "T1", done); }));
  REQUIRE_FALSE(known.empty());
  CHECK(std::any_of(known.begin(), known.end(), [](const known_signal& one) {
    return one.name == "EEC1.engine_speed" && one.last >= 1000;
  }));
  const auto progress =
    must(answer_of<digest_status>([&](auto done) { store->history()->digest_progress(done); }));
  CHECK(progress.streams == 2);
  CHECK(progress.streams_behind == 0);
  CHECK(progress.items_behind == 0);
  CHECK_FALSE(progress.oldest_us);
}

TEST_CASE("digest: rollups that mixed the values of process data are marked by a migration") {
  const auto bed = make_bed();
  store_options options;
  options.url = bed->url();
  must(migrate_database(options, {.to = 10}, false));
  bed->tamper("insert into signal_name (name) values ('PD.process_value'), ('EEC1.engine_speed')");
  const auto store = bed->open_migrated();
  CHECK(bed->value("select count(*) from signal_name where name = 'PD.process_value'") == "0");
  CHECK(bed->value("select count(*) from signal_name where name = 'PD.process_value (all elements "
                   "and DDIs)'")
        == "1");
  CHECK(bed->value("select count(*) from signal_name where name = 'EEC1.engine_speed'") == "1");
}
