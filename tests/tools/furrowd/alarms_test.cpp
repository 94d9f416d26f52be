// What is an alarm, and when it is told.
#include "tools/furrowd/api/alarms.hpp"

#include <doctest/doctest.h>

using namespace furrow::http;
using furrow::actors::node_stats;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> names(const std::vector<furrow::storage::alarm>& alarms) {
  std::vector<std::string> out;
  out.reserve(alarms.size());
  for (const auto& alarm : alarms)
    out.push_back(alarm.name);
  return out;
}

std::string told(const std::vector<alarm_change>& changes) {
  std::string out;
  for (const auto& change : changes)
    out.append(change.raised ? "+" : "-").append(change.alarm.name).append(" ");
  return out;
}

} // namespace

TEST_CASE("alarms: a node raises its own alarms and those of its database") {
  node_stats stats;
  stats.store_up = true;
  CHECK(alarms_of(stats, nullptr).empty());
  stats.store_up = false;
  stats.budget_bytes = 100;
  stats.budget_used = 81;
  stats.partition_rows_stray = 1;
  stats.partitions_waiting = 2;
  stats.digest_items_behind = 100'000;
  using words = std::vector<std::string>;
  // without figures of the database the frame rate is unknown
  CHECK(names(alarms_of(stats, nullptr)) == words{"store", "lag", "stray", "partitions"});
  furrow::storage::store_activity activity;
  activity.recent.slow = 1;
  CHECK(names(alarms_of(stats, &activity))
        == words{"statements", "store", "lag", "stray", "partitions", "digest"});
  stats.budget_used = 80;
  stats.digest_items_behind = 99'999;
  CHECK(names(alarms_of(stats, &activity)) == words{"statements", "store", "stray", "partitions"});
}

TEST_CASE("alarms: a full disk, and earlier at a site whose items wait for head office") {
  node_stats stats;
  stats.store_up = true;
  stats.disk_used_pct = 89;
  CHECK(alarms_of(stats, nullptr).empty());
  stats.forward_items_waiting = 1;
  CHECK(names(alarms_of(stats, nullptr)) == std::vector<std::string>{"forward"});
  stats.disk_used_pct = 79;
  CHECK(alarms_of(stats, nullptr).empty());
  stats.disk_used_pct = 90;
  stats.forward_items_waiting = 0;
  CHECK(names(alarms_of(stats, nullptr)) == std::vector<std::string>{"disk"});
}

TEST_CASE("alarms: a site that was started without --forward says at 80 % of the disk what fills "
          "it") {
  // Symptom: retention kept everything for head office, nobody forwarded it, and the alarm came at 90 % without a cause.
  node_stats stats;
  stats.store_up = true;
  stats.disk_used_pct = 79;
  stats.forward_items_held = 5;
  CHECK(alarms_of(stats, nullptr).empty());
  stats.disk_used_pct = 80;
  const auto alarms = alarms_of(stats, nullptr);
  REQUIRE(names(alarms) == std::vector<std::string>{"forward"});
  CHECK(alarms[0].text.find("keeps 5 items for head office, but no node forwards them")
        != std::string::npos);
  CHECK(alarms[0].text.find("--forward none") != std::string::npos);
}

TEST_CASE("alarms: a node that holds items and stores none for 30 s says so, and is not ready") {
  node_stats stats;
  stats.store_up = true;
  stats.stalled_s = 29;
  CHECK(alarms_of(stats, nullptr).empty());
  CHECK(unready_reasons(stats).empty());
  stats.stalled_s = 30;
  CHECK(names(alarms_of(stats, nullptr)) == std::vector<std::string>{"stalled"});
  REQUIRE(unready_reasons(stats).size() == 1);
  CHECK(unready_reasons(stats)[0].find("stored nothing for 30 s") != std::string::npos);
  stats.streams_held = 7;
  CHECK(unready_reasons(stats)[0].find("hold rows of 7 streams") != std::string::npos);
}

TEST_CASE("alarms: a database other than main that is away is named, and the node stays ready") {
  node_stats stats;
  stats.store_up = true;
  stats.databases = {{"east", true, "", 0}, {"west", false, "the last claim failed: gone", 0}};
  auto alarms = alarms_of(stats, nullptr);
  REQUIRE(names(alarms) == std::vector<std::string>{"database"});
  CHECK(alarms[0].text.find("west: the last claim failed: gone") != std::string::npos);
  CHECK(alarms[0].text.find("east") == std::string::npos);
  CHECK(alarms[0].text.ends_with("see `furrow farm list` and the log"));
  CHECK(unready_reasons(stats).empty());
  stats.databases = {{"east", true, "", 30}};
  alarms = alarms_of(stats, nullptr);
  REQUIRE(names(alarms) == std::vector<std::string>{"database"});
  CHECK(alarms[0].text.find("east: nothing stored for 30 s") != std::string::npos);
  stats.databases.clear();
  stats.failing_parts = {"writer-0 of database east died 3 times within 60 s (x)"};
  CHECK(names(alarms_of(stats, nullptr)) == std::vector<std::string>{"failing"});
  CHECK(unready_reasons(stats).empty());
}

TEST_CASE("alarms: a certificate that expires soon, or has, is told") {
  node_stats stats;
  stats.store_up = true;
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
                     std::chrono::system_clock::now().time_since_epoch())
                     .count();
  constexpr std::int64_t a_day_us = 86'400'000'000;
  stats.certificate_expires_us = now + 15 * a_day_us;
  CHECK(alarms_of(stats, nullptr).empty());
  stats.certificate_expires_us = now + 13 * a_day_us;
  REQUIRE(names(alarms_of(stats, nullptr)) == std::vector<std::string>{"certificate"});
  CHECK(alarms_of(stats, nullptr)[0].text.find("expires in 13 days") != std::string::npos);
  stats.certificate_expires_us = now - a_day_us;
  CHECK(alarms_of(stats, nullptr)[0].text.find("expired at 20") != std::string::npos);
}

TEST_CASE("alarms: retention that is held back by a wrong clock is told") {
  node_stats stats;
  stats.store_up = true;
  stats.retention_held_seconds = 29 * 86'400ULL;
  CHECK(alarms_of(stats, nullptr).empty());
  stats.retention_held_seconds = 26'515 * 86'400ULL;
  CHECK(names(alarms_of(stats, nullptr)) == std::vector<std::string>{"clock"});
}

TEST_CASE("alarms: nodes that died, and a lease that has lapsed, are told") {
  node_stats stats;
  stats.store_up = true;
  CHECK(alarms_of(stats, nullptr).empty());
  stats.dead_nodes = "n2, n3";
  stats.lease_lapsed = true;
  const auto alarms = alarms_of(stats, nullptr);
  CHECK(names(alarms) == std::vector<std::string>{"node_dead", "lease"});
  CHECK(alarms[0].text.find("n2, n3") != std::string::npos);
}

TEST_CASE("alarms: a node whose actor system gave up is not ready") {
  node_stats stats;
  stats.store_up = true;
  stats.gave_up = true;
  CHECK(names(alarms_of(stats, nullptr)) == std::vector<std::string>{"gave_up"});
  CHECK(unready_reasons(stats).size() == 1);
}

TEST_CASE("alarms: a cache that does not help, and a front at its limit") {
  node_stats stats;
  stats.store_up = true;
  front_figures front;
  front.connections = 4'000;
  front.connections_max = 4'001;
  front.recent.lookups = 99;
  front.recent.misses = 99;
  CHECK(names(alarms_of(stats, nullptr, front)).empty()); // too few say nothing
  front.recent.lookups = 100;
  front.recent.misses = 96;
  CHECK(names(alarms_of(stats, nullptr, front)) == std::vector<std::string>{"cache"});
  front.recent.misses = 90;
  CHECK(names(alarms_of(stats, nullptr, front)).empty());
  front.recent.refused = 1;
  CHECK(names(alarms_of(stats, nullptr, front)) == std::vector<std::string>{"http"});
  front.recent.refused = 0;
  front.connections_max = 4'000;
  CHECK(names(alarms_of(stats, nullptr, front)) == std::vector<std::string>{"http"});
}

TEST_CASE("front watch: gives what happened in the last minute") {
  front_watch watch;
  front_watch::clock::time_point now;
  CHECK(watch.note({10, 5, 0, 0}, now).lookups == 10);
  CHECK(watch.note({30, 5, 1, 2}, now += 30s).lookups == 30);
  const auto later = watch.note({40, 6, 1, 2}, now += 31s);
  CHECK(later.lookups == 40); // the sample of 30 s ago is not a minute old
  CHECK(watch.note({40, 6, 1, 2}, now += 30s).lookups == 10);
  CHECK(watch.note({41, 6, 1, 2}, now += 3h).lookups == 1);
}

TEST_CASE("alarms: each alarm is reported once when raised, and once when over for a while") {
  alarm_watch watch;
  alarm_watch::time_point now;
  const furrow::storage::alarm store{"store", "database", 0, 1, "", "first"};
  const furrow::storage::alarm lag{"lag", "database", 90, 80, "%", "second"};
  CHECK(told(watch.look(now, {})).empty());
  CHECK(told(watch.look(now, {store})) == "+store ");
  CHECK(told(watch.look(now += 2s, {store, lag})) == "+lag ");
  CHECK(told(watch.look(now += 2s, {lag})).empty());
  CHECK(told(watch.look(now += 50s, {store, lag})).empty()); // the alarm is raised and ends again
  CHECK(told(watch.look(now += 59s, {lag})).empty());
  CHECK(told(watch.look(now += 1s, {lag})) == "-store ");
  CHECK(told(watch.look(now += 1s, {store, lag})) == "+store ");
  const auto over = watch.look(now += 60s, {});
  CHECK(told(over) == "-lag -store ");
  CHECK(over[0].alarm.text == "second");
}
