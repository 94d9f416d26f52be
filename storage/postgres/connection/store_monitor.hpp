/// Counts the work of the PostgreSQL store: statements with their times, rows, frames, and the
/// pool's peak.
///
/// Shape: plain numbers and one ring; `read` copies them. A statement costs two clock reads and
///   some additions; a frame costs nothing.
/// Units: times from the caller's steady clock.
/// Threads: the thread of the store's io_context.
/// Limits: the last 64 slow statements, 2,000 characters each; 60 seconds of windows.
#pragma once

#include "storage/activity.hpp"

#include <array>
#include <chrono>
#include <deque>
#include <string>
#include <string_view>

namespace furrow::storage {

/// The stored text of a slow statement: literals masked, white space collapsed.
[[nodiscard]] std::string masked_statement(std::string_view sql);

class store_monitor {
public:
  using clock = std::chrono::steady_clock;
  static constexpr std::size_t slow_kept_max = 64;
  static constexpr std::size_t statement_chars_max = 2'000;

  store_monitor(std::chrono::milliseconds slow_after, clock::time_point now);

  struct ended {
    std::string_view sql;
    std::string_view lane;
    std::chrono::nanoseconds took{0};
    std::uint64_t rows = 0;
    std::string_view error; // SQLSTATE, "lost" or empty
  };
  void statement(const ended& one, clock::time_point now);
  void frames_stored(std::uint64_t count, clock::time_point now);
  void acquired(std::chrono::nanoseconds waited, std::size_t in_use, clock::time_point now);
  void timed_out(clock::time_point now);
  void lane_opened() { ++lanes_; }
  void lane_closed() { --lanes_; }
  /// Connections that are open, those of the pool too.
  [[nodiscard]] std::size_t lanes_open() const { return lanes_; }

  /// Everything except the pool's own numbers and the limits.
  [[nodiscard]] store_activity read(clock::time_point now) const;

private:
  struct second {
    std::int64_t number = -1;
    std::uint64_t statements = 0;
    std::uint64_t failed = 0;
    std::uint64_t slow = 0;
    std::uint64_t timeouts = 0;
    std::uint64_t rows = 0;
    std::uint64_t frames = 0;
    std::size_t in_use_peak = 0;
  };
  [[nodiscard]] second& at(clock::time_point now);
  void keep_slow(const ended& one);

  clock::time_point begun_;
  std::array<second, 61> seconds_{}; // the running one, and 60 whole ones
  store_activity sums_;
  std::deque<slow_statement> slow_;
  std::size_t lanes_ = 0;
};

} // namespace furrow::storage
