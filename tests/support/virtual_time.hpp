/// An actor system with virtual time: only the test advances it, and actors run on the test's thread.
///
/// Limits: every actor must end before the system is destroyed; `advance` moves in steps of 10 ms.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <algorithm>
#include <chrono>

namespace furrow::tests {

class virtual_system {
public:
  caf::actor_system& operator*() { return system_; }
  caf::actor_system* operator->() { return &system_; }

  /// Runs until no actor has a message left.
  void run() { scheduler().run(); }
  /// Advances the time; timers that are set meanwhile fire, too.
  void advance(std::chrono::milliseconds time) {
    run();
    while (time.count() > 0) {
      const auto step = std::min(time, std::chrono::milliseconds{10});
      scheduler().advance_time(step);
      run();
      time -= step;
    }
  }
  [[nodiscard]] std::chrono::steady_clock::time_point now() { return system_.clock().now(); }

private:
  struct settings : caf::actor_system_config {
    settings() { set("scheduler.policy", caf::atom("testing")); }
  };
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  }
  settings settings_;
  caf::actor_system system_{settings_};
};

} // namespace furrow::tests
