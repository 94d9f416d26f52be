#include "storage/pool_options.hpp"

namespace furrow::storage {

std::optional<pool_options> pool_profile(std::string_view name) {
  pool_options made;
  if (name == "development") {
    made.max = 4;
    made.overflow = 2;
    made.idle_after = std::chrono::seconds{10};
    made.ping_after = std::chrono::milliseconds{0};
    made.attempts = 1;
    return made;
  }
  if (name != "production")
    return std::nullopt;
  made.min = 2;
  made.max = 10;
  made.overflow = 5;
  return made;
}

std::optional<std::string> unsound(const pool_options& options) {
  using std::to_string;
  if (options.max == 0)
    return "--pool-max 0: at least one connection is needed";
  if (options.min > options.max)
    return "--pool-min " + to_string(options.min) + ": more than --pool-max "
           + to_string(options.max);
  if (options.max + options.overflow > pool_connections_max)
    return "--pool-max " + to_string(options.max) + " and --pool-overflow "
           + to_string(options.overflow) + ": together at most " + to_string(pool_connections_max);
  if (options.attempts == 0)
    return "--pool-attempts 0: at least one is needed";
  if (options.acquire_timeout.count() <= 0)
    return "--pool-acquire-timeout: more than 0 ms is needed";
  if (options.backoff_min > options.backoff_max)
    return "--pool-backoff-min " + to_string(options.backoff_min.count())
           + ": more than --pool-backoff-max " + to_string(options.backoff_max.count());
  return std::nullopt;
}

} // namespace furrow::storage
