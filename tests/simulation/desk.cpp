#include "tests/simulation/desk.hpp"

#include <utility>

namespace furrow::simulation {

namespace {

constexpr milliseconds claim_limit{5'000};
constexpr milliseconds held_wait{500};

} // namespace

void desk::add(origin from, actors::claim_wish wish) {
  queue_.add({std::move(from), wish.ticket, std::move(wish.request), false, 0});
  call_next();
}

void desk::withdraw(const origin& of, std::uint64_t ticket) {
  queue_.withdraw([&](const actors::claim_wish_entry<origin>& wish) {
    return wish.ticket == ticket && wish.origin.slot == of.slot
           && wish.origin.machine == of.machine;
  });
}

void desk::die() {
  ++life_;
  client_.drop();
  queue_ = actors::claim_queue<origin>{milliseconds{250}, milliseconds{1'000}};
  waiting_ = asks_held_ = false;
}

void desk::call_next() {
  if (waiting_ || queue_.busy() || queue_.empty())
    return;
  client_.ask([wishes = queue_.take()](server& at, server::session_id session,
                                       const answer& to) { at.claim(session, wishes, to); },
              claim_limit,
              [this, life = life_](const reply& what) {
                if (life == life_)
                  settle(what);
              });
}

void desk::settle(const reply& what) {
  if (what.lost) {
    const auto random = static_cast<double>(on_.chance.below(1'000)) / 1'000;
    const auto failed = queue_.failed(storage::errc::retry_later, random);
    for (const auto& wish : failed.delayed)
      to_(wish.origin, wish.ticket, {true, {}});
    waiting_ = true;
    owner_.in(failed.wait, [this, life = life_] {
      if (life != life_)
        return;
      waiting_ = false;
      call_next();
    });
    return;
  }
  for (const auto& settled : queue_.succeeded(what.claims))
    to_(settled.wish.origin, settled.wish.ticket, {settled.outcome.held, settled.outcome});
  if (queue_.holds() && !std::exchange(asks_held_, true))
    owner_.in(held_wait, [this, life = life_] {
      if (life != life_)
        return;
      asks_held_ = false;
      queue_.ask_held();
      call_next();
    });
  call_next();
}

} // namespace furrow::simulation
