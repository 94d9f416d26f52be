/// The benchmarks, one function each: take the database and the settings, return the figures as JSON.
///
/// Errors: a run that did not end well gives an error and no figures.
#pragma once

#include "tools/furrow/bench/rig.hpp"

#include <string>

namespace furrow::cli::bench {

/// Compares SQL over blocks with SQL over rows that have an index on (equipment, time). PostgreSQL only.
[[nodiscard]] result<json>
bench_query(storage::bench_database& database, const ingest_plan& plan, progress& progress);

/// Frames per second that one core decodes in memory: with the live state, and with the shipped catalogue.
[[nodiscard]] result<json> bench_decode(double seconds, progress& progress);

struct connections_plan {
  std::uint32_t machines = 1'000;
  double seconds = 5;
};
/// The cost of idle sessions, each with its machine's actor.
[[nodiscard]] result<json> bench_connections(storage::bench_database& database,
                                             const connections_plan& plan,
                                             progress& progress);

struct live_plan {
  double rate = 1'000;      // frames per second
  double seconds = 10;      // of each way
  std::uint32_t others = 0; // machines that nobody watches, 100 frames/s each
};
/// The time from a frame at the standard input of a gateway to a client of the live stream, then to the answer over HTTP
/// that counts it, with the default settings of all programs.
[[nodiscard]] result<json>
bench_live(storage::bench_database& database, const live_plan& plan, progress& progress);

struct failover_plan {
  std::uint32_t nodes = 3;
  std::uint32_t machines = 60;
  double rate = 100;         // frames per second and machine
  std::uint32_t rounds = 10; // of each kind
};
/// How long machines wait for acks when their node is killed, stands still or drains. PostgreSQL only.
[[nodiscard]] result<json>
bench_failover(storage::bench_database& database, const failover_plan& plan, progress& progress);

/// Runs all benchmarks, and measures how the cost of ingest grows.
[[nodiscard]] result<json> bench_all(const target& target, bool quick, progress& progress);

} // namespace furrow::cli::bench
