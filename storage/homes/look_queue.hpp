/// Who waits until the directory was read again: a reading that is under way may have begun too early for them.
///
/// Shape: `add`, then `begin` with each reading and `end` with its end, and `late` some time after each `begin`. While
///   main stands still nobody waits for longer than two times `patience`.
/// Threads: none; its owner has a lock.
/// Limits: as many as there are questions.
#pragma once

#include "storage/errc.hpp"

#include <chrono>
#include <iterator>
#include <utility>
#include <vector>

namespace furrow::storage {

class look_queue {
public:
  using waiting = std::vector<handler<furrow::done>>;
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds patience{1};
  static constexpr std::chrono::milliseconds wake_after{
    1'020}; // when a reading that still goes on is late

  void add(handler<furrow::done> looked) { next_.push_back(std::move(looked)); }
  /// Somebody waits for a reading that has not begun.
  [[nodiscard]] bool wants_reading() const { return !next_.empty(); }
  void begin(time_point now) {
    since_ = now;
    std::move(next_.begin(), next_.end(), std::back_inserter(served_));
    next_.clear();
  }
  [[nodiscard]] waiting end() { return std::exchange(served_, {}); }
  /// While a reading is under way: those who have waited long enough for it.
  [[nodiscard]] waiting late(time_point now) { return now - since_ > patience ? all() : waiting{}; }
  [[nodiscard]] waiting all() {
    begin(since_);
    return end();
  }

private:
  waiting next_;
  waiting served_; // by the reading that is under way
  time_point since_{};
};

} // namespace furrow::storage
