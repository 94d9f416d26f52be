/// When a gateway sends a sample of the newest frames beside its backlog, and how large it is.
///
/// Shape: a gateway is behind when it connects with backlog_items or more; when what is new is not sent within
///   behind_after and the pace; or when it is not acked within unacked_after and the pace, as on a line that is too slow.
///   It is behind until what is new is acked in that time again. Meanwhile the first sample goes at once, and the others
///   once a second while people watch the machine, else in steps up to interval_idle.
/// Threads: a plain value.
/// Limits: a sample has at most sample_bytes_max, and after the first one at most a share of what the batches had since.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace furrow::edge {

class sample_pace {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using milliseconds = std::chrono::milliseconds;
  static constexpr std::chrono::seconds behind_after{2};
  static constexpr std::chrono::seconds unacked_after{5}; // a node may gather items for 2 s
  static constexpr std::uint64_t backlog_items = 1'024;
  static constexpr std::size_t sample_bytes_max = 8U << 10U;
  static constexpr std::size_t sample_bytes_least = 512;
  static constexpr std::size_t share = 5; // a sample has at most one byte for so many of batches
  static constexpr milliseconds interval_watched{1'000};
  static constexpr milliseconds interval_idle{10'000};
  static constexpr milliseconds again_after{250}; // when nothing was new, or the socket had no room

  struct standing {
    std::uint64_t next = 0; // the next item to send
    std::uint64_t last = 0; // the newest one
    std::uint64_t acked = 0;
  };
  /// A connection begins.
  void begin(time_point now, const standing& at) {
    *this = {};
    behind_ = at.next + backlog_items <= at.last + 1;
    mark_ = at.last;
    marked_at_ = now;
    due_at_ = now;
  }
  /// Looks at how long the newest items wait to be sent and acked. Returns whether the gateway is behind.
  bool look(time_point now, const standing& at, milliseconds pace) {
    const auto passed = now - marked_at_;
    if (at.acked >= mark_) {
      behind_ = behind_ && passed > unacked_after + pace;
      mark_ = at.last;
      marked_at_ = now;
      return behind_;
    }
    if (!behind_ && passed > (at.next <= mark_ ? behind_after : unacked_after) + pace) {
      behind_ = true;
      count_ = 0;
      due_at_ = now;
    }
    return behind_;
  }
  [[nodiscard]] bool behind() const { return behind_; }

  [[nodiscard]] bool is_due(time_point now, milliseconds pace) const {
    return behind_ && now >= at(pace) && room() >= sample_bytes_least;
  }
  /// Bytes that the sample may have.
  [[nodiscard]] std::size_t room() const {
    return count_ == 0 ? sample_bytes_max : std::min(sample_bytes_max, batch_bytes_ / share);
  }
  /// When to try; nothing while it waits for batches.
  [[nodiscard]] std::optional<time_point> due(milliseconds pace) const {
    if (!behind_ || room() < sample_bytes_least)
      return std::nullopt;
    return std::max(at(pace), not_before_);
  }
  void batch_sent(std::size_t bytes) { batch_bytes_ += bytes; }
  void sampled(time_point now) {
    ++count_;
    sampled_at_ = now;
    batch_bytes_ = 0;
  }
  /// Nothing was new.
  void nothing_new(time_point now) { due_at_ = not_before_ = now + again_after; }
  /// The caller will ask now; if it has no room, it is not woken at once again.
  void tick(time_point now) { not_before_ = now + again_after; }

private:
  [[nodiscard]] time_point at(milliseconds pace) const {
    if (count_ == 0)
      return due_at_;
    const auto idle = std::min(interval_idle, interval_watched * (1U << std::min(count_ - 1, 8U)));
    return std::max(due_at_, sampled_at_ + (pace < interval_watched ? interval_watched : idle));
  }

  bool behind_ = false;
  std::uint64_t mark_ = 0; // the newest item when it was looked at
  time_point marked_at_{};
  unsigned count_ = 0; // of samples, on this connection
  std::size_t batch_bytes_ = 0;
  time_point due_at_{};
  time_point sampled_at_{};
  time_point not_before_{};
};

} // namespace furrow::edge
