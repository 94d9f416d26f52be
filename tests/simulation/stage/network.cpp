#include "tests/simulation/stage/network.hpp"

#include <algorithm>

namespace furrow::simulation {

using namespace std::chrono_literals;

socket::socket(network& net, process& owner) : net_{net}, owner_{&owner}, life_{owner.life()} {}

void socket::send(std::size_t bytes, task at_peer) {
  if (open_)
    push(bytes, false, std::move(at_peer));
}

void socket::push(std::size_t bytes, bool end, task what) {
  auto due = net_.time_.now() + net_.latency(*owner_, *peer_->owner_);
  if (!packets_.empty())
    due = std::max(due, packets_.back().due);
  packets_.push_back({due, bytes, end, std::move(what)});
  queued_ += bytes;
  net_.move(shared_from_this());
}

void socket::close() {
  wanted_ = false;
  on = {};
  if (std::exchange(open_, false))
    push(0, true, {});
}

void socket::lost() {
  packets_.clear();
  queued_ = 0;
  if (!std::exchange(open_, false) && !std::exchange(wanted_, false))
    return;
  wanted_ = false;
  if (!of_this_life())
    return;
  owner_->run([self = shared_from_this()] {
    const auto closed = std::exchange(self->on, {}).closed;
    if (closed)
      closed();
  });
}

network::~network() {
  for (const auto& one : sockets_) {
    one->peer_.reset();
    one->on = {};
    one->accepted_ = nullptr;
    one->packets_.clear();
  }
}

bool network::sound_since(time_point when, const process& a, const process& b) {
  const auto fine = [when](const direction& one) {
    return one.cuts <= 0 && one.slows <= 0 && one.drops <= 0 && one.changed <= when;
  };
  return fine(link(a, b)) && fine(link(b, a));
}

void network::heal() {
  for (auto& [ends, one] : links_)
    one = {0, 0, 0, time_.now()};
}

clock::duration network::latency(const process& from, const process& to) {
  const auto& state = link(from, to);
  auto out = microseconds{200 + chance_.below(3'000)};
  if (state.slows > 0)
    out += chance_.between(50ms, 700ms);
  if (state.drops > 0 && chance_.chance(0.15))
    out += chance_.between(200ms, 1'200ms); // TCP sends it again
  return out;
}

socket_ptr network::connect(process& from,
                            process& to,
                            std::function<void(const socket_ptr&)> accepted,
                            socket::events on) {
  auto here = std::make_shared<socket>(*this, from);
  auto there = std::make_shared<socket>(*this, to);
  here->peer_ = there;
  there->peer_ = here;
  here->on = std::move(on);
  sockets_.push_back(here);
  sockets_.push_back(there);
  there->accepted_ = std::move(accepted);
  time_.in(latency(from, to), [this, here] { attempt(here, 0); });
  return here;
}

void network::attempt(const socket_ptr& from, int tries) {
  const auto& there = from->peer_;
  auto& owner = *from->owner_;
  auto& target = *there->owner_;
  if (!from->wanted_ || !from->of_this_life())
    return;
  if (is_cut(owner, target) || is_cut(target, owner) || (!target.alive() && target.unplugged())) {
    if (tries >= 10)
      return from->lost();
    return time_.in(1s, [this, from, tries] { attempt(from, tries + 1); });
  }
  if (!target.alive())
    return from->lost(); // refused
  there->life_ = target.life();
  there->open_ = true;
  target.run([there, accepted = std::exchange(there->accepted_, nullptr)] { accepted(there); });
  from->open_ = true; // for what the other end sends at once
  time_.in(latency(target, owner), [from] {
    if (!from->of_this_life() || !from->open_)
      return;
    from->owner_->run([from] {
      if (const auto opened = from->on.opened)
        opened();
    });
  });
}

void network::killed(const process& who) {
  for (const auto& one : sockets_) {
    if (one->owner_ != &who)
      continue;
    one->on = {};
    one->wanted_ = false;
    if (who.unplugged()) {
      one->open_ = false;
      one->packets_.clear();
    } else if (std::exchange(one->open_, false)) {
      one->push(0, true, {});
    }
  }
}

void network::move(const socket_ptr& from) {
  if (from->packets_.empty() || std::exchange(from->moving_, true))
    return;
  const auto wait = std::max(clock::duration{}, from->packets_.front().due - time_.now());
  time_.in(wait, [this, from] { arrive(from); });
}

/// Whether the link is cut; the data then waits, and the end is reset when that takes too long.
bool network::stalls(const socket_ptr& from) {
  if (!is_cut(*from->owner_, *from->peer_->owner_)) {
    from->stalled_.reset();
    return false;
  }
  if (!from->stalled_)
    from->stalled_ = time_.now();
  if (time_.now() - *from->stalled_ > give_up) {
    from->lost();
    return true;
  }
  from->moving_ = true;
  time_.in(chance_.between(150ms, 600ms), [this, from] { arrive(from); });
  return true;
}

void network::arrive(const socket_ptr& from) {
  from->moving_ = false;
  while (!from->packets_.empty() && from->packets_.front().due <= time_.now()) {
    if (stalls(from))
      return;
    auto next = std::move(from->packets_.front());
    from->packets_.pop_front();
    from->queued_ -= next.bytes;
    deliver(from, std::move(next));
  }
  move(from);
}

void network::deliver(const socket_ptr& from, socket::packet what) {
  const auto& there = from->peer_;
  if (!there->open_ || !there->of_this_life()) {
    if (what.end || there->owner_->unplugged())
      return;
    time_.in(latency(*there->owner_, *from->owner_), [this, from] {
      if (!is_cut(*from->peer_->owner_, *from->owner_))
        from->lost(); // a reset
    });
    return;
  }
  there->owner_->run([there, end = what.end, run = std::move(what.what)] {
    if (end)
      there->lost();
    else if (there->open_)
      run();
  });
}

} // namespace furrow::simulation
