#include "tools/furrowd/api/alarms.hpp"

#include <fmt/format.h>

#include <utility>

namespace furrow::http {

namespace {

constexpr double budget_limit_pct = 80;
constexpr double misses_limit_pct = 90;
constexpr std::uint64_t lookups_min = 100;          // fewer in a minute say nothing
constexpr double stall_limit_s = 30;                // a transaction takes milliseconds
constexpr double digest_limit_s = 300;              // of frames at the rate of the last minute
constexpr std::uint64_t digest_items_min = 100'000; // one pass digests a smaller backlog

void add_partitions(const actors::node_stats& stats, std::vector<storage::alarm>& out) {
  if (stats.partition_rows_stray > 0)
    out.push_back(
      {"stray", "database", static_cast<double>(stats.partition_rows_stray), 0, "rows",
       fmt::format(
         "{} rows of can_segment have no partition of their time; see `furrow db partitions`",
         stats.partition_rows_stray)});
  if (stats.partitions_waiting > 0)
    out.push_back(
      {"partitions", "database", static_cast<double>(stats.partitions_waiting), 0, "",
       fmt::format(
         "{} partitions of can_segment are needed and could not be made; the log gives the reason",
         stats.partitions_waiting)});
}

void add_stall(const actors::node_stats& stats, std::vector<storage::alarm>& out) {
  const auto stalled = static_cast<double>(stats.stalled_s);
  if (stalled >= stall_limit_s)
    out.push_back({"stalled", "node", stalled, stall_limit_s, "s",
                   fmt::format("this node has stored nothing for {} s although it holds items: see "
                               "`furrow actors` and the log",
                               stats.stalled_s)});
}

void add_front(const front_figures& front, std::vector<storage::alarm>& out) {
  const auto& recent = front.recent;
  const auto lookups = static_cast<double>(recent.lookups);
  const auto missed = recent.lookups > 0 ? 100.0 * static_cast<double>(recent.misses) / lookups : 0;
  if (recent.lookups >= lookups_min && missed > misses_limit_pct)
    out.push_back({"cache", "node", missed, misses_limit_pct, "%",
                   fmt::format("{:.0f} % of {} answers were not in the cache (--cache-ms)", missed,
                               recent.lookups)});
  if (front.connections_max > 0
      && (recent.refused > 0 || front.connections >= front.connections_max))
    out.push_back(
      {"http", "node", static_cast<double>(front.connections),
       static_cast<double>(front.connections_max), "connections",
       fmt::format("{} of --http-connections {} are open; {} idle ones gave way, {} new "
                   "ones were rejected",
                   front.connections, front.connections_max, recent.gave_way, recent.refused)});
}

} // namespace

std::vector<std::string> unready_reasons(const actors::node_stats& stats) {
  std::vector<std::string> out;
  if (stats.gave_up)
    out.emplace_back("the actor system gave up: the process ends");
  if (!stats.store_up)
    out.emplace_back("the database is away: see /monitoring/database");
  std::vector<storage::alarm> stall;
  add_stall(stats, stall);
  for (auto& alarm : stall)
    out.push_back(std::move(alarm.text));
  return out;
}

std::vector<storage::alarm> alarms_of(const actors::node_stats& stats,
                                      const storage::store_activity* activity,
                                      const front_figures& front) {
  auto out = activity != nullptr ? storage::alarms_of(*activity) : std::vector<storage::alarm>{};
  if (stats.gave_up)
    out.push_back({"gave_up", "node", 1, 0, "", "the actor system gave up: the process ends"});
  if (!stats.store_up)
    out.push_back({"store", "database", 0, 1, "", "the last claim, append or health check failed"});
  const double budget = static_cast<double>(stats.budget_bytes);
  const double used = budget > 0 ? 100.0 * static_cast<double>(stats.budget_used) / budget : 0;
  if (used > budget_limit_pct)
    out.push_back({"lag", "database", used, budget_limit_pct, "%",
                   fmt::format("{:.0f} % of --budget holds items that are not yet durable", used)});
  add_stall(stats, out);
  add_partitions(stats, out);
  add_front(front, out);
  if (activity == nullptr || stats.digest_items_behind < digest_items_min)
    return out;
  const auto pace = activity->recent.frames_per_s * digest_limit_s;
  if (static_cast<double>(stats.digest_items_behind) > pace)
    out.push_back(
      {"digest", "node", static_cast<double>(stats.digest_items_behind), pace, "items",
       fmt::format("the digest has a backlog of {} items (--digest-duty limits the digest)",
                   stats.digest_items_behind)});
  return out;
}

std::vector<alarm_change> alarm_watch::look(time_point now,
                                            const std::vector<storage::alarm>& alarms) {
  std::vector<alarm_change> out;
  for (const auto& alarm : alarms) {
    const auto [at, fresh] = raised_.insert_or_assign(alarm.name, raised_alarm{alarm, now});
    if (fresh)
      out.push_back({at->second.alarm, true});
  }
  for (auto at = raised_.begin(); at != raised_.end();) {
    if (now - at->second.seen < quiet) {
      ++at;
      continue;
    }
    out.push_back({std::move(at->second.alarm), false});
    at = raised_.erase(at);
  }
  return out;
}

} // namespace furrow::http
