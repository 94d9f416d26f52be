/// When the packed items of a stream go to the database. A large block, or one of a machine that somebody reads, waits for
/// `shortest`. A small one waits for up to `longest`, so that a slow machine makes few blocks and few transactions.
///
/// Shape: the owner reports what is packed after each event, and learns whether to flush, and when to look again.
/// Threads: owned by one actor.
/// Limits: no item waits for longer than `longest`. With more than half of the node's memory in use no block waits for
///   longer than `shortest`; the wait begins to shrink at a quarter.
/// Source: docs/decisions/0036-blocks-that-follow-the-pace.md.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace furrow::actors {

struct flush_limits {
  std::chrono::milliseconds shortest{150};
  std::chrono::milliseconds longest{150};
  std::uint64_t items_enough = 256;       // of which a block is large
  std::size_t bytes_enough = 256U << 10U; // of memory leased for them
};

class flush_pace {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using milliseconds = std::chrono::milliseconds;

  struct packed {
    std::uint64_t items = 0;
    std::size_t bytes = 0;
    bool hurried = false;   // somebody reads this machine, or its gateway is about to leave
    double memory_used = 0; // share of the node's budget
  };

  explicit flush_pace(const flush_limits& limits) : limits_{limits} {}

  /// Nothing is packed (any more).
  void emptied() { since_.reset(); }
  /// Whether what is packed is to be flushed now.
  [[nodiscard]] bool is_due(const packed& what, time_point now) {
    if (!since_)
      since_ = now;
    due_ = *since_ + wait(what);
    return now >= due_;
  }
  /// How long until the owner must look again; nothing when a timer for that is set already.
  [[nodiscard]] std::optional<std::chrono::steady_clock::duration> next_look(time_point now) {
    if (!since_ || (timer_at_ && *timer_at_ <= due_ && *timer_at_ > now))
      return std::nullopt;
    timer_at_ = due_;
    return due_ - now;
  }
  /// How long a block that is flushed now may gather with those of other machines.
  [[nodiscard]] milliseconds patience(time_point now) const {
    if (!since_ || now - *since_ < 2 * limits_.shortest)
      return milliseconds{0};
    return std::min(std::chrono::duration_cast<milliseconds>(now - *since_) / 4,
                    limits_.longest / 8);
  }

private:
  [[nodiscard]] milliseconds wait(const packed& what) const {
    constexpr double roomy = 0.25;
    constexpr double tight = 0.5;
    if (what.hurried || what.items >= limits_.items_enough || what.bytes >= limits_.bytes_enough
        || limits_.longest <= limits_.shortest)
      return limits_.shortest;
    const auto room = std::clamp((tight - what.memory_used) / (tight - roomy), 0.0, 1.0);
    const auto more = static_cast<double>((limits_.longest - limits_.shortest).count());
    return limits_.shortest + milliseconds{static_cast<std::int64_t>(more * room)};
  }

  flush_limits limits_;
  std::optional<time_point> since_; // when the oldest packed item came
  time_point due_{};
  std::optional<time_point> timer_at_; // the earliest timer that has not fired
};

} // namespace furrow::actors
