#include "actors/live/board.hpp"

#include <algorithm>

namespace furrow::actors {

std::shared_ptr<live_board::place> live_board::open(const std::string& farm,
                                                    const std::string& equipment,
                                                    const caf::actor_addr& owner) {
  const std::lock_guard lock{mutex_};
  auto made = std::make_shared<place>(farm, equipment, interest_locked({farm, equipment}), owner);
  if (places_.size() >= sweep_at_) {
    std::erase_if(places_, [](const auto& old) { return old.expired(); });
    sweep_at_ = std::max<std::size_t>(64, places_.size() * 2);
  }
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

caf::actor_addr live_board::owner_of(const std::string& farm, const std::string& equipment) const {
  caf::actor_addr newest;
  const std::lock_guard lock{mutex_};
  for (const auto& weak : places_)
    if (const auto one = weak.lock(); one != nullptr && one->is_of(farm, equipment))
      newest = one->owner();
  return newest;
}

} // namespace furrow::actors
