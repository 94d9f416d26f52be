#include "tools/furrowd/http/places.hpp"

#include "tools/furrowd/http/ask.hpp"

#include <algorithm>
#include <utility>

namespace furrow::http {

places::places(std::size_t places_max)
  : places_max_{places_max}, farm_max_{std::max<std::size_t>(1, places_max * 3 / 4)} {}

bool places::may(const std::string& farm) const {
  const auto found = used_by_.find(farm);
  return used_ < places_max_ && (found == used_by_.end() || found->second < farm_max_);
}

/// The caller has the mutex.
place places::occupy(const std::string& farm) {
  ++used_;
  ++used_by_[farm];
  // The pointer is only a mark; its deleter gives the place back.
  return place{this, [self = shared_from_this(), farm](void*) { self->give(farm); }};
}

void places::take(std::string farm, taken done) {
  place got;
  {
    const std::scoped_lock lock{mutex_};
    if (may(farm)) {
      got = occupy(farm);
    } else if (waiting_.size() < waiting_max) {
      waiting_.push_back({std::move(farm), std::move(done)});
      return;
    }
  }
  done(std::move(got));
}

void places::give(const std::string& farm) {
  waiter next;
  place got;
  {
    const std::scoped_lock lock{mutex_};
    --used_;
    if (const auto found = used_by_.find(farm); --found->second == 0)
      used_by_.erase(found);
    const auto first = std::find_if(waiting_.begin(), waiting_.end(),
                                    [this](const waiter& one) { return may(one.farm); });
    if (first == waiting_.end())
      return;
    next = std::move(*first);
    waiting_.erase(first);
    got = occupy(next.farm);
  }
  next.done(std::move(got));
}

boost::asio::awaitable<place>
take_place(std::shared_ptr<places> of, std::string farm, std::chrono::milliseconds limit) {
  const auto start = [&](auto done) { of->take(std::move(farm), std::move(done)); };
  auto got = co_await ask<place>(start, limit);
  co_return got ? std::move(*got) : nullptr;
}

} // namespace furrow::http
