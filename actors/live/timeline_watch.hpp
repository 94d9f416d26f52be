/// Notices that the database was failed over: its timeline is another one, and it may hold less than it did.
///
/// Shape: plain decisions. When a timeline is seen first, the streams are checked three times, because a server that was
///   replaced may still answer claims for a few seconds. A stream that was claimed under it costs nothing.
/// Threads: none of its own; the caller gives the time.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace furrow::actors {

class timeline_watch {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `known`: the timeline that was seen last; 0: none.
  explicit timeline_watch(std::uint64_t known = 0) : timeline_{known} {}

  /// Whether the streams are to be checked now.
  [[nodiscard]] bool look(std::uint64_t timeline, time_point now) {
    if (timeline > timeline_) {
      timeline_ = timeline;
      changed_at_ = now;
      done_ = 0;
    }
    if (done_ == checks.size() || now - changed_at_ < checks[done_])
      return false;
    ++done_;
    return true;
  }
  [[nodiscard]] std::uint64_t timeline() const { return timeline_; }

private:
  static constexpr std::array checks{std::chrono::seconds{0}, std::chrono::seconds{3},
                                     std::chrono::seconds{10}}; // after the change
  std::uint64_t timeline_;
  std::size_t done_ = checks.size();
  time_point changed_at_{};
};

} // namespace furrow::actors
