#include "tools/furrowd/access/failed_attempts.hpp"

#include <algorithm>
#include <utility>

namespace furrow::daemon {

/// Makes room for one more key.
void failed_attempts::forget(clock::time_point now) {
  std::erase_if(keys_,
                [&](const auto& one) { return now - one.second.last >= limits_.forgotten_after; });
  if (keys_.size() >= keys_max)
    keys_.erase(std::min_element(keys_.begin(), keys_.end(), [](const auto& a, const auto& b) {
      return a.second.last < b.second.last;
    }));
}

std::chrono::milliseconds failed_attempts::wait_after(std::uint64_t count) const {
  if (count <= limits_.free_count)
    return std::chrono::milliseconds{0};
  auto wait = limits_.wait_min;
  for (auto more = count - limits_.free_count - 1; more > 0 && wait < limits_.wait_max; --more)
    wait *= 2;
  return std::min(wait, limits_.wait_max);
}

failed_attempts::verdict failed_attempts::note(const std::string& key, clock::time_point now) {
  if (!keys_.contains(key) && keys_.size() >= keys_max)
    forget(now);
  auto& known = keys_[key];
  if (known.count > 0 && now - known.last >= limits_.forgotten_after)
    known.count = 0;
  known.last = now;
  ++known.count;
  ++untold_;
  verdict made;
  made.wait = wait_after(known.count);
  if (!told_ || now - *told_ >= told_every) {
    told_ = now;
    made.tell = std::exchange(untold_, 0);
  }
  return made;
}

std::chrono::milliseconds failed_attempts::wait_of(const std::string& key,
                                                   clock::time_point now) const {
  const auto found = keys_.find(key);
  if (found == keys_.end() || now - found->second.last >= limits_.forgotten_after)
    return std::chrono::milliseconds{0};
  const auto left = found->second.last + wait_after(found->second.count) - now;
  return std::max(std::chrono::milliseconds{0}, std::chrono::ceil<std::chrono::milliseconds>(left));
}

} // namespace furrow::daemon
