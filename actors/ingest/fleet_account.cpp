#include "actors/ingest/fleet_account.hpp"

namespace furrow::actors {

fleet_account::admission fleet_account::greet(const std::string& key, time_point now) {
  auto found = machines_.find(key);
  if (found == machines_.end()) {
    if (machines_.size() >= machines_max_)
      return admission::full;
    found = machines_.emplace(key, entry{}).first;
  }
  auto& machine = found->second;
  if (machine.quarantined_until && now < *machine.quarantined_until)
    return admission::quarantined;
  machine.quarantined_until.reset();
  if (std::exchange(machine.running, true))
    return admission::running;
  machine.deaths.started(now);
  return admission::start;
}

void fleet_account::released(const std::string& key) {
  auto& machine = machines_[key];
  machine.running = false;
  machine.deaths.forgive();
}

fleet_account::verdict fleet_account::died(const std::string& key, time_point now) {
  auto& machine = machines_[key];
  machine.running = false;
  if (machine.deaths.next(policy_, now))
    return verdict::awaits_gateway;
  machine.deaths.forgive();
  machine.quarantined_until = now + policy_.window;
  return verdict::quarantined;
}

} // namespace furrow::actors
