/// Measures when sent items become readable in the database: compares the watermark of one machine with the send times
/// that furrow-sim writes to a file.
///
/// Units: the monotonic clock, which all processes of a computer share; results in milliseconds.
/// Threads: one.
/// Limits: as exact as the interval between two checks; each check costs the server a small query.
#pragma once

#include "storage/bench/database.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::cli::bench {

class visible_watch {
public:
  visible_watch(storage::bench_database& database, std::string machine)
    : database_{database}, machine_{std::move(machine)} {}

  void look();
  [[nodiscard]] std::uint64_t seen() const { return seen_.empty() ? 0 : seen_.back().second; }
  /// p50, p99 and max over the blocks in the file that furrow-sim --probe wrote; null if there are none.
  [[nodiscard]] nlohmann::ordered_json latencies_ms(const std::string& sent_file) const;

private:
  storage::bench_database& database_;
  std::string machine_;
  std::vector<std::pair<std::int64_t, std::uint64_t>> seen_; // microseconds, watermark
};

} // namespace furrow::cli::bench
