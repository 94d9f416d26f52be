#include "tools/furrowd/front/wrong_tokens.hpp"

#include <algorithm>

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

std::chrono::milliseconds wrong_tokens::note(const std::string& peer, clock::time_point now) {
  if (!peers_.contains(peer) && peers_.size() >= peers_max)
    forget(now);
  auto& known = peers_[peer];
  if (known.count > 0 && now - known.last >= forgotten_after)
    known.count = 0;
  known.last = now;
  ++known.count;
  if (known.count <= free_count)
    return std::chrono::milliseconds{0};
  const auto doublings = known.count - free_count - 1;
  return doublings < 6 ? std::min(wait_max, wait_min * (1 << doublings)) : wait_max;
}

} // namespace furrow::http
