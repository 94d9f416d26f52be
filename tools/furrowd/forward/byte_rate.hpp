/// A limit of bytes a second, with a second of bytes at once at most.
///
/// Shape: a token bucket. A batch that takes more than there is leaves a debt, and no other batch goes until it is paid.
///   Samples of the newest frames go before batches, up to a debt of a second. All of them together have a share of the
///   rate. Half of what they may have at once is for machines that people watch. Of the lines that wait with a sample, the
///   one whose last sample is the oldest goes first. One of a machine that nobody watches counts as watched for its next
///   sample when it has waited for idle_waits, but no two such samples follow each other. A line asks when it could go,
///   so not while it reads: one that has not asked for waits_for holds up no other, and keeps its place.
/// Threads: a plain value; one thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

namespace furrow::daemon {

class byte_rate {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// The place of a line among those that wait with a sample.
  struct sample_turn {
    std::uint64_t place = 0;              // the lowest goes first
    std::optional<time_point> refused_at; // first, since its last sample
    bool is_late = false;                 // nobody watches it, and it counts as watched
  };

  /// 0: no limit.
  explicit byte_rate(std::uint64_t bytes_a_second)
    : rate_{static_cast<double>(bytes_a_second)}, held_{rate_} {}

  [[nodiscard]] bool limited() const { return rate_ > 0; }
  [[nodiscard]] bool open(time_point now) {
    fill(now);
    return rate_ == 0 || held_ > 0;
  }
  [[nodiscard]] bool open_for_sample(time_point now, bool watched, sample_turn& turn) {
    fill(now);
    if (rate_ == 0)
      return true;
    turn.is_late =
      !watched && !late_went_ && turn.refused_at && now >= *turn.refused_at + idle_waits;
    watched = watched || turn.is_late;
    auto& first = watched ? first_watched_ : first_idle_;
    const bool gives_way =
      first.asked_at && now < *first.asked_at + waits_for && first.place < turn.place;
    const bool has_room =
      held_ > -rate_ && samples_held_ > (watched ? 0 : rate_ / samples_at_once / 2);
    if (has_room && !gives_way)
      return true;
    turn.refused_at = turn.refused_at.value_or(now);
    if (!gives_way)
      first = {turn.place, now};
    return false;
  }
  /// The size of a batch that leaves a short debt.
  [[nodiscard]] std::size_t batch_bytes_max() const {
    return rate_ == 0 ? std::numeric_limits<std::size_t>::max()
                      : std::max(batch_least, static_cast<std::size_t>(rate_ / batches_a_second));
  }
  /// What a sample may take. One of a machine that nobody watches leaves the half that it may not have.
  [[nodiscard]] std::size_t sample_bytes_max(bool watched) const {
    const auto bytes = rate_ / samples_at_once / (watched ? 1 : 2);
    return rate_ == 0 ? std::numeric_limits<std::size_t>::max()
                      : std::max(sample_least, static_cast<std::size_t>(bytes));
  }
  /// Of a batch.
  void take(std::uint64_t bytes, time_point now) {
    fill(now);
    held_ -= static_cast<double>(bytes);
    taken_ += bytes;
  }
  void take_sample(std::uint64_t bytes, time_point now, sample_turn& turn) {
    fill(now);
    held_ -= static_cast<double>(bytes);
    samples_held_ -= static_cast<double>(bytes);
    late_went_ = turn.is_late;
    pass_sample(turn);
    turn.place = ++places_;
  }
  /// The line might have gone, and has nothing: another one may go now. It keeps its place.
  void pass_sample(sample_turn& turn) {
    for (auto* first : {&first_watched_, &first_idle_})
      if (first->place == turn.place)
        first->asked_at.reset();
    turn.refused_at.reset();
    turn.is_late = false;
  }
  /// Bytes of all batches so far.
  [[nodiscard]] std::uint64_t taken() const { return taken_; }
  /// Until `open`, at least.
  [[nodiscard]] std::chrono::milliseconds wait(time_point now) {
    fill(now);
    if (rate_ == 0 || held_ > 0)
      return std::chrono::milliseconds{0};
    return std::chrono::milliseconds{static_cast<std::int64_t>(-held_ / rate_ * 1'000) + 1};
  }

  static constexpr std::chrono::seconds idle_waits{30};

private:
  static constexpr std::size_t batch_least = 2U << 10U;
  static constexpr double batches_a_second = 4;
  static constexpr std::size_t sample_least = 512;
  static constexpr double samples_share = 6;                 // of the rate
  static constexpr double samples_at_once = 3;               // the share of two seconds
  static constexpr std::chrono::milliseconds waits_for{750}; // a line asks every 250 ms, and reads

  /// The line that waits for room, and whose last sample is the oldest.
  struct waiting {
    std::uint64_t place = 0;
    std::optional<time_point> asked_at;
  };

  void fill(time_point now) {
    if (filled_ != time_point{}) {
      const auto more = rate_ * std::chrono::duration<double>(now - filled_).count();
      held_ = std::min(rate_, held_ + more);
      samples_held_ = std::min(rate_ / samples_at_once, samples_held_ + more / samples_share);
    }
    filled_ = now;
  }

  double rate_;
  double held_; // below 0: a debt
  double samples_held_ = rate_ / samples_at_once;
  waiting first_watched_;
  waiting first_idle_;
  bool late_went_ = false; // the last sample was one of these
  std::uint64_t places_ = 0;
  std::uint64_t taken_ = 0;
  time_point filled_{};
};

} // namespace furrow::daemon
