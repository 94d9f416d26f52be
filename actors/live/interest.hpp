/// Whether people watch a machine, and how fresh they want it: this decides how often its gateway sends.
///
/// Shape: a watcher calls `want` again and again; one that asks for the machine itself, again and again, calls `asked`. An
///   interest that nobody renews ends after `hold`, so short gaps between
///   two watchers change nothing. Intervals are rounded to `steps`; each step has a time at which its interest ends.
/// Threads: safe from any. `want` and `interval` read a few atomics. A mutex is taken only when the interval becomes shorter,
///   and when a session begins.
/// Limits: one entry for each step; listeners are the sessions of one machine.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace furrow::actors {

class machine_interest {
public:
  using clock = std::chrono::steady_clock;
  using milliseconds = std::chrono::milliseconds;
  using listener = std::function<void()>;
  /// Intervals between two batches of a gateway whose machine is watched.
  static constexpr std::array<milliseconds, 6> steps{milliseconds{10},  milliseconds{20},
                                                     milliseconds{50},  milliseconds{100},
                                                     milliseconds{200}, milliseconds{500}};
  /// The interval while nobody watches.
  static constexpr milliseconds idle{1'000};
  static constexpr std::chrono::seconds hold{5};
  static constexpr milliseconds for_a_question{100};

  machine_interest() = default;
  machine_interest(const machine_interest&) = delete;
  machine_interest& operator=(const machine_interest&) = delete;

  /// From now on, for `hold`, the machine is wanted at least this often. Nothing when `idle` is often enough.
  void want(milliseconds interval, clock::time_point now);
  /// Somebody has asked for the machine once. Who asks often wants it as often; a single question wants it for a while
  /// every `for_a_question`.
  void asked(clock::time_point now);
  /// How often the gateway shall send.
  [[nodiscard]] milliseconds interval(clock::time_point now) const;
  [[nodiscard]] bool watched(clock::time_point now) const { return interval(now) < idle; }
  /// `told` is called when the interval becomes shorter, on the thread of the watcher, for as long as its owner keeps it.
  /// That it becomes longer again is seen by asking.
  void listen(const std::shared_ptr<listener>& told);

private:
  std::array<std::atomic<clock::rep>, steps.size()> until_{}; // by step
  std::atomic<clock::rep> asked_at_{0};
  std::mutex mutex_;
  std::vector<std::weak_ptr<listener>> listeners_;
};

} // namespace furrow::actors
