// What clients of the stream see becomes an interest in machines, so that their gateways send often enough.
#include "tools/furrowd/stream/live_stream.hpp"

#include <algorithm>

namespace furrow::http {

namespace {

using actors::machine_interest;

constexpr std::chrono::milliseconds shown_again{1'000};
constexpr std::chrono::milliseconds shown_again_longest{machine_interest::hold / 2};
constexpr std::size_t comparisons_ms =
  2'000; // of a machine with a view; so it takes a small part of the thread
/// Machines at other nodes are asked for once a second: to hurry them further shows nothing.
constexpr std::chrono::milliseconds elsewhere_least{200};

} // namespace

/// Once a second, and when a view or a machine is new.
void live_stream::show_interest(farm_state& farm, clock::time_point now) {
  const auto& machines = farm.fleet.machines();
  const std::chrono::milliseconds cost{farm.views.size() * machines.size() / comparisons_ms};
  farm.interest_due = now + std::clamp(cost, shown_again, shown_again_longest);
  farm.interest_earliest = now + std::min(cost, shown_again_longest);
  farm.wanted.clear();
  std::vector<const std::string*> seen;
  for (const auto& [key, one] : farm.views) {
    const auto& wanted = one.view->wanted();
    seen.clear();
    for (const auto& [machine, known] : machines)
      if (!known.gone() && wanted.covers(machine))
        seen.push_back(&machine);
    const auto interval = wanted.interval_for(seen.size());
    if (interval >= machine_interest::idle)
      continue;
    for (const auto* machine : seen) {
      auto& shortest = farm.wanted.try_emplace(*machine, interval).first->second;
      shortest = std::min(shortest, interval);
    }
  }
  for (const auto& [machine, interval] : farm.wanted)
    if (const auto found = farm.places.find(machine); found != farm.places.end())
      if (const auto place = found->second.place.lock())
        place->interest().want(interval, now);
}

/// The watched machines that other nodes show.
std::vector<proto::link::watched_machine>
live_stream::watched_elsewhere(const farm_state& farm) const {
  std::vector<proto::link::watched_machine> list;
  for (const auto& [machine, interval] : farm.wanted) {
    if (list.size() == proto::link::watched_max)
      break;
    const auto known = farm.fleet.machines().find(machine);
    if (known != farm.fleet.machines().end() && known->second.node != settings_.node_name)
      list.push_back(
        {machine, static_cast<std::uint32_t>(std::max(interval, elsewhere_least).count())});
  }
  return list;
}

} // namespace furrow::http
