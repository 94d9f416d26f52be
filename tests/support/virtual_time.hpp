/// An actor system whose time only the test moves, and whose actors run on the test's thread.
///
/// Limits: every actor must have ended before it is destroyed; `advance` moves in steps of 10 ms.
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

  /// Until no actor has a message left.
  void run() { scheduler().run(); }
  /// Lets that much time pass; timers that are set meanwhile fire as well.
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
