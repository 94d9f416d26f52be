#include "storage/activity.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace furrow::storage {

namespace {

constexpr double pool_limit_pct = 80;
constexpr double error_limit_pct = 1;
constexpr double slow_limit_pct = 1;
constexpr std::uint64_t statements_min = 20; // fewer give no reliable rate
constexpr std::chrono::hours calm{1};        // uptime before advice to lower a setting

double percent(double part, double whole) {
  return whole > 0 ? 100.0 * part / whole : 0;
}

std::string text_of(double value) {
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), "%.3g", value);
  return text.data();
}

double seconds_of(std::chrono::milliseconds span) {
  return std::chrono::duration<double>(span).count();
}

std::string change_of(unsigned from, unsigned to) {
  return (to > from ? "raise from " : "lower from ") + std::to_string(from) + " to "
         + std::to_string(to);
}

void advise_size(const store_activity& of, std::vector<advice>& out) {
  const auto& pool = of.pool;
  const auto& limits = of.limits;
  const auto room = pool_connections_max - limits.overflow;
  const auto larger = std::min(room, limits.max + std::max(limits.max / 2, 2U));
  const auto slots = limits.max + limits.overflow;
  if (pool.server_full > 0)
    out.push_back({"max_connections", "raise at the server, or lower --pool-max of the nodes",
                   "the server refused " + std::to_string(pool.server_full)
                     + " connections because its limit is reached"});
  else if (pool.timeouts > 0 && of.in_use_peak >= slots && larger > limits.max)
    out.push_back({"--pool-max", change_of(limits.max, larger),
                   std::to_string(pool.timeouts) + " queries found no connection in time while "
                     + std::to_string(of.in_use_peak) + " of " + std::to_string(slots)
                     + " were in use"});
  else if (pool.overflow_opened > 0 && pool.overflow_opened * 10 > pool.opened
           && larger > limits.max)
    out.push_back({"--pool-max", change_of(limits.max, larger),
                   std::to_string(pool.overflow_opened) + " of " + std::to_string(pool.opened)
                     + " connections were opened as overflow"});
  else if (of.uptime >= calm && pool.acquired >= statements_min && of.in_use_peak * 4 <= limits.max
           && limits.max > 4)
    out.push_back({"--pool-max", change_of(limits.max, std::max(4U, limits.max / 2)),
                   "at most " + std::to_string(of.in_use_peak) + " of " + std::to_string(limits.max)
                     + " were in use in " + std::to_string(of.uptime.count() / 60) + " min"});
}

void advise_churn(const store_activity& of, std::vector<advice>& out) {
  const auto& pool = of.pool;
  const auto hours = std::chrono::duration<double>(of.uptime).count() / 3600;
  if (hours >= 1 && static_cast<double>(pool.idle_closed) > 60 * hours
      && of.limits.min < of.limits.max)
    out.push_back({"--pool-min", change_of(of.limits.min, of.limits.min + 1),
                   std::to_string(pool.idle_closed)
                     + " connections were closed as idle, more than one a minute"});
  // More than the pool holds: a server restart kills that many at once.
  if (pool.pings_failed > of.limits.max + of.limits.overflow && pool.pings_failed * 20 > pool.pings)
    out.push_back({"--pool-check-interval",
                   "lower from " + text_of(seconds_of(of.limits.check_interval)) + " s to "
                     + text_of(seconds_of(of.limits.check_interval) / 2) + " s",
                   std::to_string(pool.pings_failed) + " of " + std::to_string(pool.pings)
                     + " idle connections were dead when they were pinged: something between "
                       "closes them"});
}

void advise_statements(const store_activity& of, std::vector<advice>& out) {
  if (of.lock_timeouts > 0)
    out.push_back({"--lock-timeout",
                   "raise from " + std::to_string(of.lock_timeout.count())
                     + " ms, or end the sessions that hold the locks (pg_locks)",
                   std::to_string(of.lock_timeouts) + " statements waited longer for a lock"});
  if (of.statement_timeouts > 0)
    out.push_back({"--statement-timeout",
                   "raise from " + std::to_string(of.statement_timeout.count())
                     + " ms, or ask for shorter times",
                   std::to_string(of.statement_timeouts) + " statements were cancelled"});
  if (of.statements >= statements_min && of.slow > 0
      && percent(static_cast<double>(of.slow), static_cast<double>(of.statements)) > slow_limit_pct)
    out.push_back({"--slow-statement",
                   "make the slow statements below faster, or raise from "
                     + std::to_string(of.slow_after.count()) + " ms",
                   std::to_string(of.slow) + " of " + std::to_string(of.statements)
                     + " statements took longer than " + std::to_string(of.slow_after.count())
                     + " ms"});
}

} // namespace

void latency_histogram::add(std::chrono::nanoseconds took) {
  const double seconds = std::chrono::duration<double>(took).count();
  const auto* const at =
    std::lower_bound(latency_bounds_s.begin(), latency_bounds_s.end(), seconds);
  ++counts[static_cast<std::size_t>(at - latency_bounds_s.begin())];
  sum_s += seconds;
}

std::uint64_t latency_histogram::count() const {
  std::uint64_t sum = 0;
  for (const auto each : counts)
    sum += each;
  return sum;
}

std::optional<double> latency_histogram::quantile_s(double part) const {
  const auto all = count();
  if (all == 0)
    return std::nullopt;
  const auto wanted =
    static_cast<std::uint64_t>(std::ceil(std::clamp(part, 0.0, 1.0) * static_cast<double>(all)));
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < latency_bounds_s.size(); ++i) {
    sum += counts[i];
    if (sum >= std::max<std::uint64_t>(wanted, 1))
      return latency_bounds_s[i];
  }
  return std::nullopt;
}

std::vector<alarm> alarms_of(const store_activity& activity) {
  std::vector<alarm> out;
  if (const auto granted = activity.connections_granted)
    out.push_back(
      {"connections", "database", static_cast<double>(*granted), 0, "",
       "the server grants this node only " + std::to_string(*granted)
         + (*granted == 1 ? " connection" : " connections")
         + ": appends, claims and health checks go first, queries and background work share the "
           "rest or wait (max_connections, CONNECTION LIMIT)"});
  const auto& recent = activity.recent;
  const auto used =
    percent(static_cast<double>(recent.in_use_peak), static_cast<double>(activity.limits.max));
  if (used > pool_limit_pct)
    out.push_back({"pool", "database", used, pool_limit_pct, "%",
                   std::to_string(recent.in_use_peak) + " of --pool-max "
                     + std::to_string(activity.limits.max) + " connections were in use at once"});
  if (recent.slow > 0)
    out.push_back({"statements", "database", static_cast<double>(recent.slow), 0, "",
                   std::to_string(recent.slow) + (recent.slow == 1 ? " statement" : " statements")
                     + " took longer than " + std::to_string(activity.slow_after.count()) + " ms"});
  const auto wrong =
    percent(static_cast<double>(recent.failed), static_cast<double>(recent.statements));
  if (recent.statements >= statements_min && wrong > error_limit_pct)
    out.push_back(
      {"errors", "database", wrong, error_limit_pct, "%",
       text_of(wrong) + " % of " + std::to_string(recent.statements) + " statements failed"});
  if (recent.timeouts > 0)
    out.push_back({"waits", "database", static_cast<double>(recent.timeouts), 0, "",
                   std::to_string(recent.timeouts) + " queries found no connection in time"});
  return out;
}

std::vector<advice> advice_of(const store_activity& activity) {
  std::vector<advice> out;
  advise_size(activity, out);
  advise_churn(activity, out);
  advise_statements(activity, out);
  return out;
}

} // namespace furrow::storage
