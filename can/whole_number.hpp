/// A whole number of up to 64 bits and its sign: what a double, which holds 53 bits, would round.
///
/// Threads: plain values.
#pragma once

#include <compare>
#include <cstdint>

namespace furrow::can {

struct whole_number {
  bool negative = false;
  std::uint64_t magnitude = 0;

  friend bool operator==(const whole_number&, const whole_number&) = default;
  friend constexpr std::strong_ordering operator<=>(const whole_number& left,
                                                    const whole_number& right) {
    if (left.negative != right.negative)
      return right.negative <=> left.negative;
    return left.negative ? right.magnitude <=> left.magnitude : left.magnitude <=> right.magnitude;
  }
};

/// From here on a double may be another whole number than the one that was meant: 2^53.
inline constexpr double whole_double_max = 9'007'199'254'740'992;

} // namespace furrow::can
