#include "tools/furrowd/forward/relay_newest.hpp"

#include <algorithm>
#include <variant>

namespace furrow::daemon {

bool relay_newest::ready(std::uint64_t last, time_point now, std::optional<std::uint64_t>& wanted) {
  if (ready_)
    return true;
  if (asked_after_)
    return false;
  if (last <= seen_ || (looked_at_ && now < *looked_at_ + look_least))
    return true; // what there was no room for may go
  const auto after = std::max(seen_, last - std::min(last, tail_items));
  if (after != seen_)
    picker_ = {}; // a message that has begun does not go on behind a hole
  looked_at_ = now;
  last_ = last;
  asked_after_ = wanted = after;
  return false;
}

std::optional<std::uint64_t> relay_newest::take(std::uint64_t after,
                                                const storage::forward_page& page) {
  if (asked_after_ != after)
    return std::nullopt;
  asked_after_.reset();
  for (const auto& group : page.groups)
    if (const auto* frames = std::get_if<can::frame_block>(&group.items);
        frames != nullptr && !frames->empty()) {
      picker_.look(*frames);
      newest_.put(picker_, group.first + frames->size() - 1);
      picker_.clear();
    }
  const bool is_stuck = page.to <= after;
  seen_ = std::max(after, page.to);
  if (seen_ < last_ && !is_stuck)
    return asked_after_ = seen_;
  ready_ = true;
  return std::nullopt;
}

} // namespace furrow::daemon
