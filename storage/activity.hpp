/// What a node's use of its database is like: pool, statements, rows and frames a second, slow
/// statements, alarms.
///
/// Shape: values, copied out of store_monitor when somebody asks. What was not measured is absent.
/// Units: in the names; latencies in seconds, as Prometheus has them.
/// Threads: values.
#pragma once

#include "storage/pool_options.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace furrow::storage {

/// Upper bounds of the buckets; the last one is without bound.
inline constexpr std::array<double, 16> latency_bounds_s{
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

struct latency_histogram {
  std::array<std::uint64_t, latency_bounds_s.size() + 1> counts{};
  double sum_s = 0;

  void add(std::chrono::nanoseconds took);
  [[nodiscard]] std::uint64_t count() const;
  /// The bound of the bucket that holds this part (0 to 1) of them; nothing when there are none, or
  /// beyond the last bound.
  [[nodiscard]] std::optional<double> quantile_s(double part) const;
};

struct slow_statement {
  std::string text; // literals are masked; parameters are never kept
  std::string lane; // application name of the connection
  std::int64_t at_us = 0;
  double took_s = 0;
  std::uint64_t rows = 0;
  std::string error; // SQLSTATE, "lost", or empty
};

/// Of the last `span_s` whole seconds.
struct recent_activity {
  std::uint32_t span_s = 60;
  std::uint64_t statements = 0;
  std::uint64_t failed = 0;
  std::uint64_t slow = 0;
  std::uint64_t timeouts = 0; // of queries that waited for a connection
  double rows_per_s = 0;
  double frames_per_s = 0;
  std::size_t in_use_peak = 0; // connections of the pool
};

struct store_activity {
  pool_options limits;
  pool_numbers pool;
  std::size_t in_use_peak = 0;                      // since the start
  std::size_t lanes = 0;                            // connections beside the pool that are open
  std::optional<std::size_t> connections_granted{}; // by the server, when fewer than wanted
  latency_histogram acquire;                        // wait for a connection of the pool
  latency_histogram statement;
  std::uint64_t statements = 0;
  std::uint64_t failed = 0;
  std::uint64_t slow = 0;
  std::uint64_t rows = 0;   // read and written
  std::uint64_t frames = 0; // stored
  std::uint64_t lock_timeouts = 0;
  std::uint64_t statement_timeouts = 0;
  std::uint64_t deadlocks = 0;
  std::uint64_t lost = 0; // connections lost under a statement
  std::chrono::milliseconds slow_after{0};
  std::chrono::milliseconds lock_timeout{0};
  std::chrono::milliseconds statement_timeout{0};
  std::chrono::seconds uptime{0};
  recent_activity recent;
  std::vector<slow_statement> slowest; // the last ones, newest first
};

struct alarm {
  std::string name;  // "pool", "statements", "errors", "digest"
  std::string owner; // who is to act: "database", "node"
  double value = 0;
  double limit = 0;
  std::string unit;
  std::string text; // one line
};

struct advice {
  std::string setting; // of furrowd, or of the server
  std::string change;  // "raise from 10 to 20"
  std::string because; // the facts
};

[[nodiscard]] std::vector<alarm> alarms_of(const store_activity& activity);
/// Only what the figures say: none of them, no advice.
[[nodiscard]] std::vector<advice> advice_of(const store_activity& activity);

} // namespace furrow::storage
