// The figures, the causes of alarms, and the basis of advice.
#include "storage/postgres/connection/store_monitor.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace furrow::storage;
using namespace std::chrono_literals;

namespace {

const store_monitor::clock::time_point start{1000s};

store_activity busy(std::size_t in_use) {
  store_activity out;
  out.limits = *pool_profile("production");
  out.recent.in_use_peak = out.in_use_peak = in_use;
  out.recent.statements = out.statements = 1'000;
  out.slow_after = 500ms;
  return out;
}

bool names(const std::vector<advice>& list, const std::string& setting) {
  return std::any_of(list.begin(), list.end(),
                     [&](const advice& one) { return one.setting == setting; });
}

} // namespace

TEST_CASE("monitor: masks literals, keeps identifiers and parameters") {
  CHECK(masked_statement("select a1, $2 from t2 where x = 'it''s s3cret' and y = 12.5e3")
        == "select a1, $2 from t2 where x = '?' and y = ?");
  CHECK(masked_statement("select\n  E'a\\'b',   7") == "select E'?', ?");
  CHECK(masked_statement("alter role a password 'never closed") == "alter role a password '?'");
  CHECK(masked_statement(std::string(10'000, 'x')).size() == store_monitor::statement_chars_max);
}

TEST_CASE("monitor: recent figures cover the last minute, sums cover all time") {
  store_monitor monitor{500ms, start};
  monitor.statement({"select 1", "a", 1ms, 10, ""}, start + 1s);
  monitor.statement({"select 2", "a", 700ms, 5, "55P03"}, start + 2s);
  monitor.frames_stored(600, start + 3s);
  monitor.acquired(100us, 7, start + 3s);
  monitor.timed_out(start + 4s);
  auto now = monitor.read(start + 60s);
  CHECK(now.recent.statements == 2);
  CHECK(now.recent.failed == 1);
  CHECK(now.recent.slow == 1);
  CHECK(now.recent.timeouts == 1);
  CHECK(now.recent.in_use_peak == 7);
  CHECK(now.recent.frames_per_s == 10);
  CHECK(now.recent.rows_per_s == 0.25);
  CHECK(now.lock_timeouts == 1);
  now = monitor.read(start + 1h);
  CHECK(now.recent.statements == 0);
  CHECK(now.recent.in_use_peak == 0);
  CHECK(now.recent.frames_per_s == 0);
  CHECK(now.statements == 2);
  CHECK(now.frames == 600);
  CHECK(now.in_use_peak == 7);
}

TEST_CASE("monitor: keeps the last slow statements, newest first") {
  store_monitor monitor{500ms, start};
  for (int i = 0; i < 100; ++i)
    monitor.statement({"select a" + std::to_string(i), "lane", 1s, 0, ""}, start);
  const auto kept = monitor.read(start).slowest;
  REQUIRE(kept.size() == store_monitor::slow_kept_max);
  CHECK(kept.front().text == "select a99");
  CHECK(kept.back().text == "select a36");
}

TEST_CASE("histogram: a quantile is its bucket's upper bound, or absent without one") {
  latency_histogram h;
  CHECK_FALSE(h.quantile_s(0.5));
  for (int i = 0; i < 99; ++i)
    h.add(200us);
  h.add(60s);
  CHECK(h.count() == 100);
  CHECK(h.quantile_s(0.5) == 0.00025);
  CHECK(h.quantile_s(0.99) == 0.00025);
  CHECK_FALSE(h.quantile_s(1)); // beyond the last bound
  CHECK(h.sum_s == doctest::Approx(60.0198));
}

TEST_CASE("alarms: each names its owner and limit, and is raised only beyond the limit") {
  CHECK(alarms_of({}).empty());
  CHECK(alarms_of(busy(8)).empty());
  auto pool = alarms_of(busy(9));
  REQUIRE(pool.size() == 1);
  CHECK(pool[0].name == "pool");
  CHECK(pool[0].owner == "database");
  CHECK(pool[0].value == 90);
  CHECK(pool[0].limit == 80);
  auto wrong = busy(1);
  wrong.recent.failed = 10;
  CHECK(alarms_of(wrong).empty());
  wrong.recent.failed = 11;
  REQUIRE(alarms_of(wrong).size() == 1);
  CHECK(alarms_of(wrong)[0].name == "errors");
  auto few = busy(1);
  few.recent.statements = 3;
  few.recent.failed = 1;
  CHECK(alarms_of(few).empty()); // three give no reliable rate
  auto slow = busy(1);
  slow.recent.slow = 1;
  REQUIRE(alarms_of(slow).size() == 1);
  CHECK(alarms_of(slow)[0].name == "statements");
}

TEST_CASE("advice: each names a setting and a measured reason") {
  CHECK(advice_of({}).empty());
  CHECK(advice_of(busy(5)).empty());
  auto short_of = busy(15);
  short_of.pool.timeouts = 3;
  const auto raise = advice_of(short_of);
  REQUIRE(raise.size() == 1);
  CHECK(raise[0].setting == "--pool-max");
  CHECK(raise[0].change == "raise from 10 to 15");
  CHECK(raise[0].because == "3 queries found no connection in time while 15 of 15 were in use");
  short_of.pool.server_full = 2; // a larger pool would not help
  CHECK(names(advice_of(short_of), "max_connections"));
  CHECK_FALSE(names(advice_of(short_of), "--pool-max"));
  auto idle = busy(1);
  idle.pool.acquired = 100;
  CHECK(advice_of(idle).empty()); // the uptime is too short
  idle.uptime = 2h;
  REQUIRE(names(advice_of(idle), "--pool-max"));
  CHECK(advice_of(idle)[0].change == "lower from 10 to 5");
  auto dead = busy(1);
  dead.pool.pings = 100;
  dead.pool.pings_failed =
    dead.limits.max + dead.limits.overflow; // as after a restart of the server
  CHECK_FALSE(names(advice_of(dead), "--pool-check-interval"));
  ++dead.pool.pings_failed;
  CHECK(names(advice_of(dead), "--pool-check-interval"));
  auto locked = busy(1);
  locked.lock_timeouts = 1;
  CHECK(names(advice_of(locked), "--lock-timeout"));
}
