/// Figures on a node's use of its database: pool, statements, rows and frames per second, slow
/// statements, alarms.
///
/// Shape: values that the store_monitor copies on request. An unmeasured figure is absent.
/// Units: in the names; latencies in seconds, as in Prometheus.
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

/// Upper bounds of the buckets; the last bucket has no upper bound.
inline constexpr std::array<double, 16> latency_bounds_s{
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

struct latency_histogram {
  std::array<std::uint64_t, latency_bounds_s.size() + 1> counts{};
  double sum_s = 0;

  void add(std::chrono::nanoseconds took);
  [[nodiscard]] std::uint64_t count() const;
  /// The upper bound of the bucket that holds this quantile (0 to 1). Absent when the histogram is
  /// empty or the quantile lies in the last bucket.
  [[nodiscard]] std::optional<double> quantile_s(double part) const;
};

struct slow_statement {
  std::string text; // literals are masked; parameters are not kept
  std::string lane; // application name of the connection
  std::int64_t at_us = 0;
  double took_s = 0;
  std::uint64_t rows = 0;
  std::string error; // SQLSTATE, "lost", or empty
};

/// Over the last `span_s` whole seconds.
struct recent_activity {
  std::uint32_t span_s = 60;
  std::uint64_t statements = 0;
  std::uint64_t failed = 0;
  std::uint64_t slow = 0;
  std::uint64_t timeouts = 0; // queries that found no connection in time
  double rows_per_s = 0;
  double frames_per_s = 0;
  std::size_t in_use_peak = 0; // pool connections
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
  std::uint64_t lost = 0; // connections lost during a statement
  std::chrono::milliseconds slow_after{0};
  std::chrono::milliseconds lock_timeout{0};
  std::chrono::milliseconds statement_timeout{0};
  std::chrono::seconds uptime{0};
  recent_activity recent;
  std::vector<slow_statement> slowest; // the most recent ones, newest first
};

struct alarm {
  std::string name;  // "pool", "statements", "errors", "digest"
  std::string owner; // who must act: "database", "node"
  double value = 0;
  double limit = 0;
  std::string unit;
  std::string text; // one line
};

struct advice {
  std::string setting; // of furrowd or of the server
  std::string change;  // "raise from 10 to 20"
  std::string because; // the measured reason
};

[[nodiscard]] std::vector<alarm> alarms_of(const store_activity& activity);
/// Advice that the figures support; empty when they support none.
[[nodiscard]] std::vector<advice> advice_of(const store_activity& activity);

} // namespace furrow::storage
