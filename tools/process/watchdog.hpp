/// Decides when the watchdog of the service manager is fed: when a message went through every thread that must work, and
/// came back in time.
///
/// Shape: one round trip at a time. A thread that hangs holds the round trip up: no other begins, nothing is fed, and the
///   service manager ends the process.
/// Threads: one; the caller gives the time.
#pragma once

#include <chrono>
#include <optional>
#include <utility>

namespace furrow {

class watchdog {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `period`: the service manager waits so long for a sign of life.
  explicit watchdog(std::chrono::microseconds period) : period_{period} {}

  /// Whether a round trip begins now: not while the last one is under way.
  [[nodiscard]] bool begins(time_point now) {
    if (began_)
      return false;
    began_ = now;
    return true;
  }

  /// The round trip is over. Whether that is a sign of life: not when it took longer than the period.
  [[nodiscard]] bool came_back(time_point now) {
    const auto began = std::exchange(began_, std::nullopt);
    return began && now - *began <= period_;
  }

private:
  std::chrono::microseconds period_;
  std::optional<time_point> began_;
};

} // namespace furrow
