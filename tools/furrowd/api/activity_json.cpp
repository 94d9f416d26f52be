#include "tools/furrowd/api/activity_json.hpp"

#include "tools/furrowd/api/alarms.hpp"
#include "tools/json/rfc3339.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

json ms_or_null(const std::optional<double>& seconds) {
  return seconds ? json(*seconds * 1'000) : json(nullptr);
}

json histogram_json(const storage::latency_histogram& of) {
  const auto count = of.count();
  return {
    {"count", count},
    {"mean_ms", count == 0 ? json(nullptr) : json(of.sum_s * 1'000 / static_cast<double>(count))},
    {"p50_ms_max", ms_or_null(of.quantile_s(0.5))},
    {"p99_ms_max", ms_or_null(of.quantile_s(0.99))}};
}

json pool_json(const storage::store_activity& of) {
  const auto& pool = of.pool;
  return {{"min", of.limits.min},
          {"max", of.limits.max},
          {"overflow_max", of.limits.overflow},
          {"open", pool.open},
          {"idle", pool.idle},
          {"in_use", pool.in_use},
          {"overflow", pool.overflow},
          {"opening", pool.opening},
          {"waiting", pool.waiting},
          {"in_use_peak", of.in_use_peak},
          {"lanes", of.lanes},
          {"acquired", pool.acquired},
          {"waited", pool.waited},
          {"timeouts", pool.timeouts},
          {"refused", pool.refused},
          {"opened", pool.opened},
          {"overflow_opened", pool.overflow_opened},
          {"open_failures", pool.open_failures},
          {"server_full", pool.server_full},
          {"recycled", pool.recycled},
          {"idle_closed", pool.idle_closed},
          {"broken", pool.broken},
          {"pings", pool.pings},
          {"pings_failed", pool.pings_failed},
          {"acquire", histogram_json(of.acquire)}};
}

/// How well the database can be reached, since the start.
json connectivity_json(const storage::store_activity& of) {
  return {{"connections_open", of.pool.open + of.lanes},
          {"connections_opened", of.pool.opened},
          {"connections_lost", of.lost},
          {"open_failures", of.pool.open_failures},
          {"server_full", of.pool.server_full},
          {"pings", of.pool.pings},
          {"pings_failed", of.pool.pings_failed}};
}

/// Latencies since the start; rates over the last minute.
json performance_json(const storage::store_activity& of) {
  const auto latency = histogram_json(of.statement);
  const auto span = static_cast<double>(of.recent.span_s);
  return {{"average_response_ms", latency.at("mean_ms")},
          {"p50_ms_max", latency.at("p50_ms_max")},
          {"p99_ms_max", latency.at("p99_ms_max")},
          {"active_connections", of.pool.in_use},
          {"active_connections_peak", of.recent.in_use_peak},
          {"queries_per_s",
           span > 0 ? json(static_cast<double>(of.recent.statements) / span) : json(nullptr)},
          {"failed", of.recent.failed},
          {"slow", of.recent.slow},
          {"rows_per_s", of.recent.rows_per_s},
          {"frames_per_s", of.recent.frames_per_s}};
}

json statements_json(const storage::store_activity& of) {
  const auto sound = static_cast<double>(of.statements - of.failed);
  return {{"count", of.statements},
          {"failed", of.failed},
          {"success_pct", of.statements == 0
                            ? json(nullptr)
                            : json(100.0 * sound / static_cast<double>(of.statements))},
          {"slow", of.slow},
          {"slow_after_ms", of.slow_after.count()},
          {"lock_timeouts", of.lock_timeouts},
          {"statement_timeouts", of.statement_timeouts},
          {"deadlocks", of.deadlocks},
          {"connections_lost", of.lost},
          {"rows", of.rows},
          {"frames", of.frames},
          {"rows_per_s", of.recent.rows_per_s},
          {"frames_per_s", of.recent.frames_per_s},
          {"latency", histogram_json(of.statement)}};
}

json slow_json(const storage::store_activity& of) {
  json list = json::array();
  for (const auto& each : of.slowest)
    list.push_back({{"time", json_rows::format_time(each.at_us)},
                    {"took_ms", each.took_s * 1'000},
                    {"lane", each.lane},
                    {"rows", each.rows},
                    {"error", each.error.empty() ? json(nullptr) : json(each.error)},
                    {"statement", each.text}});
  return list;
}

json advice_json(const storage::store_activity& of) {
  json list = json::array();
  for (const auto& each : storage::advice_of(of))
    list.push_back({{"setting", each.setting}, {"change", each.change}, {"because", each.because}});
  return list;
}

prometheus::MetricFamily
activity_family(const char* name, const char* help, prometheus::MetricType type, double value) {
  prometheus::MetricFamily made{name, help, type, {}};
  prometheus::ClientMetric metric;
  (type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  made.metric.push_back(std::move(metric));
  return made;
}

prometheus::MetricFamily
activity_family(const char* name, const char* help, const storage::latency_histogram& of) {
  prometheus::MetricFamily made{name, help, prometheus::MetricType::Histogram, {}};
  prometheus::ClientMetric metric;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < of.counts.size(); ++i) {
    sum += of.counts[i];
    metric.histogram.bucket.push_back(
      {sum, i < storage::latency_bounds_s.size() ? storage::latency_bounds_s[i] : INFINITY});
  }
  metric.histogram.sample_count = sum;
  metric.histogram.sample_sum = of.sum_s;
  made.metric.push_back(std::move(metric));
  return made;
}

void add_activity(std::vector<prometheus::MetricFamily>& out, const storage::store_activity& of) {
  using enum prometheus::MetricType;
  struct row {
    const char* name;
    const char* help;
    prometheus::MetricType type;
    std::uint64_t value;
  };
  const auto& pool = of.pool;
  const std::array rows{
    row{"furrow_pool_limit", "Most connections for queries, without overflow (--pool-max).", Gauge,
        of.limits.max},
    row{"furrow_pool_open", "Open connections for queries.", Gauge, pool.open},
    row{"furrow_pool_idle", "Open connections for queries that are idle.", Gauge, pool.idle},
    row{"furrow_pool_in_use", "Open connections for queries that run a query.", Gauge, pool.in_use},
    row{"furrow_pool_overflow", "Open connections for queries beyond --pool-max.", Gauge,
        pool.overflow},
    row{"furrow_pool_waiting", "Queries that wait for a connection.", Gauge, pool.waiting},
    row{"furrow_pool_lanes", "Connections outside the pool: writers, claims and others.", Gauge,
        of.lanes},
    row{"furrow_pool_waits_total", "Queries that waited at least 1 ms for a connection.", Counter,
        pool.waited},
    row{"furrow_pool_timeouts_total", "Queries that got no connection in time.", Counter,
        pool.timeouts},
    row{"furrow_pool_refused_total", "Queries rejected because the database is away.", Counter,
        pool.refused},
    row{"furrow_pool_opened_total", "Connections opened for queries.", Counter, pool.opened},
    row{"furrow_pool_open_failures_total", "Failed attempts to open a connection for queries.",
        Counter, pool.open_failures},
    row{"furrow_pool_broken_total",
        "Connections closed because they were dead or unfit for the next query.", Counter,
        pool.broken},
    row{"furrow_pool_recycled_total", "Connections replaced because of their age.", Counter,
        pool.recycled},
    row{"furrow_statements_total", "Statements sent to the database.", Counter, of.statements},
    row{"furrow_statements_failed_total", "Statements that failed.", Counter, of.failed},
    row{"furrow_statements_slow_total", "Statements that took at least --slow-statement.", Counter,
        of.slow},
    row{"furrow_database_rows_total", "Rows read and written.", Counter, of.rows},
  };
  for (const auto& each : rows)
    out.push_back(
      activity_family(each.name, each.help, each.type, static_cast<double>(each.value)));
  out.push_back(activity_family("furrow_pool_acquire_seconds",
                                "Time that a query waits for its connection.", of.acquire));
  out.push_back(activity_family("furrow_statement_seconds",
                                "Time of a statement, from sending it to its last row.",
                                of.statement));
}

} // namespace

json to_json(const storage::store_health& health, const storage::store_activity* activity) {
  auto made = json_rows::to_json(health);
  const bool measured = activity != nullptr;
  made["connectivity"] = measured ? connectivity_json(*activity) : json(nullptr);
  made["pool"] = measured ? pool_json(*activity) : json(nullptr);
  made["performance"] = measured ? performance_json(*activity) : json(nullptr);
  return made;
}

json to_json(const actors::node_stats& stats,
             const storage::store_activity* activity,
             const front_figures& front) {
  json alarms = json::array();
  for (const auto& each : alarms_of(stats, activity, front))
    alarms.push_back({{"name", each.name},
                      {"owner", each.owner},
                      {"value", each.value},
                      {"limit", each.limit},
                      {"unit", each.unit},
                      {"text", each.text}});
  const bool measured = activity != nullptr;
  return {{"uptime_s", measured ? json(activity->uptime.count()) : json(nullptr)},
          {"pool", measured ? pool_json(*activity) : json(nullptr)},
          {"statements", measured ? statements_json(*activity) : json(nullptr)},
          {"alarms", std::move(alarms)},
          {"advice", measured ? advice_json(*activity) : json::array()},
          {"slow_statements", measured ? slow_json(*activity) : json::array()}};
}

std::vector<prometheus::MetricFamily> families(const actors::node_stats& stats,
                                               const storage::store_activity* activity,
                                               const front_figures& front) {
  std::vector<prometheus::MetricFamily> out;
  if (activity != nullptr)
    add_activity(out, *activity);
  prometheus::MetricFamily alarms{
    "furrow_alarm", "1 for each alarm that is raised.", prometheus::MetricType::Gauge, {}};
  for (const auto& each : alarms_of(stats, activity, front)) {
    prometheus::ClientMetric metric;
    metric.label = {{"name", each.name}, {"owner", each.owner}};
    metric.gauge.value = 1;
    alarms.metric.push_back(std::move(metric));
  }
  if (!alarms.metric.empty())
    out.push_back(std::move(alarms));
  return out;
}

} // namespace furrow::http
