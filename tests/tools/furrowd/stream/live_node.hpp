/// A fake node whose machines publish on places of their own, for tests of the live stream.
///
/// Threads: a test may publish while the stream looks.
#pragma once

#include "tests/support/fake_node.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace furrow::tests {

inline constexpr std::int64_t stream_time_us = 1'588'310'400'000'000;

/// A machine with an engine speed; nothing else is known.
inline actors::live_equipment
machine_of(const std::string& farm, const std::string& name, double engine_rpm) {
  actors::live_equipment made;
  made.farm = farm;
  made.equipment = name;
  made.connected = true;
  can::live_state state;
  state.engine_speed_rpm = can::observed<double>{engine_rpm, stream_time_us, 61'444, 0, 0};
  state.last_frame_us = stream_time_us;
  made.state = std::make_shared<const can::live_state>(state);
  return made;
}

inline actors::live_snapshot snapshot_of(actors::live_equipment machine) {
  return std::make_shared<const actors::live_equipment>(std::move(machine));
}

class live_node : public fake_node {
public:
  /// Publishes, on a new place where the machine has none.
  void show(const actors::live_equipment& machine) {
    auto place = place_of(machine.farm, machine.equipment);
    place->publish(snapshot_of(machine));
  }
  std::shared_ptr<actors::live_place> place_of(const std::string& farm, const std::string& name) {
    const std::scoped_lock lock{mutex_};
    for (const auto& one : places_)
      if (one->is_of(farm, name))
        return one;
    return places_.emplace_back(std::make_shared<actors::live_place>(farm, name));
  }
  void end(const std::string& farm, const std::string& name) {
    const std::scoped_lock lock{mutex_};
    std::erase_if(places_, [&](const auto& one) { return one->is_of(farm, name); });
  }
  [[nodiscard]] std::vector<std::shared_ptr<actors::live_place>> places() const override {
    const std::scoped_lock lock{mutex_};
    return places_;
  }
  /// That of the machine's place, where it has one.
  [[nodiscard]] std::shared_ptr<actors::machine_interest>
  interest_in(const std::string& farm, const std::string& name) override {
    const std::scoped_lock lock{mutex_};
    for (const auto& one : places_)
      if (one->is_of(farm, name))
        return {one, &one->interest()};
    return fake_node::interest_in(farm, name);
  }

private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<actors::live_place>> places_;
};

} // namespace furrow::tests
