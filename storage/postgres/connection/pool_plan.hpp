/// What a pool does next: which connection takes the oldest job, when one is opened, asked whether
/// it still stands, or closed, and who is refused. Decides; query_pool carries out.
///
/// Shape: tell it what has happened, then take actions from `next` until there is none, and ask
///   again at `wake_at`. Jobs are served and refused in the order in which they asked. The
///   connection used last is used next, so that the others grow old and can be closed.
/// Errors: a refusal says how long was waited, and names the setting, or why nothing can be opened.
/// Threads: one. Time is what the caller says it is.
/// Limits: max + overflow slots; the queue is bounded by the acquire time-out.
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
  open = 1,   // connect it; then opened() or open_failed()
  ping = 2,   // ask it; then checked()
  close = 3,  // at once
  refuse = 4, // the oldest job
};

struct pool_action {
  pool_step what = pool_step::run;
  std::size_t slot = 0;
  std::chrono::steady_clock::time_point asked{}; // run, refuse: when the job came
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
  /// The job on it has ended; not sound: it was closed, or must be.
  void freed(std::size_t slot, bool sound, time now);
  /// It was dead before the job began: the job is the oldest again.
  void was_dead(std::size_t slot, time asked, time now);
  /// The database is known to answer (another pool has connected): no need to wait for an attempt.
  void database_answers();

  [[nodiscard]] std::optional<pool_action> next(time now);
  /// When next() has something to say though nothing has happened; time::max() for never.
  [[nodiscard]] time wake_at() const;
  [[nodiscard]] pool_numbers numbers() const;
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
  [[nodiscard]] pool_action open_one();
  pool_action close_one(std::size_t at, std::uint64_t& counter);
  void become_idle(slot& one, time now);
  [[nodiscard]] failure timed_out(time now) const;
  [[nodiscard]] std::chrono::milliseconds jittered(std::chrono::milliseconds span);

  pool_options options_;
  std::vector<slot> slots_;
  std::deque<time> waiting_; // when each asked
  std::optional<failure> why_;
  open_fault fault_ = open_fault::away;
  unsigned failures_ = 0; // in a row
  time next_attempt_{};
  pool_numbers numbers_; // the counters of it
  std::minstd_rand random_;
};

} // namespace furrow::storage
