/// What is too much for every snapshot of a machine, and its actor tells on request: faults, ECUs and implements.
///
/// Threads: safe from any; the answer comes on a thread of the actor system and must not block it.
/// Errors: nothing when the machine has no actor.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace furrow::can {
struct machine_report; // can/live/machine_monitor.hpp
} // namespace furrow::can

namespace furrow::actors {

class machine_reports {
public:
  machine_reports() = default;
  machine_reports(const machine_reports&) = delete;
  machine_reports& operator=(const machine_reports&) = delete;
  virtual ~machine_reports() = default;

  virtual void look_at(std::string farm,
                       std::string equipment,
                       std::function<void(std::optional<can::machine_report>)> done) = 0;
};

} // namespace furrow::actors
