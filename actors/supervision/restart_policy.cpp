#include "actors/supervision/restart_policy.hpp"

#include <algorithm>

namespace furrow::actors {

void restart_account::started(time_point now) {
  if (died_)
    waited_ += now - *died_;
  died_.reset();
}

std::optional<std::chrono::milliseconds> restart_account::next(const restart_policy& policy,
                                                               time_point now) {
  died_ = now;
  now -= waited_;
  while (!recent_.empty() && now - recent_.front() > policy.window)
    recent_.pop_front();
  if (recent_.size() >= policy.restarts_max)
    return std::nullopt;
  auto wait = policy.first_wait;
  for (std::size_t i = 0; i < recent_.size() && wait < policy.longest_wait; ++i)
    wait *= 2;
  recent_.push_back(now);
  ++total_;
  return std::min(wait, policy.longest_wait);
}

} // namespace furrow::actors
