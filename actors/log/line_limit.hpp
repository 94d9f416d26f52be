/// Keeps a flood of like lines out of the log: a bucket of lines that fills again, and the number of those left out.
///
/// Threads: one.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace furrow::log {

class line_limit {
public:
  using time_point = std::chrono::steady_clock::time_point;

  line_limit(double lines_max, double lines_a_second)
    : lines_max_{lines_max}, lines_a_second_{lines_a_second}, left_{lines_max} {}

  /// How many lines were left out since the last one, when this line may be written.
  [[nodiscard]] std::optional<std::uint64_t> admit(time_point now) {
    fill(now);
    if (left_ < 1) {
      ++left_out_;
      return std::nullopt;
    }
    left_ -= 1;
    return std::exchange(left_out_, 0);
  }

  /// The same when the flood has ended: 0 when there is nothing to tell, or not yet.
  [[nodiscard]] std::uint64_t left_out(time_point now) {
    fill(now);
    return left_ < 1 ? 0 : std::exchange(left_out_, 0);
  }

private:
  void fill(time_point now) {
    const auto passed = std::chrono::duration<double>(now - at_).count();
    left_ = std::min(lines_max_, left_ + std::max(passed, 0.0) * lines_a_second_);
    at_ = now;
  }

  double lines_max_;
  double lines_a_second_;
  double left_;
  time_point at_{};
  std::uint64_t left_out_ = 0;
};

} // namespace furrow::log
