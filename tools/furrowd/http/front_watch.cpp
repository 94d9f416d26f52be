#include "tools/furrowd/http/front_watch.hpp"

namespace furrow::http {

front_counters front_watch::note(const front_counters& now, clock::time_point at) {
  const std::scoped_lock lock{mutex_};
  // The newest sample of at least a minute ago stays: the difference to it is that of the last minute.
  while (samples_.size() > 1 && at - samples_[1].at >= span)
    samples_.pop_front();
  if (samples_.empty() || at - samples_.back().at >= std::chrono::seconds{1})
    samples_.push_back({at, samples_.empty() ? front_counters{} : now});
  const auto& then = samples_.front().counters;
  return {now.lookups - then.lookups, now.misses - then.misses, now.gave_way - then.gave_way,
          now.refused - then.refused};
}

} // namespace furrow::http
