/// Virtual time and chance of a simulated world: one thread, one seed.
///
/// Shape: `scheduler` runs tasks in the order of their times. A `process` is a program that can be killed or frozen: a
///   task that it has scheduled is lost when it dies, and waits while it is frozen. `dice` is all chance there is.
/// Threads: one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace furrow::simulation {

using clock = std::chrono::steady_clock;
using time_point = clock::time_point;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using task = std::function<void()>;

/// The same on every machine and with every standard library (splitmix64).
class dice {
public:
  explicit dice(std::uint64_t seed) : state_{seed} {}
  std::uint64_t next();
  /// 0 ... limit - 1.
  std::uint64_t below(std::uint64_t limit) { return next() % limit; }
  bool chance(double probability) {
    return static_cast<double>(next() >> 11U) < probability * 9007199254740992.0;
  }
  milliseconds between(milliseconds low, milliseconds high) {
    return low + milliseconds{below(static_cast<std::uint64_t>((high - low).count()) + 1)};
  }

  /// How far a clock is wrong: not at all, by seconds, or by up to an hour.
  milliseconds wrong_clock() {
    if (chance(0.5))
      return milliseconds{0};
    const milliseconds most = chance(0.6) ? milliseconds{6'000} : milliseconds{3'600'000};
    return between(-most, most);
  }

private:
  std::uint64_t state_;
};

class scheduler {
public:
  [[nodiscard]] time_point now() const { return now_; }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  void in(clock::duration after, task what);
  /// Runs the next task; false when none is due by then.
  bool step(time_point until);
  /// Drops all tasks: the world ends.
  void clear() { heap_.clear(); }

private:
  struct event {
    time_point at;
    std::uint64_t serial;
    task what;
  };
  static bool later(const event& a, const event& b) {
    return std::pair{a.at, a.serial} > std::pair{b.at, b.serial};
  }
  std::vector<event> heap_;
  time_point now_{std::chrono::hours{1'000}};
  std::uint64_t serials_ = 0;
  std::uint64_t steps_ = 0;
};

class process {
public:
  process(scheduler& time, std::string name) : time_{time}, name_{std::move(name)} {}

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool alive() const { return alive_; }
  [[nodiscard]] bool frozen() const { return frozen_; }
  [[nodiscard]] bool works() const { return alive_ && !frozen_; }
  /// The host lost power: nothing answers in its name until it starts again.
  [[nodiscard]] bool unplugged() const { return unplugged_; }
  /// Changes with every start and every death.
  [[nodiscard]] std::uint64_t life() const { return life_; }
  /// What its clock says; the clocks of two processes differ.
  [[nodiscard]] time_point local_now() const { return time_.now() + ahead_; }
  void set_clock(clock::duration ahead) {
    ahead_ = ahead;
    clock_set_ = time_.now();
  }
  [[nodiscard]] time_point clock_set() const { return clock_set_; }
  /// Since when it has run without a pause.
  [[nodiscard]] time_point awake_since() const { return awake_since_; }

  void start();
  void kill(bool unplug = false);
  void freeze() { frozen_ = alive_; }
  void thaw();
  void in(clock::duration after, task what);
  /// Now, or when the process is thawed.
  void run(task what);

private:
  void run_parked();

  scheduler& time_;
  std::string name_;
  bool alive_ = false;
  bool frozen_ = false;
  bool unplugged_ = false;
  std::uint64_t life_ = 0;
  time_point awake_since_{};
  clock::duration ahead_{0};
  time_point clock_set_{};
  std::deque<task> parked_;
};

} // namespace furrow::simulation
