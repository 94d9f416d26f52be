/// What the HTTP front and its cache did in the last minute, from counters that only grow.
///
/// Shape: `note` takes the counters as they are now, at least every few seconds, and gives the difference to those of a
///   minute ago.
/// Threads: any.
/// Limits: one sample a second is kept, for a minute.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>

namespace furrow::http {

struct front_counters {
  std::uint64_t lookups = 0; // in the cache
  std::uint64_t misses = 0;
  std::uint64_t gave_way = 0; // connections
  std::uint64_t refused = 0;
};

struct front_figures {
  front_counters recent; // of the last minute
  std::size_t connections = 0;
  std::size_t connections_max = 0; // 0: not known
};

class front_watch {
public:
  using clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds span{60};

  [[nodiscard]] front_counters note(const front_counters& now, clock::time_point at);

private:
  struct sample {
    clock::time_point at;
    front_counters counters;
  };
  std::mutex mutex_;
  std::deque<sample> samples_;
};

} // namespace furrow::http
