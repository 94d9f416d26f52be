#include "actors/live/interest.hpp"

#include <algorithm>

namespace furrow::actors {

void machine_interest::want(milliseconds interval, clock::time_point now) {
  if (interval >= idle)
    return;
  std::size_t step = 0;
  while (step + 1 < steps.size() && steps[step + 1] <= interval)
    ++step;
  const auto before = this->interval(now);
  until_[step].store((now + hold).time_since_epoch().count(), std::memory_order_relaxed);
  if (before <= steps[step])
    return;
  std::vector<std::shared_ptr<listener>> told;
  {
    const std::lock_guard lock{mutex_};
    for (const auto& weak : listeners_)
      if (auto one = weak.lock())
        told.push_back(std::move(one));
  }
  for (const auto& one : told)
    (*one)();
}

void machine_interest::asked(clock::time_point now) {
  const clock::time_point before{
    clock::duration{asked_at_.exchange(now.time_since_epoch().count(), std::memory_order_relaxed)}};
  want(std::min(std::chrono::duration_cast<milliseconds>(now - before), for_a_question), now);
}

std::chrono::milliseconds machine_interest::interval(clock::time_point now) const {
  const auto at = now.time_since_epoch().count();
  for (std::size_t step = 0; step < steps.size(); ++step)
    if (until_[step].load(std::memory_order_relaxed) > at)
      return steps[step];
  return idle;
}

void machine_interest::listen(const std::shared_ptr<listener>& told) {
  const std::lock_guard lock{mutex_};
  std::erase_if(listeners_, [](const auto& old) { return old.expired(); });
  listeners_.push_back(told);
}

} // namespace furrow::actors
