/// How forwarding stands, for those who show it: the sum over all databases of the node, each of which has a forwarder.
///
/// Threads: safe from any.
#pragma once

#include "actors/forward/forward_work.hpp"

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace furrow::actors {

class forward_board {
public:
  explicit forward_board(std::string target) : target_{std::move(target)} {}

  /// Of the database with this index in storage/homes/home_stores.hpp.
  void set(std::size_t home, forward_work::figures now) {
    const std::lock_guard lock{mutex_};
    homes_[home] = std::move(now);
  }
  /// The fault is that of the first database that has one.
  [[nodiscard]] forward_work::figures latest() const {
    forward_work::figures sum;
    const std::lock_guard lock{mutex_};
    for (const auto& [home, one] : homes_) {
      sum.streams_waiting += one.streams_waiting;
      sum.items_waiting += one.items_waiting;
      sum.lines += one.lines;
      sum.lines_claimed += one.lines_claimed;
      if (sum.fault.empty())
        sum.fault = one.fault;
    }
    return sum;
  }
  [[nodiscard]] const std::string& target() const { return target_; }

private:
  const std::string target_;
  mutable std::mutex mutex_;
  std::map<std::size_t, forward_work::figures> homes_;
};

} // namespace furrow::actors
