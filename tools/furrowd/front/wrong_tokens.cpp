#include "tools/furrowd/front/wrong_tokens.hpp"

#include <algorithm>
#include <utility>

namespace furrow::http {

/// Makes room for one more address.
void wrong_tokens::forget(clock::time_point now) {
  std::erase_if(peers_,
                [now](const auto& one) { return now - one.second.last >= forgotten_after; });
  if (peers_.size() >= peers_max)
    peers_.erase(std::min_element(peers_.begin(), peers_.end(), [](const auto& a, const auto& b) {
      return a.second.last < b.second.last;
    }));
}

wrong_tokens::verdict wrong_tokens::note(const std::string& peer, clock::time_point now) {
  if (!peers_.contains(peer) && peers_.size() >= peers_max)
    forget(now);
  auto& known = peers_[peer];
  if (known.count > 0 && now - known.last >= forgotten_after)
    known.count = 0;
  known.last = now;
  ++known.count;
  ++untold_;
  verdict made;
  if (known.count > free_count) {
    made.wait = wait_max;
    if (const auto doublings = known.count - free_count - 1; doublings < 6)
      made.wait = std::min(wait_max, wait_min * (1 << doublings));
  }
  if (!told_ || now - *told_ >= told_every) {
    told_ = now;
    made.tell = std::exchange(untold_, 0);
  }
  return made;
}

} // namespace furrow::http
