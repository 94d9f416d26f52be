/// How many connections the pool for queries may have, and when it opens, proves and closes them.
///
/// Shape: the defaults are those of a program that asks once; `pool_profile` has those of a node.
/// Units: std::chrono; counts are connections.
/// Errors: `unsound` names the setting as furrowd's command line does.
/// Threads: values.
/// Source: docs/operations/connections.md says of each setting why it is what it is.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::storage {

struct pool_options {
  unsigned min = 0;      // kept open, also when nobody asks
  unsigned max = 8;      // opened as the load asks for them
  unsigned overflow = 4; // beyond max, while someone has waited for `overflow_after`
  std::chrono::milliseconds overflow_after{100};
  std::chrono::milliseconds acquire_timeout{5'000}; // a query waits so long for a connection
  std::chrono::milliseconds recycle_after{
    1'800'000};                                // then a connection is replaced when it is free
  std::chrono::milliseconds ping_after{5'000}; // one idle for so long is asked before it is used
  std::chrono::milliseconds check_interval{30'000}; // idle ones are asked so often
  std::chrono::milliseconds idle_after{60'000};     // beyond min, one idle for so long is closed
  unsigned attempts = 3;                     // to connect, in a row, before those who wait are told
  std::chrono::milliseconds backoff_min{50}; // between attempts; doubles, with jitter
  std::chrono::milliseconds backoff_max{5'000};
};

inline constexpr unsigned pool_connections_max = 200;
/// An overflow connection that nobody wants is closed after so long.
inline constexpr std::chrono::milliseconds overflow_idle{1'000};

/// "development" or "production"; nothing for another name.
[[nodiscard]] std::optional<pool_options> pool_profile(std::string_view name);

/// One line that names the setting, when they do not go together.
[[nodiscard]] std::optional<std::string> unsound(const pool_options& options);

/// Counters since the start, and how things are.
struct pool_numbers {
  std::size_t open = 0; // connections, those being opened left out
  std::size_t idle = 0;
  std::size_t in_use = 0;
  std::size_t overflow = 0; // of those open, how many beyond max
  std::size_t opening = 0;
  std::size_t waiting = 0; // jobs
  std::uint64_t acquired = 0;
  std::uint64_t waited = 0; // of those, how many waited at least 1 ms for one
  std::uint64_t timeouts = 0;
  std::uint64_t refused = 0; // because the database is away or set up wrongly
  std::uint64_t opened = 0;
  std::uint64_t overflow_opened = 0;
  std::uint64_t open_failures = 0;
  std::uint64_t server_full = 0; // of those, because the server takes no more
  std::uint64_t recycled = 0;
  std::uint64_t idle_closed = 0;
  std::uint64_t broken = 0; // found dead, or left in a state that cannot be reset
  std::uint64_t pings = 0;
  std::uint64_t pings_failed = 0;
};

} // namespace furrow::storage
