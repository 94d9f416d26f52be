#include "storage/postgres/connection/connection_room.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace furrow::storage {

namespace {
/// A server process that ends still counts for the server.
constexpr std::chrono::seconds end_of_process{1};
} // namespace

connection_room::id connection_room::enter(tenant who) {
  const auto free =
    std::find_if(entries_.begin(), entries_.end(), [](const entry& one) { return !one.here; });
  const auto at = free == entries_.end() ? entries_.emplace(entries_.end()) : free;
  *at = entry{std::move(who), true, std::nullopt, 0};
  return static_cast<id>(at - entries_.begin());
}

void connection_room::leave(id who) {
  entries_[who] = entry{};
}

std::size_t connection_room::connecting() const {
  std::size_t sum = 0;
  for (const auto& one : entries_)
    sum += one.connecting;
  return sum;
}

std::size_t connection_room::before(const entry& who) const {
  return static_cast<std::size_t>(
    std::count_if(entries_.begin(), entries_.end(), [&](const entry& other) {
      if (&other == &who || !other.waits_since || other.connecting > 0)
        return false;
      return other.who.use < who.who.use
             || (other.who.use == who.who.use && *other.waits_since < *who.waits_since);
    }));
}

/// A node checks its database every second, and under load each check takes a good part of it: without the division a
/// query would never find a connection that has been idle for `calm`.
bool connection_room::may_take(const entry& taker,
                               connection_use holder,
                               clock::duration idle,
                               clock::time_point now) const {
  if (taker.who.use < connection_use::rest || holder == connection_use::rest)
    return true;
  const auto waited =
    std::chrono::duration_cast<std::chrono::seconds>(now - taker.waits_since.value_or(now));
  return idle >= calm / (1 + waited.count());
}

void connection_room::make_one_free(const entry& taker, clock::time_point now) {
  const entry* least = nullptr;
  clock::time_point since{};
  for (const auto& one : entries_) {
    if (!one.here || &one == &taker)
      continue;
    const auto idle = one.who.idle_since();
    if (!idle || !may_take(taker, one.who.use, now - *idle, now))
      continue;
    const bool less = least == nullptr || one.who.use > least->who.use
                      || (one.who.use == least->who.use && *idle < since);
    if (!less)
      continue;
    least = &one;
    since = *idle;
  }
  if (least == nullptr)
    return;
  freed_at_ = now;
  least->who.close_idle();
}

bool connection_room::may_open(id who, bool urgent, clock::time_point now) {
  auto& self = entries_[who];
  if (!limit_) {
    ++self.connecting;
    return true;
  }
  if (!urgent && open() + connecting() >= *limit_)
    return false;
  if (!self.waits_since)
    self.waits_since = now;
  if (open() + connecting() + before(self) < *limit_) {
    ++self.connecting;
    return true;
  }
  if (connecting() == 0 && now >= probe_at_) { // does the server grant more again?
    probe_at_ = now + probe_every;
    ++self.connecting;
    return true;
  }
  // One at a time: the connection that is closed now is taken at the next poll.
  if (open() + connecting() >= *limit_ && before(self) == 0)
    make_one_free(self, now);
  return false;
}

void connection_room::settled(id who,
                              const std::optional<failure>& refused,
                              clock::time_point now) {
  auto& self = entries_[who];
  --self.connecting;
  if (!refused) {
    self.waits_since.reset();
    if (limit_ && open() > *limit_)
      limit_.reset(); // it grants more than it did
    return;
  }
  said_ = refused->detail;
  if (!self.waits_since)
    self.waits_since = now;
  if (!limit_ || (open() < *limit_ && now - freed_at_ >= end_of_process)) {
    limit_ = std::max<std::size_t>(
      open(), 1); // also when others have taken all: who is first goes on trying
    probe_at_ = now + probe_every;
  }
}

void connection_room::gave_up(id who) {
  entries_[who].waits_since.reset();
}

bool connection_room::must_yield(id who, clock::time_point now) const {
  if (!limit_)
    return false;
  const auto& self = entries_[who];
  return std::any_of(entries_.begin(), entries_.end(), [&](const entry& other) {
    return &other != &self && other.waits_since && other.connecting == 0
           && now - *other.waits_since >= patience
           && may_take(other, self.who.use, clock::duration::zero(), now);
  });
}

failure connection_room::why() const {
  return {errc::retry_later,
          "the server grants this node " + std::to_string(limit_.value_or(open()))
            + " connections at once, and more important work uses them: " + said_};
}

} // namespace furrow::storage
