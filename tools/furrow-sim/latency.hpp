/// How long something took, many times over, in buckets that are at most 3 % wide.
///
/// Units: microseconds.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstdint>

namespace furrow::sim {

class latency_histogram {
public:
  void add(std::chrono::steady_clock::duration taken, std::uint64_t items) {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(taken).count();
    const auto value = us > 0 ? static_cast<std::uint64_t>(us) : 0;
    counts_[bucket_of(value)] += items;
    total_ += items;
    max_us_ = value > max_us_ ? value : max_us_;
  }

  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] std::uint64_t max_us() const { return max_us_; }
  /// Returns the upper end of the bucket that holds this share of the items; 0 if there are no items.
  [[nodiscard]] std::uint64_t quantile_us(double share) const {
    auto left = static_cast<std::uint64_t>(static_cast<double>(total_) * share);
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] > left)
        return upper_of(i) < max_us_ ? upper_of(i) : max_us_;
      left -= counts_[i];
    }
    return max_us_;
  }

private:
  static constexpr unsigned steps_log2 = 5; // 32 buckets each time the value doubles
  static constexpr std::uint64_t steps = 1U << steps_log2;

  static std::size_t bucket_of(std::uint64_t value) {
    if (value < steps)
      return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - steps_log2;
    return (shift + 1) * steps + (value >> shift) - steps;
  }
  static std::uint64_t upper_of(std::size_t bucket) {
    if (bucket < steps)
      return bucket;
    const auto shift = bucket / steps - 1;
    return ((bucket % steps + steps + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (64 - steps_log2 + 1) * steps> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t max_us_ = 0;
};

} // namespace furrow::sim
