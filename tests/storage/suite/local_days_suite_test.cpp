// Days of a time zone on both databases: built into storage_tests and storage_pg_tests.
#include "can/live/telemetry.hpp"
#include "can/text/civil_time.hpp"
#include "storage/farm/repositories.hpp"
#include "storage/series/series.hpp"
#include "tests/storage/suite/digest_bed.hpp"
#include "tests/storage/suite/record_bed.hpp"
#include "tests/support/frames.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

constexpr std::int64_t local_hour_us = 3'600'000'000;

/// Days of a zone, one after the other: when the first begins by UTC, and how many hours each has.
struct days_of_zone {
  std::string zone;
  can::civil_date date;
  double begins_h; // after midnight of UTC
  std::vector<double> hours;

  [[nodiscard]] std::int64_t first_us() const {
    return can::days_of(date) * can::day_us + static_cast<std::int64_t>(begins_h * local_hour_us);
  }
  [[nodiscard]] std::vector<std::int64_t> starts() const {
    std::vector<std::int64_t> out{first_us()};
    for (const auto one : hours)
      out.push_back(out.back() + static_cast<std::int64_t>(one * local_hour_us));
    return out;
  }
  [[nodiscard]] std::int64_t last_us() const { return starts().back() - 1; }
};

const std::vector<days_of_zone> local_cases{
  {"America/Sao_Paulo", {2018, 11, 3}, 3, {24, 23, 24}}, // its midnight is left out
  {"America/Sao_Paulo", {2026, 1, 10}, 3, {24, 24}},
  {"Europe/Berlin", {2026, 3, 27}, 23, {24, 23, 24}},
  {"Asia/Kolkata", {2026, 6, 30}, 18.5, {24, 24}},
  {"Europe/Berlin", {2026, 10, 23}, 22, {24, 25, 24}},
  {"America/Havana", {2026, 10, 31}, 4, {24, 25, 24}}, // its midnight comes twice
};

/// Two frames in each hour: the engine speed counts them.
void fill_days(store& store, const std::vector<days_of_zone>& days = local_cases) {
  const auto claimed = claim(store, request_for("T1", 1)).claim;
  const auto lane = store.open_appender("w0");
  append_batch batch;
  std::uint64_t seq = 0;
  for (const auto& one : days)
    for (auto at = one.first_us(); at < one.last_us(); at += local_hour_us / 2) {
      can::frame_block block;
      quoted_frame frame{"0CF00400#FFFFFF0000FFFFFF", at + local_hour_us / 6};
      const auto raw = static_cast<std::uint16_t>((1'000 + seq) * 8);
      frame.data[3] = static_cast<std::uint8_t>(raw);
      frame.data[4] = static_cast<std::uint8_t>(raw >> 8U);
      REQUIRE(block.push(frame.time_us, frame.header, frame.data.data()));
      batch.push_back(append_of(claimed, seq++, std::move(block)));
      if (batch.size() == 100)
        REQUIRE(append(*lane, std::exchange(batch, {})));
    }
  REQUIRE(append(*lane, std::move(batch)));
}

signal_wish daily_signal(const days_of_zone& of, const std::string& zone) {
  signal_wish wish{"default", "T1", "EEC1.engine_speed", of.first_us(), of.last_us(), 0};
  wish.every_us = day_length_us;
  wish.zone = zone;
  return wish;
}

telemetry_wish daily_telemetry(const days_of_zone& of, const std::string& zone) {
  telemetry_wish wish;
  wish.farm = "default";
  wish.equipment = "T1";
  wish.from_us = of.first_us();
  wish.to_us = of.last_us();
  wish.every_us = day_length_us;
  wish.zone = zone;
  return wish;
}

result<signal_series> ask_daily(store& store, const signal_wish& wish) {
  return answer_of<signal_series>(
    [&](auto done) { series_of(store)->read_signal_series(wish, done); });
}

result<telemetry_series> ask_daily(store& store, const telemetry_wish& wish) {
  return answer_of<telemetry_series>(
    [&](auto done) { series_of(store)->read_telemetry_series(wish, done); });
}

result<rollup_page> ask_daily(store& store, const history_query& query) {
  return answer_of<rollup_page>([&](auto done) {
    store.history()->read_rollup(query, "EEC1.engine_speed", rollup_bucket::day, done);
  });
}

void check_signal(store& store, const days_of_zone& of, const std::string& zone) {
  const auto series = must(ask_daily(store, daily_signal(of, zone)));
  auto starts = of.starts();
  starts.pop_back();
  CHECK(series.time_us == starts);
  REQUIRE(series.count.size() == of.hours.size());
  double before = series.min[0];
  for (std::size_t i = 0; i < of.hours.size(); ++i) {
    CHECK(static_cast<double>(series.count[i]) == 2 * of.hours[i]);
    CHECK(series.min[i] == before);
    before += 2 * of.hours[i];
    CHECK(series.max[i] == before - 1);
    CHECK(series.last[i] == before - 1);
    CHECK(series.mean[i] == doctest::Approx((series.min[i] + series.max[i]) / 2));
  }
}

void check_rollups(store& store, const days_of_zone& of, const std::string& zone) {
  history_query query{"default", "T1", of.first_us(), of.last_us(), {}, zone};
  const auto page = must(ask_daily(store, query));
  REQUIRE(page.rows.size() == of.hours.size());
  for (std::size_t i = 0; i < page.rows.size(); ++i) {
    CHECK(page.rows[i].time_us == of.starts()[i]);
    CHECK(static_cast<double>(page.rows[i].count) == 2 * of.hours[i]);
    CHECK(page.rows[i].last == page.rows[i].max);
  }
  query.after_us = page.rows[0].time_us; // the next page
  const auto rest = must(ask_daily(store, query));
  REQUIRE(rest.rows.size() == of.hours.size() - 1);
  CHECK(rest.rows[0].time_us == of.starts()[1]);
}

void check_telemetry(store& store, const days_of_zone& of, const std::string& zone) {
  std::vector<std::int64_t> firsts;
  auto wish = daily_telemetry(of, zone);
  wish.rows_max = 1; // a page for each day
  do {
    const auto page = must(ask_daily(store, wish));
    firsts.insert(firsts.end(), page.time_us.begin(), page.time_us.end());
    wish.after_us = page.next_us;
  } while (wish.after_us);
  auto expected = of.starts();
  expected.pop_back();
  for (auto& one : expected)
    one += local_hour_us / 6;
  CHECK(firsts == expected);
}

void set_zone(store& store, const std::string& zone) {
  farm_record farm;
  farm.name = "default";
  farm.time_zone = zone;
  const auto outcome = must(answer_of<unit_outcome>(
    [&](auto done) { store.farm()->apply("default", unit_of(action::update, farm), done); }));
  REQUIRE(outcome.committed);
}

} // namespace

TEST_CASE("local days: begin at local midnight, with 23 and 25 hours when the clock changes") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  fill_days(*store);
  for (const bool digested : {false, true}) {
    if (digested)
      plain_digest{*store}.run_all();
    for (const auto& one : local_cases) {
      CAPTURE(digested);
      CAPTURE(one.zone);
      CAPTURE(one.date.month);
      check_signal(*store, one, one.zone);
      if (!digested)
        continue;
      check_rollups(*store, one, one.zone);
      check_telemetry(*store, one, one.zone);
      set_zone(*store, one.zone);
      check_signal(*store, one, "farm");
      check_rollups(*store, one, "farm");
      check_telemetry(*store, one, "farm");
    }
  }
  // Where only rollups are left.
  bed->tamper("delete from can_block");
  for (const auto& one : local_cases)
    check_signal(*store, one, one.zone);
  // Without a zone, days are those of UTC, as before.
  const auto utc = must(ask_daily(*store, daily_signal(local_cases[2], "")));
  CHECK(utc.time_us.front() == can::days_of({2026, 3, 27}) * can::day_us);
  CHECK(must(ask_daily(*store, daily_signal(local_cases[2], "UTC"))).time_us == utc.time_us);
  if (!is_postgres(*bed))
    return;
  CHECK(bed->value("select string_agg(count::text, ' ' order by day) from furrow.rollup_day_in("
                   "'default', 'Europe/Berlin') where day >= '2026-03-27 23:00:00+00' and day < "
                   "'2026-03-30 22:00:00+00'")
        == "48 46 48");
  CHECK(bed->value("select count(*) from furrow.rollup_day_in('default') d full join "
                   "furrow.rollup_day_in('default', 'America/Havana') z using (equipment_id, "
                   "signal, day, count, min, max, sum, mean, last, last_time) where d.signal is "
                   "null or z.signal is null")
        == "0");
  CHECK(bed->value("select count(*) from furrow.rollup_day d full join furrow.rollup_day_in("
                   "'default', 'UTC') z using (equipment_id, signal, day, count, min, max, sum, "
                   "mean, last, last_time) where d.signal is null or z.signal is null")
        == "0");
  CHECK(bed->value("select count(*) from furrow.rollup_day_in('other')") == "0");
}

TEST_CASE("local days: where a clock is set back over midnight, the rows go on") {
  // Symptom: one row filled the page, because the next day began before it.
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const days_of_zone days{"America/St_Johns", {2010, 11, 6}, 2.5, {24, 25}};
  fill_days(*store, {days});
  plain_digest{*store}.run_all();
  const auto series = must(ask_daily(*store, daily_telemetry(days, days.zone)));
  CHECK(series.time_us.size() >= 2);
  CHECK(series.time_us.size() <= 4);
  CHECK(std::adjacent_find(series.time_us.begin(), series.time_us.end(), std::greater_equal<>{})
        == series.time_us.end());
}

TEST_CASE("local days: an unknown time zone is one clear error, and changes nothing") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  fill_days(*store);
  plain_digest{*store}.run_all();
  const auto& day = local_cases.front();
  for (const std::string zone :
       {"Europe/Berln", "CEST-2", "posix/Europe/Berlin", "europe/berlin"}) {
    CAPTURE(zone);
    const auto expected = "no time zone has the name \"" + zone + "\"";
    const auto signal = ask_daily(*store, daily_signal(day, zone));
    REQUIRE_FALSE(signal);
    CHECK(signal.code() == errc::reject_row);
    CHECK(signal.error().detail.starts_with(expected));
    CHECK(ask_daily(*store, daily_telemetry(day, zone)).error().detail.starts_with(expected));
    CHECK(ask_daily(*store, history_query{"default", "T1", {}, {}, {}, zone})
            .error()
            .detail.starts_with(expected));
    farm_record farm;
    farm.name = "default";
    farm.title = "must not be stored";
    farm.time_zone = zone;
    const auto outcome = must(answer_of<unit_outcome>(
      [&](auto done) { store->farm()->apply("default", unit_of(action::update, farm), done); }));
    CHECK_FALSE(outcome.committed);
    REQUIRE(outcome.rejections.size() == 1);
    CHECK(to_string(outcome.rejections[0])
          == "farm \"default\": time_zone is \"" + zone
               + "\", but it is a name of the IANA time zone database, such as Europe/Berlin");
  }
  CHECK(bed->value("select title || time_zone from farm where name = 'default'") == "UTC");
}

TEST_CASE("local days: token sums are by days of a zone on request") {
  const auto bed = make_bed();
  if (!is_postgres(*bed))
    return; // SQLite has the view by days of UTC
  const auto store = bed->open_migrated();
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  // 2026-05-01T06:30Z, and 16 hours later: the next day in Berlin.
  REQUIRE(append(*lane, {append_records(claimed, 0,
                                        {record_at(0, 0x4003, tokens_body),
                                         record_at(57'600, 0x4003, tokens_body)})}));
  const auto days = [&](const std::string& more) {
    return bed->value(
      "select string_agg(day::timestamptz at time zone 'UTC' || ' ' || records, ', ' "
      "order by day) from furrow.token_sums('-infinity', 'infinity'"
      + more + ")");
  };
  CHECK(days("") == "2026-05-01 00:00:00 2");
  CHECK(days(", 'Europe/Berlin'") == "2026-04-30 22:00:00 1, 2026-05-01 22:00:00 1");
  CHECK(days(", 'farm'") == "2026-05-01 00:00:00 2");
  set_zone(*store, "Europe/Berlin");
  CHECK(days(", 'farm'") == "2026-04-30 22:00:00 1, 2026-05-01 22:00:00 1");
}
