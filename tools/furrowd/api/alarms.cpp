#include "tools/furrowd/api/alarms.hpp"

#include "tools/json/rfc3339.hpp"

#include <fmt/format.h>

#include <chrono>
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
       fmt::format("{} partitions are needed and could not be made; the log gives the reason",
                   stats.partitions_waiting)});
}

constexpr std::uint64_t held_days_limit = 30; // a parked fleet is no news

void add_held_retention(const actors::node_stats& stats, std::vector<storage::alarm>& out) {
  const auto days = stats.retention_held_seconds / 86'400;
  if (days >= held_days_limit)
    out.push_back(
      {"clock", "node", static_cast<double>(days), static_cast<double>(held_days_limit), "days",
       fmt::format("this node's clock is {} days after the newest frame, so retention counts from "
                   "that frame: set the clock, or run `furrow retention run` if it is right",
                   days)});
}

constexpr std::int64_t day_us = 86'400'000'000;
constexpr std::int64_t certificate_notice_days = 14; // time to make and install another one

void add_certificate(const actors::node_stats& stats, std::vector<storage::alarm>& out) {
  if (stats.certificate_expires_us == 0)
    return;
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
    std::chrono::system_clock::now().time_since_epoch());
  const auto left = stats.certificate_expires_us - now.count();
  if (left >= certificate_notice_days * day_us)
    return;
  const auto days = static_cast<double>(left) / static_cast<double>(day_us);
  const auto when = json_rows::format_time(stats.certificate_expires_us);
  out.push_back({"certificate", "node", days, static_cast<double>(certificate_notice_days), "days",
                 left < 0 ? fmt::format("the TLS certificate of this node expired at {}: gateways "
                                        "and people that check it cannot connect",
                                        when)
                          : fmt::format("the TLS certificate of this node expires in {:.0f} days, "
                                        "at {}",
                                        days, when)});
}

constexpr std::uint64_t disk_limit_pct = 80;
constexpr std::uint64_t disk_full_pct = 90;

void add_disk(const actors::node_stats& stats, std::vector<storage::alarm>& out) {
  if (stats.disk_used_pct >= disk_full_pct)
    out.push_back({"disk", "node", static_cast<double>(stats.disk_used_pct),
                   static_cast<double>(disk_full_pct), "%",
                   fmt::format("the disk of the database is {} % full: a database that cannot "
                               "write stores nothing; see `furrow retention`",
                               stats.disk_used_pct)});
}

/// What head office does not have stays, whatever retention says: the line may be away for longer than the disk lasts.
void add_site(const actors::node_stats& stats, std::vector<storage::alarm>& out) {
  if (stats.disk_used_pct < disk_limit_pct)
    return;
  std::string text;
  if (stats.forward_items_waiting > 0)
    text = fmt::format("the disk is {} % full and {} items wait for head office: retention keeps "
                       "them; see `furrow site status`",
                       stats.disk_used_pct, stats.forward_items_waiting);
  else if (stats.forward_items_held > 0)
    text = fmt::format("the disk is {} % full and retention keeps {} items for head office, but no "
                       "node forwards them: start the node with --forward, or with --forward none "
                       "if this is no site any more; see `furrow site status`",
                       stats.disk_used_pct, stats.forward_items_held);
  else
    return;
  out.push_back({"forward", "node", static_cast<double>(stats.disk_used_pct),
                 static_cast<double>(disk_limit_pct), "%", std::move(text)});
}

/// Where to look.
std::string stall_cause(std::uint64_t streams_held) {
  return streams_held == 0
           ? "see `furrow actors` and the log"
           : fmt::format("other transactions hold rows of {} streams in the database; see pg_locks",
                         streams_held);
}

void add_stall(const actors::node_stats& stats, std::vector<storage::alarm>& out) {
  const auto stalled = static_cast<double>(stats.stalled_s);
  if (stalled >= stall_limit_s)
    out.push_back({"stalled", "node", stalled, stall_limit_s, "s",
                   fmt::format("this node has stored nothing for {} s although items wait: {}",
                               stats.stalled_s, stall_cause(stats.streams_held))});
}

void add_cluster(const actors::node_stats& stats, std::vector<storage::alarm>& out) {
  if (!stats.dead_nodes.empty())
    out.push_back({"node_dead", "cluster", 1, 0, "",
                   fmt::format("dead and not back: {}; see `furrow nodes`", stats.dead_nodes)});
  if (stats.lease_lapsed)
    out.push_back({"lease", "node", 1, 0, "",
                   "the lease of this node has lapsed: the database does not answer in time; other "
                   "nodes may take its machines"});
}

void add_failing(const actors::node_stats& stats, std::vector<storage::alarm>& out) {
  auto all = stats.failing;
  all.insert(all.end(), stats.failing_parts.begin(), stats.failing_parts.end());
  if (all.empty())
    return;
  out.push_back(
    {"failing", "node", static_cast<double>(all.size()), 0, "actors",
     fmt::format("a part of this node keeps failing: {}; see `furrow actors` and the log",
                 fmt::join(all, "; "))});
}

/// Databases other than main: the node is ready, because the other farms are served.
void add_databases(const actors::node_stats& stats, std::vector<storage::alarm>& out) {
  std::vector<std::string> away;
  for (const auto& one : stats.databases)
    if (!one.fault.empty())
      away.push_back(one.name + ": " + one.fault);
    else if (static_cast<double>(one.stalled_s) >= stall_limit_s)
      away.push_back(fmt::format("{}: nothing stored for {} s although items wait: {}", one.name,
                                 one.stalled_s, stall_cause(one.streams_held)));
  if (!away.empty())
    out.push_back({"database", "database", static_cast<double>(away.size()), 0, "databases",
                   fmt::format("the gateways of some farms keep their items: {}; see "
                               "`furrow farm list` and the log",
                               fmt::join(away, "; "))});
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
  for (const auto& one : stats.failing)
    out.push_back("a part of this node keeps failing: " + one);
  if (!stats.store_up)
    out.push_back("the database stores nothing now: " + stats.store_fault);
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
  add_failing(stats, out);
  if (!stats.store_up)
    out.push_back({"store", "database", 0, 1, "", stats.store_fault});
  add_databases(stats, out);
  const double budget = static_cast<double>(stats.budget_bytes);
  const double used = budget > 0 ? 100.0 * static_cast<double>(stats.budget_used) / budget : 0;
  if (used > budget_limit_pct)
    out.push_back({"lag", "database", used, budget_limit_pct, "%",
                   fmt::format("{:.0f} % of --budget holds items that are not yet durable", used)});
  add_stall(stats, out);
  add_certificate(stats, out);
  add_held_retention(stats, out);
  add_site(stats, out);
  add_disk(stats, out);
  add_cluster(stats, out);
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
