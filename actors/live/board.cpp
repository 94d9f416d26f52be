#include "actors/live/board.hpp"

#include <algorithm>
#include <iterator>

namespace furrow::actors {

std::shared_ptr<live_board::place> live_board::open(const std::string& farm,
                                                    const std::string& equipment,
                                                    const caf::actor_addr& owner) {
  const std::lock_guard lock{mutex_};
  auto made = std::make_shared<place>(farm, equipment, interest_locked({farm, equipment}), owner);
  const auto erase_ended = [](place_list& from) {
    std::erase_if(from, [](const auto& old) { return old.expired(); });
    return from.empty();
  };
  if (places_.size() >= sweep_at_) {
    erase_ended(places_);
    for (auto at = places_by_machine_.begin(); at != places_by_machine_.end();)
      at = erase_ended(at->second) ? places_by_machine_.erase(at) : std::next(at);
    sweep_at_ = std::max<std::size_t>(64, places_.size() * 2);
  }
  auto& of_machine = places_by_machine_[{farm, equipment}];
  erase_ended(of_machine);
  of_machine.push_back(made);
  places_.push_back(made);
  return made;
}

std::shared_ptr<machine_interest> live_board::interest_locked(machine_key key) {
  if (interests_.size() >= interests_sweep_at_) {
    std::erase_if(interests_, [](const auto& old) { return old.second.expired(); });
    interests_sweep_at_ = std::max<std::size_t>(64, interests_.size() * 2);
  }
  auto& known = interests_[std::move(key)];
  auto held = known.lock();
  if (held == nullptr) {
    held = std::make_shared<machine_interest>();
    known = held;
  }
  return held;
}

std::shared_ptr<machine_interest> live_board::interest_in(const std::string& farm,
                                                          const std::string& equipment) {
  const std::lock_guard lock{mutex_};
  return interest_locked({farm, equipment});
}

std::shared_ptr<machine_interest> live_board::interest_of(const std::string& farm,
                                                          const std::string& equipment) const {
  const std::lock_guard lock{mutex_};
  const auto found = interests_.find({farm, equipment});
  return found == interests_.end() ? nullptr : found->second.lock();
}

std::vector<std::shared_ptr<live_place>> live_board::places() const {
  std::vector<std::shared_ptr<live_place>> all;
  const std::lock_guard lock{mutex_};
  all.reserve(places_.size());
  for (const auto& weak : places_)
    if (auto one = weak.lock())
      all.push_back(std::move(one));
  return all;
}

std::vector<live_snapshot> live_board::all() const {
  std::vector<live_snapshot> snapshots;
  for (const auto& one : places())
    if (auto latest = one->latest())
      snapshots.push_back(std::move(latest));
  return snapshots;
}

live_board::machine_places live_board::held(const place_list& of) {
  machine_places found;
  for (const auto& weak : of)
    if (auto one = weak.lock())
      found.push_back(std::move(one));
  return found;
}

live_board::machine_places live_board::places_of(const std::string& farm,
                                                 const std::string& equipment) const {
  const std::lock_guard lock{mutex_};
  const auto known = places_by_machine_.find({farm, equipment});
  return known == places_by_machine_.end() ? machine_places{} : held(known->second);
}

std::vector<live_board::machine_places> live_board::places_from(const std::string& farm,
                                                                const std::string& after,
                                                                std::size_t count) const {
  std::vector<machine_places> found;
  const std::lock_guard lock{mutex_};
  for (auto at = places_by_machine_.upper_bound({farm, after});
       at != places_by_machine_.end() && at->first.first == farm && found.size() < count; ++at)
    if (auto places = held(at->second); !places.empty())
      found.push_back(std::move(places));
  return found;
}

std::vector<live_snapshot> live_board::of_farm(const std::string& farm) const {
  machine_places found;
  {
    const std::lock_guard lock{mutex_};
    for (auto at = places_by_machine_.lower_bound({farm, {}});
         at != places_by_machine_.end() && at->first.first == farm; ++at)
      for (const auto& weak : at->second)
        if (auto one = weak.lock())
          found.push_back(std::move(one));
  }
  std::vector<live_snapshot> snapshots;
  snapshots.reserve(found.size());
  for (const auto& one : found)
    if (auto latest = one->latest())
      snapshots.push_back(std::move(latest));
  return snapshots;
}

std::vector<live_snapshot> live_board::of(const std::string& farm,
                                          const std::string& equipment) const {
  std::vector<live_snapshot> snapshots;
  for (const auto& one : places_of(farm, equipment))
    if (auto latest = one->latest())
      snapshots.push_back(std::move(latest));
  return snapshots;
}

caf::actor_addr live_board::owner_of(const std::string& farm, const std::string& equipment) const {
  const auto all = places_of(farm, equipment);
  return all.empty() ? caf::actor_addr{} : all.back()->owner();
}

} // namespace furrow::actors
