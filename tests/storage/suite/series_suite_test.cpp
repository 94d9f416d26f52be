// History in columns on both databases: built into storage_tests and storage_pg_tests.
#include "can/live/telemetry.hpp"
#include "storage/dbc/dbc_files.hpp"
#include "storage/series/series.hpp"
#include "tests/storage/suite/digest_bed.hpp"
#include "tests/support/frames.hpp"

#include <cmath>

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

constexpr std::int64_t series_noon_us = 1'700'006'400'000'000; // the beginning of an hour
constexpr std::int64_t series_second_us = 1'000'000;

/// Engine speed every 100 ms: 1,000 rpm and one more for each second; each tenth frame has no value.
can::frame_block engine_block(int first_second, int seconds) {
  can::frame_block block;
  for (int i = first_second * 10; i < (first_second + seconds) * 10; ++i) {
    quoted_frame frame{"0CF00400#FFFFFF0000FFFFFF", series_noon_us + std::int64_t{i} * 100'000};
    const auto raw = static_cast<std::uint16_t>((1'000 + i / 10) * 8);
    if (i % 10 != 9) {
      frame.data[3] = static_cast<std::uint8_t>(raw);
      frame.data[4] = static_cast<std::uint8_t>(raw >> 8U);
    } else {
      frame.data[3] = frame.data[4] = 0xFF;
    }
    REQUIRE(block.push(frame.time_us, frame.header, frame.data.data()));
  }
  return block;
}

/// Five minutes, and five more after a pause of ten.
void fill_series(store& store) {
  const auto claimed = claim(store, request_for("T1", 1)).claim;
  const auto lane = store.open_appender("w0");
  REQUIRE(append(*lane, {append_of(claimed, 0, engine_block(0, 300))}));
  REQUIRE(append(*lane, {append_of(claimed, 3'000, engine_block(900, 300))}));
}

result<signal_series> ask_signal(store& store, const signal_wish& wish) {
  return answer_of<signal_series>(
    [&](auto done) { series_of(store)->read_signal_series(wish, done); });
}

signal_wish engine_wish(std::int64_t from_s, std::int64_t to_s, std::size_t points) {
  return {"default",
          "T1",
          "EEC1.engine_speed",
          series_noon_us + from_s * series_second_us,
          series_noon_us + to_s * series_second_us,
          points};
}

telemetry_wish thinned(std::int64_t every_s, std::size_t rows_max) {
  telemetry_wish wish;
  wish.farm = "default";
  wish.equipment = "T1";
  wish.from_us = series_noon_us;
  wish.to_us = series_noon_us + 3'600 * series_second_us;
  for (std::size_t i = 0; i < can::telemetry_columns.size(); ++i)
    if (can::telemetry_columns.at(i).name == "engine_speed"
        || can::telemetry_columns.at(i).name == "latitude")
      wish.columns.push_back(i);
  wish.mode = true;
  wish.every_us = every_s * series_second_us;
  wish.rows_max = rows_max;
  return wish;
}

telemetry_series ask_telemetry(store& store, const telemetry_wish& wish) {
  return must(answer_of<telemetry_series>(
    [&](auto done) { series_of(store)->read_telemetry_series(wish, done); }));
}

std::uint64_t all_of(const signal_series& series) {
  std::uint64_t sum = 0;
  for (const auto count : series.count)
    sum += count;
  return sum;
}

} // namespace

TEST_CASE(
  "series: buckets are as wide as the points want, and whole minutes from half a minute on") {
  CHECK(bucket_length(0, 10 * series_second_us, 1'000) == 10'001);
  CHECK(bucket_length(0, 1'000, 1'000) == 1'000); // no shorter
  CHECK(bucket_length(0, 86'400 * series_second_us, 1'440) == 2 * minute_us);
  CHECK(bucket_length(0, 86'400 * series_second_us - 1, 1'440) == minute_us);
  CHECK(bucket_length(0, 3'000 * series_second_us, 100) == minute_us);
  CHECK(bucket_length(0, 2'900 * series_second_us, 100) < minute_us / 2);
  CHECK(bucket_start(series_origin_us - 1, minute_us) == series_origin_us - minute_us);
}

TEST_CASE("series: a signal comes as its values, as buckets of frames, or as whole minutes") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  fill_series(*store);
  for (const bool digested : {false, true}) {
    CAPTURE(digested);
    if (digested)
      plain_digest{*store}.run_all();
    const auto raw = must(ask_signal(*store, engine_wish(0, 2, 1'000)));
    CHECK(raw.bucket_us == 0);
    REQUIRE(raw.time_us.size() == 19); // 2 s without the tenth of each, and the one at the end
    CHECK(raw.last.front() == 1'000);
    CHECK(raw.last.back() == 1'002);
    CHECK(raw.count.empty());
    CHECK(raw.time_us[1] - raw.time_us[0] == 100'000);

    const auto narrow = must(ask_signal(*store, engine_wish(0, 119, 10)));
    CHECK(narrow.bucket_us == 11'900'001);
    CHECK(all_of(narrow) == 119 * 9 + 1);
    CHECK(narrow.min.front() == 1'000);
    CHECK(narrow.max.back() == 1'119);
    CHECK(narrow.last.back() == 1'119);

    const auto wide = must(ask_signal(*store, engine_wish(0, 3'600, 60)));
    CHECK(wide.bucket_us == 2 * minute_us);
    REQUIRE(wide.time_us.size() == 6); // the pause has none
    CHECK(wide.time_us[0] == series_noon_us);
    CHECK(wide.time_us[3] == series_noon_us + 14 * minute_us);
    CHECK(wide.count[0] == 120 * 9);
    CHECK(wide.min[0] == 1'000);
    CHECK(wide.max[0] == 1'119);
    CHECK(wide.mean[0] == doctest::Approx(1'059.5));
    CHECK(wide.last[0] == 1'119);
    CHECK(all_of(wide) == 600 * 9);

    // Minutes at the ends that the range cuts are made of frames.
    const auto cut = must(ask_signal(*store, engine_wish(30, 270, 8)));
    CHECK(cut.bucket_us == minute_us);
    CHECK(cut.min.front() == 1'030);
    CHECK(cut.max.back() == 1'270);
    CHECK(all_of(cut) == 240 * 9 + 1);
    // A length that was asked for is kept, however few values there are: of minutes, and of parts.
    for (const std::int64_t every_s : {120, 90, 2}) {
      auto wish = engine_wish(0, 240, 0);
      wish.every_us = every_s * series_second_us;
      const auto even = must(ask_signal(*store, wish));
      CHECK(even.bucket_us == every_s * series_second_us);
      CHECK(even.time_us.front() == bucket_start(series_noon_us, even.bucket_us));
      CHECK(all_of(even) == 240 * 9 + 1);
      wish.to_us = wish.from_us + 200'000;
      CHECK(must(ask_signal(*store, wish)).bucket_us == every_s * series_second_us);
    }
    // Few values of a long time are told one by one.
    const auto few = must(ask_signal(*store, engine_wish(295, 3'600, 60)));
    CHECK(few.bucket_us == minute_us);
    CHECK(must(ask_signal(*store, engine_wish(1'195, 3'600, 60))).bucket_us == 0);
    CHECK(must(ask_signal(*store, engine_wish(2'000, 3'600, 60))).time_us.empty());
  }
}

// Symptom: the last digits of a serial number of 64 bits were others than those of its frames.
TEST_CASE("series: raw values of whole numbers keep all 64 bits") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  can::frame_block block;
  std::int64_t time_us = series_noon_us;
  for (const auto* text : {"100#FDFFFFFFFFFFFFFF", "100#0500000000000000", "100#0100000000002000",
                           "101#0100000000000080", "102#FDFFFFFFFFFFFF7F"}) {
    const quoted_frame frame{text, time_us += series_second_us};
    REQUIRE(block.push(frame.time_us, frame.header, frame.data.data()));
  }
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  REQUIRE(append(*store->open_appender("w0"), {append_of(claimed, 0, std::move(block))}));
  const dbc_upload file{"big.dbc", "all",
                        "VERSION \"\"\n\nBU_: ECU\n\n"
                        "BO_ 256 BIG: 8 ECU\n SG_ serial : 0|64@1+ (1,0) [0|0] \"\" ECU\n"
                        "BO_ 257 DEEP: 8 ECU\n SG_ depth : 0|64@1- (1,0) [0|0] \"\" ECU\n"
                        "BO_ 258 HALF: 8 ECU\n SG_ half : 0|64@1+ (0.5,0) [0|0] \"\" ECU\n"};
  must(answer_of<dbc_load_outcome>([&](auto done) {
    store->dbc()->load(file, {"me@here", "10.0.0.9"}, std::move(done));
  }));
  const auto raw_of = [&](const std::string& signal) {
    auto wish = engine_wish(0, 60, 100);
    wish.signal = signal;
    const auto made = must(ask_signal(*store, wish));
    CHECK(made.bucket_us == 0);
    CHECK(made.last.size() == made.time_us.size());
    return made;
  };
  const auto serial = raw_of("BIG.serial");
  REQUIRE(serial.last.size() == 3);
  CHECK(serial.last[1] == 5);
  const std::vector<std::pair<std::size_t, can::whole_number>> digits{
    {0, {false, 18446744073709551613U}}, {2, {false, 9007199254740993U}}};
  CHECK((serial.whole == digits));
  const auto deep = raw_of("DEEP.depth");
  REQUIRE(deep.whole.size() == 1);
  CHECK(deep.whole[0].second == can::whole_number{true, 9223372036854775807U});
  const auto half = raw_of("HALF.half"); // no whole number
  REQUIRE(half.last.size() == 1);
  CHECK(half.whole.empty());
}

TEST_CASE("series: what the digest has not seen yet comes from frames") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  fill_series(*store);
  plain_digest digest{*store};
  const auto streams = digest.pending();
  REQUIRE(streams.size() == 1);
  REQUIRE(digest.commit(digest.run(streams[0], 1'750)));
  const auto wide = must(ask_signal(*store, engine_wish(0, 3'600, 60)));
  CHECK(all_of(wide) == 600 * 9);
  CHECK(wide.max.back() == 2'199);
}

TEST_CASE("series: rollups remain when the frames are gone") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  fill_series(*store);
  plain_digest{*store}.run_all();
  bed->tamper("delete from can_block");
  const auto wide = must(ask_signal(*store, engine_wish(0, 3'600, 60)));
  CHECK(all_of(wide) == 600 * 9);
  const auto narrow = must(ask_signal(*store, engine_wish(60, 119, 10)));
  CHECK(narrow.bucket_us == minute_us); // no narrower than what is kept
  REQUIRE(narrow.time_us.size() == 1);
  CHECK(narrow.count[0] == 60 * 9);
}

TEST_CASE("series: an unknown signal or machine is not found") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  fill_series(*store);
  auto wish = engine_wish(0, 60, 10);
  wish.signal = "EEC1.no_such";
  CHECK(ask_signal(*store, wish).code() == errc::not_found);
  wish.signal = "'; drop table rollup; --";
  CHECK(ask_signal(*store, wish).code() == errc::not_found);
  wish = engine_wish(0, 60, 10);
  wish.equipment = "T2";
  CHECK(ask_signal(*store, wish).code() == errc::not_found);
  wish = engine_wish(0, 60, 10);
  wish.farm = "hill"; // which has no such machine
  CHECK(ask_signal(*store, wish).code() == errc::not_found);
  auto rows = thinned(10, 100);
  rows.farm = "hill";
  CHECK(answer_of<telemetry_series>([&](auto done) {
          series_of(*store)->read_telemetry_series(rows, done);
        }).code()
        == errc::not_found);
}

TEST_CASE("series: telemetry has the columns that were asked for, the first row of each interval") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  fill_series(*store);
  plain_digest{*store}.run_all();
  const auto all = ask_telemetry(*store, thinned(0, 10'000));
  CHECK(all.time_us.size() == 600);
  CHECK_FALSE(all.next_us);
  REQUIRE(all.columns.size() == 2);
  REQUIRE(all.modes.size() == 600);
  CHECK(all.columns[0][0] == 1'000);
  CHECK(std::isnan(all.columns[1][0])); // never heard

  const auto ten = ask_telemetry(*store, thinned(10, 10'000));
  REQUIRE(ten.time_us.size() == 60);
  CHECK_FALSE(ten.next_us);
  for (std::size_t i = 0; i < 30; ++i) {
    CHECK(ten.time_us[i] == series_noon_us + static_cast<std::int64_t>(i) * 10 * series_second_us);
    CHECK(ten.columns[0][i] == 1'000 + 10 * static_cast<double>(i));
  }
  CHECK(ten.time_us[30] == series_noon_us + 900 * series_second_us);

  // The same in pages, whatever their size.
  for (const std::int64_t every : {0, 10, 7}) {
    const auto whole = ask_telemetry(*store, thinned(every, 10'000));
    telemetry_series joined;
    auto wish = thinned(every, 13);
    for (int pages = 0;; ++pages) {
      REQUIRE(pages < 100);
      const auto page = ask_telemetry(*store, wish);
      CHECK(page.time_us.size() <= 13);
      joined.time_us.insert(joined.time_us.end(), page.time_us.begin(), page.time_us.end());
      if (!page.next_us)
        break;
      wish.after_us = page.next_us;
    }
    CHECK(joined.time_us == whole.time_us);
  }
  auto beyond = thinned(10, 100);
  beyond.from_us = beyond.to_us;
  CHECK(ask_telemetry(*store, beyond).time_us.empty());
  auto few = thinned(10, 100);
  few.mode = false;
  few.columns.resize(1);
  CHECK(ask_telemetry(*store, few).modes.empty());
  CHECK(ask_telemetry(*store, few).columns.size() == 1);
}
