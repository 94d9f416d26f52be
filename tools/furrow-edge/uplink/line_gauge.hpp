/// How much a gateway with a backlog has on its way, so that what is new never waits behind seconds of what is old: not in
/// this program, nor in the kernel, nor in a modem.
///
/// Shape: pings travel behind what is sent. A pong says that everything before its ping has arrived, and so how fast the
///   line is. The window is what the line carries in its own delay and queue_time. Batches are as large as the line
///   carries in batch_time.
/// Threads: a plain value.
/// Limits: about probes_max pings under way. The window is window_first until the rate is known, and then at least one
///   batch.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace furrow::edge {

class line_gauge {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = time_point::duration;
  static constexpr std::size_t window_first = 16U << 10U;
  static constexpr std::size_t batch_least = 4U << 10U;
  static constexpr std::chrono::milliseconds queue_time{500};
  static constexpr std::chrono::milliseconds batch_time{250};
  static constexpr std::chrono::milliseconds probe_interval{50};
  static constexpr std::size_t probes_max = 64;
  static constexpr std::size_t rates_kept = 8; // the line's rate is the best of so many

  void begin() {
    const auto asked = asked_;
    *this = {};
    asked_ = asked; // a late pong answers no later ping
  }

  /// So many bytes go to the line. The ping that is to follow them, if one is due; `must`: one is.
  [[nodiscard]] std::optional<std::uint64_t>
  sent(time_point now, std::size_t bytes, bool must = false) {
    if (sent_ == arrived_)
      arrived_at_ = now; // the line was idle
    sent_ += bytes;
    const bool due = probes_.empty() || now - probes_.back().at >= probe_interval;
    if (!must && has_room() && (!due || probes_.size() >= probes_max))
      return std::nullopt;
    probes_.push_back({nonce_flag | ++asked_, sent_, now, arrived_, arrived_at_});
    return probes_.back().nonce;
  }
  void heard(time_point now, std::uint64_t nonce) {
    const auto at = std::find_if(probes_.begin(), probes_.end(),
                                 [nonce](const probe& one) { return one.nonce == nonce; });
    if (at == probes_.end())
      return;
    using seconds = std::chrono::duration<double>;
    const auto took = std::max(now - at->arrived_at, duration{std::chrono::microseconds{100}});
    rates_[rate_at_++ % rates_kept] =
      static_cast<double>(at->sent - at->arrived) / seconds{took}.count();
    delay_ = std::min(delay_, now - at->at);
    arrived_ = at->sent;
    arrived_at_ = now;
    probes_.erase(probes_.begin(), at + 1);
  }
  /// Everything that was sent is acked.
  void all_arrived(time_point now) {
    arrived_ = sent_;
    arrived_at_ = now;
    probes_.clear();
  }

  [[nodiscard]] bool has_room() const { return sent_ - arrived_ < window(); }
  /// Bytes that were given to the line so far, and whether so many have arrived.
  [[nodiscard]] std::uint64_t sent() const { return sent_; }
  [[nodiscard]] bool has_arrived(std::uint64_t bytes) const { return arrived_ >= bytes; }
  /// The size of a batch, at most `most`.
  [[nodiscard]] std::size_t batch_bytes(std::size_t most) const {
    return std::min(most, std::max(batch_least, carried_in(batch_time)));
  }
  [[nodiscard]] std::size_t window() const {
    return rate_at_ == 0 ? window_first : std::max(batch_least, carried_in(delay_ + queue_time));
  }

private:
  struct probe {
    std::uint64_t nonce;
    std::uint64_t sent; // before it
    time_point at;
    std::uint64_t arrived; // when it was sent
    time_point arrived_at;
  };
  static constexpr std::uint64_t nonce_flag = std::uint64_t{1} << 63U; // no other ping has it

  [[nodiscard]] std::size_t carried_in(duration time) const {
    const auto rate = *std::max_element(rates_.begin(), rates_.end());
    constexpr double most = 1U << 30U;
    return static_cast<std::size_t>(
      std::min(most, rate * std::chrono::duration<double>{time}.count()));
  }

  std::uint64_t asked_ = 0; // pings so far
  std::uint64_t sent_ = 0;
  std::uint64_t arrived_ = 0;
  time_point arrived_at_{};                  // or since when the line is busy
  duration delay_ = std::chrono::seconds{1}; // the shortest so far, and at most this
  std::array<double, rates_kept> rates_{};   // bytes a second
  std::size_t rate_at_ = 0;
  std::deque<probe> probes_;
};

} // namespace furrow::edge
