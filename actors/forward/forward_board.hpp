/// How forwarding stands, for those who show it.
///
/// Threads: safe from any.
#pragma once

#include "actors/forward/forward_work.hpp"

#include <mutex>
#include <string>
#include <utility>

namespace furrow::actors {

class forward_board {
public:
  explicit forward_board(std::string target) : target_{std::move(target)} {}

  void set(forward_work::figures now) {
    const std::lock_guard lock{mutex_};
    figures_ = std::move(now);
  }
  [[nodiscard]] forward_work::figures latest() const {
    const std::lock_guard lock{mutex_};
    return figures_;
  }
  [[nodiscard]] const std::string& target() const { return target_; }

private:
  const std::string target_;
  mutable std::mutex mutex_;
  forward_work::figures figures_;
};

} // namespace furrow::actors
