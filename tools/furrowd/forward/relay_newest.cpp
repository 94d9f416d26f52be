#include "tools/furrowd/forward/relay_newest.hpp"

#include <algorithm>
#include <variant>

namespace furrow::daemon {

bool relay_newest::ready(std::uint64_t last, time_point now, std::optional<std::uint64_t>& wanted) {
  if (ready_at_ && (last <= seen_ || now < *ready_at_ + fresh_for))
    return true;
  if (asked_after_)
    return false;
  if (last <= seen_ || (looked_at_ && now < *looked_at_ + look_every_))
    return true; // what there was no room for may go
  const auto after = std::max(seen_, last - std::min(last, tail_items));
  if (after != seen_)
    picker_ = {}; // a message that has begun does not go on behind a hole
  ready_at_.reset();
  found_ = false;
  looked_at_ = now;
  last_ = last;
  asked_after_ = wanted = after;
  return false;
}

std::optional<std::uint64_t>
relay_newest::take(std::uint64_t after, const storage::forward_page& page, time_point now) {
  if (asked_after_ != after)
    return std::nullopt;
  asked_after_.reset();
  for (const auto& group : page.groups)
    if (const auto* frames = std::get_if<can::frame_block>(&group.items);
        frames != nullptr && !frames->empty()) {
      picker_.look(*frames);
      found_ = found_ || !picker_.frames().empty() || !picker_.messages().empty();
      newest_.put(picker_, group.first + frames->size() - 1);
      picker_.clear();
    }
  const bool is_stuck = page.to <= after;
  seen_ = std::max(after, page.to);
  if (seen_ < last_ && !is_stuck)
    return asked_after_ = seen_;
  ready_at_ = now;
  look_every_ = found_ ? look_least : std::min(2 * look_every_, look_most);
  return std::nullopt;
}

} // namespace furrow::daemon
