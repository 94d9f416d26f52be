/// When a gateway sends what is new: it follows the pace of the node, so that a node whose people watch nothing gets few
/// and large messages.
///
/// Shape: a burst takes everything that is there when it begins, in as many batches as needed. From one burst to the next
///   passes the interval. Nothing waits when much waits already, or when something is urgent. The first item after a
///   longer silence goes at once.
/// Threads: a plain value.
/// Limits: interval_longest; burst_items wait at most.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace furrow::edge {

class send_pace {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using milliseconds = std::chrono::milliseconds;
  static constexpr milliseconds interval_longest{10'000};
  static constexpr std::uint64_t burst_items = 4'096;

  /// `pinned`: an interval of the gateway's own; the node's then counts for nothing.
  explicit send_pace(std::optional<milliseconds> pinned = {}) : pinned_{pinned} { begin(); }

  /// A new connection: a node of an older version says nothing, and gets everything at once.
  void begin() {
    interval_ = pinned_.value_or(milliseconds{0});
    burst_to_ = 0;
    begun_at_.reset();
  }
  void set(milliseconds interval) {
    if (!pinned_)
      interval_ = std::min(interval, interval_longest);
  }
  /// What is there, or comes next, does not wait.
  void hurry() { urgent_ = true; }
  /// The items below were sent and are needed again: they do not wait.
  void again_from(std::uint64_t seq, std::uint64_t last) {
    if (seq <= last)
      burst_to_ = std::max(burst_to_, last);
  }

  [[nodiscard]] milliseconds interval() const { return interval_; }
  /// Whether `next`, the next item to send, may go now; `last` is the newest item.
  [[nodiscard]] bool may_send(time_point now, std::uint64_t next, std::uint64_t last) {
    if (next > last)
      return false;
    if (next <= burst_to_) {
      begun_at_ = begun_at_.value_or(now);
      return true;
    }
    const bool waits =
      !urgent_ && last - next + 1 < burst_items && begun_at_ && now < *begun_at_ + interval_;
    if (waits)
      return false;
    urgent_ = false;
    burst_to_ = last;
    begun_at_ = now;
    return true;
  }
  /// When items that wait may go; nothing while none waits for the time.
  [[nodiscard]] std::optional<time_point> due(std::uint64_t next, std::uint64_t last) const {
    if (interval_.count() == 0 || next > last || next <= burst_to_ || !begun_at_)
      return std::nullopt;
    return *begun_at_ + interval_;
  }

private:
  std::optional<milliseconds> pinned_;
  milliseconds interval_{0};
  std::uint64_t burst_to_ = 0; // the newest item of the burst
  std::optional<time_point> begun_at_;
  bool urgent_ = false;
};

} // namespace furrow::edge
