/// Decides what a query_pool does next: which connection takes the oldest job, when one is opened,
/// pinged or closed, and which job is refused.
///
/// Shape: report each event, then take actions from `next` until there is none, and ask again at
///   `wake_at`. Jobs are served and refused in order of arrival. The connection used last is used
///   next, so that the others stay idle and can be closed.
/// Errors: a refusal says how long the job waited, and names the setting, or why no connection can
///   be opened.
/// Threads: one. The caller passes the time.
/// Limits: max + overflow slots; the acquire time-out bounds the queue.
#pragma once

#include "storage/pool_options.hpp"
#include "storage/store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <vector>

namespace furrow::storage {

enum class pool_step : std::uint8_t {
  run = 0,    // the oldest job on this slot
  open = 1,   // connect it; then call opened() or open_failed()
  ping = 2,   // ping it; then call checked()
  close = 3,  // at once
  refuse = 4, // the oldest job
};

struct pool_action {
  pool_step what = pool_step::run;
  std::size_t slot = 0;
  std::chrono::steady_clock::time_point asked{}; // run, refuse: when the job arrived
  std::optional<failure> why{};                  // refuse
};

enum class open_fault : std::uint8_t { away = 0, full = 1, misconfigured = 2 };

class pool_plan {
public:
  using clock = std::chrono::steady_clock;
  using time = clock::time_point;

  explicit pool_plan(const pool_options& options, std::uint32_t seed = std::random_device{}());

  void asked(time now);
  void opened(std::size_t slot, time now);
  void open_failed(
    std::size_t slot, open_fault kind, failure why, std::chrono::nanoseconds took, time now);
  void checked(std::size_t slot, bool stands, time now);
  /// The job on it has ended; not sound: the connection was closed, or must be.
  void freed(std::size_t slot, bool sound, time now);
  /// The connection was dead before the job began: the job is the oldest again.
  void was_dead(std::size_t slot, time asked, time now);
  /// Another pool has connected, so the database answers: end the pause before an attempt.
  void database_answers();

  [[nodiscard]] std::optional<pool_action> next(time now);
  /// When next() may have an action without an event; time::max() for never.
  [[nodiscard]] time wake_at() const;
  [[nodiscard]] pool_numbers numbers() const;
  /// Of the connection that is idle for longest; nothing when none is.
  [[nodiscard]] std::optional<time> idle_since() const;
  /// That connection is closed for somebody else: its slot. Only when there is one.
  [[nodiscard]] std::size_t give_way();
  [[nodiscard]] std::size_t slots() const { return slots_.size(); }
  [[nodiscard]] std::chrono::milliseconds acquire_timeout() const {
    return options_.acquire_timeout;
  }

private:
  enum class state : std::uint8_t { closed, opening, idle, checking, busy };
  struct slot {
    state is = state::closed;
    time recycle_at{};
    time idle_since{};
    time proven_at{};    // last known to stand
    bool waited = false; // the job on it had to wait
  };

  [[nodiscard]] std::size_t count(state which) const;
  [[nodiscard]] std::size_t taken() const { return slots_.size() - count(state::closed); }
  [[nodiscard]] bool away(time now) const;
  [[nodiscard]] std::optional<pool_action> refusal(time now);
  [[nodiscard]] std::optional<pool_action> serve(time now);
  [[nodiscard]] std::optional<pool_action> grow(time now);
  [[nodiscard]] std::optional<pool_action> tend(time now);
  [[nodiscard]] std::optional<std::size_t> newest_idle() const;
  [[nodiscard]] std::optional<std::size_t> oldest_idle() const;
  [[nodiscard]] pool_action open_one();
  pool_action close_one(std::size_t at, std::uint64_t& counter);
  void become_idle(slot& one, time now);
  [[nodiscard]] failure timed_out(time now) const;
  [[nodiscard]] std::chrono::milliseconds jittered(std::chrono::milliseconds span);

  pool_options options_;
  std::vector<slot> slots_;
  std::deque<time> waiting_; // when each job arrived
  std::optional<failure> why_;
  open_fault fault_ = open_fault::away;
  unsigned failures_ = 0; // in a row
  time next_attempt_{};
  pool_numbers numbers_; // the counters of it
  std::minstd_rand random_;
};

} // namespace furrow::storage
