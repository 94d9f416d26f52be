#include "tools/furrowd/config/database_settings.hpp"

#include <CLI/CLI.hpp>

namespace furrow::daemon {

namespace {

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t day_s = 86'400;

template <class Unit, class Into>
void take(const std::optional<std::int64_t>& given, Into& into) {
  if (given)
    into = Unit{*given};
}

void add_pool_times(CLI::App& app, database_flags& flags) {
  const auto add = [&app](const char* name, auto& into, const char* what, std::int64_t from,
                          std::int64_t to) {
    app.add_option(name, into, what)->check(CLI::Range(from, to));
  };
  add("--pool-overflow-after", flags.overflow_after_ms,
      "milliseconds that a query waits before an overflow connection is opened", 0, 60'000);
  add("--pool-acquire-timeout", flags.acquire_timeout_ms,
      "milliseconds that a query waits for a connection", 1, 600'000);
  add("--pool-recycle", flags.recycle_s, "seconds after which a connection is replaced", 1,
      30 * day_s);
  add("--pool-ping-after", flags.ping_after_ms,
      "a connection that was idle for so many milliseconds is asked before it is used", 0, day_ms);
  add("--pool-check-interval", flags.check_interval_s,
      "seconds between two health checks of an idle connection", 1, day_s);
  add("--pool-idle", flags.idle_s,
      "seconds after which an idle connection beyond --pool-min is closed", 1, day_s);
  add("--pool-backoff-min", flags.backoff_min_ms,
      "milliseconds between the first attempts to connect; doubles, with jitter", 1, 60'000);
  add("--pool-backoff-max", flags.backoff_max_ms, "and at most", 1, 600'000);
}

void take_pool(const database_flags& flags, storage::pool_options& pool) {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  pool.min = flags.min.value_or(pool.min);
  pool.max = flags.max.value_or(pool.max);
  pool.overflow = flags.overflow.value_or(pool.overflow);
  pool.attempts = flags.attempts.value_or(pool.attempts);
  take<milliseconds>(flags.overflow_after_ms, pool.overflow_after);
  take<milliseconds>(flags.acquire_timeout_ms, pool.acquire_timeout);
  take<seconds>(flags.recycle_s, pool.recycle_after);
  take<milliseconds>(flags.ping_after_ms, pool.ping_after);
  take<seconds>(flags.check_interval_s, pool.check_interval);
  take<seconds>(flags.idle_s, pool.idle_after);
  take<milliseconds>(flags.backoff_min_ms, pool.backoff_min);
  take<milliseconds>(flags.backoff_max_ms, pool.backoff_max);
}

} // namespace

void add_database_flags(CLI::App& app, database_flags& flags) {
  const auto add = [&app](const char* name, auto& into, const char* what, std::int64_t from,
                          std::int64_t to) {
    app.add_option(name, into, what)->check(CLI::Range(from, to));
  };
  app
    .add_option("--profile", flags.profile,
                "defaults of the --pool-... settings: development or production (PostgreSQL)")
    ->capture_default_str()
    ->check(CLI::IsMember({"development", "production"}));
  add("--pool-min", flags.min, "connections for queries that are kept open", 0, 200);
  add("--pool-max", flags.max, "connections for queries, opened as the load asks for them", 1, 200);
  add("--pool-overflow", flags.overflow, "connections beyond --pool-max while queries wait", 0,
      200);
  add("--pool-attempts", flags.attempts, "attempts to connect before those who wait are told", 1,
      100);
  add_pool_times(app, flags);
  add("--connect-timeout", flags.connect_timeout_ms,
      "milliseconds for a connection to be made, over all hosts", 100, 120'000);
  add("--lock-timeout", flags.lock_timeout_ms, "milliseconds that a statement waits for a lock", 1,
      600'000);
  add("--statement-timeout", flags.statement_timeout_ms, "milliseconds that a statement may run",
      100, day_ms);
  add("--slow-statement", flags.slow_statement_ms,
      "milliseconds from which a statement is slow: counted, and kept with its text", 1, day_ms);
}

std::optional<std::string> apply(const database_flags& flags, storage::store_options& options) {
  using std::chrono::milliseconds;
  const auto profile = storage::pool_profile(flags.profile);
  if (!profile)
    return "--profile " + flags.profile + ": development or production is expected";
  options.pool = *profile;
  if (flags.profile == "development")
    options.slow_statement = milliseconds{100};
  take_pool(flags, options.pool);
  take<milliseconds>(flags.connect_timeout_ms, options.connect_timeout);
  take<milliseconds>(flags.lock_timeout_ms, options.lock_timeout);
  take<milliseconds>(flags.statement_timeout_ms, options.statement_timeout);
  take<milliseconds>(flags.slow_statement_ms, options.slow_statement);
  return storage::unsound(options.pool);
}

} // namespace furrow::daemon
