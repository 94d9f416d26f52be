#include "tools/furrowd/config/database_settings.hpp"

#include "tools/config/keys.hpp"

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
      "time that a query waits before the pool opens an overflow connection, in milliseconds", 0,
      60'000);
  add("--pool-acquire-timeout", flags.acquire_timeout_ms,
      "longest time that a query waits for a connection, in milliseconds", 1, 600'000);
  add("--pool-recycle", flags.recycle_s, "age at which an idle connection is replaced, in seconds",
      1, 30 * day_s);
  add("--pool-ping-after", flags.ping_after_ms,
      "idle time after which a connection is tested before a query uses it, in milliseconds", 0,
      day_ms);
  add("--pool-check-interval", flags.check_interval_s,
      "interval between health checks of an idle connection, in seconds", 1, day_s);
  add("--pool-idle", flags.idle_s,
      "idle time after which a connection beyond --pool-min is closed, in seconds", 1, day_s);
  add("--pool-backoff-min", flags.backoff_min_ms,
      "first wait between attempts to connect, in milliseconds; the wait doubles, with jitter", 1,
      60'000);
  add("--pool-backoff-max", flags.backoff_max_ms,
      "longest wait between attempts to connect, in milliseconds", 1, 600'000);
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
  add("--pool-min", flags.min, "connections for queries that stay open", 0, 200);
  add("--pool-max", flags.max,
      "most connections for queries; the pool opens them when the load needs them", 1, 200);
  add("--pool-overflow", flags.overflow, "connections beyond --pool-max while queries wait", 0,
      200);
  add("--pool-attempts", flags.attempts,
      "failed attempts to connect after which waiting queries fail", 1, 100);
  add_pool_times(app, flags);
  add("--connect-timeout", flags.connect_timeout_ms,
      "longest time to connect, shared by all hosts, in milliseconds", 100, 120'000);
  add("--lock-timeout", flags.lock_timeout_ms,
      "longest time that a statement waits for a lock, in milliseconds", 1, 600'000);
  add("--statement-timeout", flags.statement_timeout_ms,
      "longest run time of a statement, in milliseconds", 100, day_ms);
  add("--append-timeout", flags.append_timeout_ms,
      "run time after which the node asks the server whether it is still there, in milliseconds; a "
      "server that does not answer is left",
      500, day_ms);
  add("--slow-statement", flags.slow_statement_ms,
      "run time from which a statement is slow, in milliseconds: it is counted and kept with its "
      "text",
      1, day_ms);
  storage::store_options standard;
  (void)apply(flags, standard); // the profile is a known one
  for (const auto& [key, value] : values_of(standard))
    app.get_option(config::flag_of(key))->default_str(value);
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
  options.lane_lock_timeout = std::min(options.lock_timeout, milliseconds{100});
  take<milliseconds>(flags.statement_timeout_ms, options.statement_timeout);
  take<milliseconds>(flags.append_timeout_ms, options.append_timeout);
  take<milliseconds>(flags.slow_statement_ms, options.slow_statement);
  return storage::unsound(options.pool);
}

std::vector<std::pair<std::string, std::string>> values_of(const storage::store_options& options) {
  const auto ms = [](auto time) {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
  };
  const auto s = [](auto time) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count());
  };
  const auto& pool = options.pool;
  return {{"pool_min", std::to_string(pool.min)},
          {"pool_max", std::to_string(pool.max)},
          {"pool_overflow", std::to_string(pool.overflow)},
          {"pool_attempts", std::to_string(pool.attempts)},
          {"pool_overflow_after", ms(pool.overflow_after)},
          {"pool_acquire_timeout", ms(pool.acquire_timeout)},
          {"pool_recycle", s(pool.recycle_after)},
          {"pool_ping_after", ms(pool.ping_after)},
          {"pool_check_interval", s(pool.check_interval)},
          {"pool_idle", s(pool.idle_after)},
          {"pool_backoff_min", ms(pool.backoff_min)},
          {"pool_backoff_max", ms(pool.backoff_max)},
          {"connect_timeout", ms(options.connect_timeout)},
          {"lock_timeout", ms(options.lock_timeout)},
          {"statement_timeout", ms(options.statement_timeout)},
          {"append_timeout", ms(options.append_timeout)},
          {"slow_statement", ms(options.slow_statement)}};
}

} // namespace furrow::daemon
