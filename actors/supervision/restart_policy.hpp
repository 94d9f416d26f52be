/// The limits of restarts, as data: how often a child may be restarted, and how long to wait before
/// the next restart.
///
/// Source: Erlang/OTP supervision principles (intensity and period). Upper levels keep small budgets,
///   because budgets multiply.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

namespace furrow::actors {

struct restart_policy {
  std::uint32_t restarts_max = 5;
  std::chrono::seconds window{30};
  std::chrono::milliseconds first_wait{50};
  std::chrono::milliseconds longest_wait{5'000};
  std::uint32_t failing_after = 3; // deaths within the window: the child keeps failing
  bool last_drains = false;        // with the last restart of the budget the node drains
  bool keeps_trying = false; // a spent budget ends nothing: restarts go on, longest_wait apart
};

/// One child's account of restarts. The window counts only the time in which the child ran, not the
/// waits before its restarts. Otherwise a child that dies soon after every start would never spend
/// its budget: its own waits would move earlier deaths out of the window.
class restart_account {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// The child runs again. Without this call the account counts all time.
  void started(time_point now);
  /// The child has died now. Returns the wait before its restart; nothing when the budget is spent.
  [[nodiscard]] std::optional<std::chrono::milliseconds> next(const restart_policy& policy,
                                                              time_point now);
  /// Restores the whole budget.
  void forgive() { recent_.clear(); }
  /// Deaths within the window, as of the last one.
  [[nodiscard]] std::uint32_t recent() const { return static_cast<std::uint32_t>(recent_.size()); }
  [[nodiscard]] std::uint32_t total() const { return total_; }

private:
  std::deque<time_point> recent_; // without the waits
  std::optional<time_point> died_;
  time_point::duration waited_{};
  std::uint32_t total_ = 0;
};

} // namespace furrow::actors
