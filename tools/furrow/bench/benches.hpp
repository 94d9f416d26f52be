/// The benchmarks, one function each: what is measured in, figures in JSON out.
///
/// Errors: a run that did not end well is no figure.
#pragma once

#include "tools/furrow/bench/rig.hpp"

#include <string>

namespace furrow::cli::bench {

/// SQL over blocks beside the same over rows with an index on (equipment, time). PostgreSQL only.
[[nodiscard]] result<json>
bench_query(storage::bench_database& database, const ingest_plan& plan, progress& progress);

/// Frames a second of one core through the live state and through the shipped catalogue, in memory.
[[nodiscard]] result<json> bench_decode(double seconds, progress& progress);

struct connections_plan {
  std::uint32_t machines = 1'000;
  double seconds = 5;
};
/// What idle sessions hold, each with its machine's actor.
[[nodiscard]] result<json> bench_connections(storage::bench_database& database,
                                             const connections_plan& plan,
                                             progress& progress);

/// All of them, and how the cost of ingest grows.
[[nodiscard]] result<json> bench_all(const target& target, bool quick, progress& progress);

} // namespace furrow::cli::bench
