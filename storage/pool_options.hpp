/// The size of the query pool, and when the pool opens, checks and closes connections.
///
/// Shape: the defaults suit a program that asks once; `pool_profile` has a node's values.
/// Units: std::chrono; counts are connections.
/// Errors: `unsound` names the setting as furrowd's command line does.
/// Threads: values.
/// Source: docs/operations/connections.md gives the reason for each setting.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::storage {

struct pool_options {
  unsigned min = 0;      // kept open, also when idle
  unsigned max = 8;      // opened as the load requires
  unsigned overflow = 4; // beyond max, once a query has waited for `overflow_after`
  std::chrono::milliseconds overflow_after{100};
  std::chrono::milliseconds acquire_timeout{5'000}; // the longest wait of a query for a connection
  std::chrono::milliseconds recycle_after{1'800'000}; // age at which an idle connection is replaced
  std::chrono::milliseconds ping_after{5'000};      // after this idle time it is pinged before use
  std::chrono::milliseconds check_interval{30'000}; // interval of pings of idle connections
  std::chrono::milliseconds idle_after{60'000};     // idle time before closing one beyond min
  unsigned attempts = 3;                     // failed attempts in a row before waiting queries fail
  std::chrono::milliseconds backoff_min{50}; // between attempts; doubles, with jitter
  std::chrono::milliseconds backoff_max{5'000};
};

inline constexpr unsigned pool_connections_max = 200;
/// Idle time after which an overflow connection is closed.
inline constexpr std::chrono::milliseconds overflow_idle{1'000};

/// "development" or "production"; absent for another name.
[[nodiscard]] std::optional<pool_options> pool_profile(std::string_view name);

/// One line that names the settings that do not fit together.
[[nodiscard]] std::optional<std::string> unsound(const pool_options& options);

/// Counters since the start, and the current state.
struct pool_numbers {
  std::size_t open = 0; // connections, without those being opened
  std::size_t idle = 0;
  std::size_t in_use = 0;
  std::size_t overflow = 0; // of the open ones, how many are beyond max
  std::size_t opening = 0;
  std::size_t waiting = 0; // jobs
  std::uint64_t acquired = 0;
  std::uint64_t waited = 0; // of those, how many had to wait for a connection
  std::uint64_t timeouts = 0;
  std::uint64_t refused = 0; // because the database is away or misconfigured
  std::uint64_t opened = 0;
  std::uint64_t overflow_opened = 0;
  std::uint64_t open_failures = 0;
  std::uint64_t server_full = 0; // of those, because the server accepts no more connections
  std::uint64_t recycled = 0;
  std::uint64_t idle_closed = 0;
  std::uint64_t broken = 0; // found dead, or in a state that cannot be reset
  std::uint64_t pings = 0;
  std::uint64_t pings_failed = 0;
};

} // namespace furrow::storage
