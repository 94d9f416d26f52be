/// The time of day, for comparing with the times of frames. Actors wait by their own clock, never by this one.
#pragma once

#include <chrono>
#include <cstdint>

namespace furrow::actors {

/// Microseconds since 1970.
[[nodiscard]] inline std::int64_t wall_clock_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

/// A frame that is stamped so far ahead of this node's clock has a wrong clock.
inline constexpr std::chrono::hours clock_wrong_after{24};
inline constexpr std::int64_t clock_wrong_us = std::chrono::microseconds{clock_wrong_after}.count();

} // namespace furrow::actors
