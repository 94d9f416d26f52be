#include "actors/ingest/claim_desk.hpp"

#include "actors/log/log.hpp"
#include "actors/supervision/exceptions.hpp"

#include <algorithm>
#include <utility>

namespace furrow::actors {

namespace {

using claim_desk_pointer = metered_pointer<claim_desk_actor, claim_desk_state>;

void call_next(claim_desk_pointer self) {
  auto& state = self->state;
  if (state.waiting || state.queue.busy() || state.queue.empty())
    return;
  const auto call = ++state.call;
  state.store->claim(
    state.queue.take(), [call, me = claim_desk_actor{self}](
                          storage::result<std::vector<storage::claim_outcome>> outcome) {
      using shared = storage::result<std::vector<storage::claim_outcome>>;
      caf::anon_send(me, claim_reply{call, std::make_shared<shared>(std::move(outcome))});
    });
}

void answer(claim_desk_pointer self,
            const claim_wish_entry<stream_origin>& wish,
            claim_answer answer) {
  answer.slot = wish.origin.slot;
  answer.ticket = wish.ticket;
  self->send(wish.origin.owner, std::move(answer));
}

/// Streams that are held have items that nobody stores: the node says so when it stores nothing at all.
void note_held(claim_desk_pointer self) {
  auto& state = self->state;
  state.counts->home(state.home).stall.held(state.queue.streams_held(), self->clock().now());
}

/// Those that another transaction holds are asked for again after a while; nobody else waits for them.
void settle(claim_desk_pointer self, const std::vector<storage::claim_outcome>& outcomes) {
  auto& state = self->state;
  // Where all are held, nothing is claimed: the database answered, as it would a check.
  const bool claimed =
    std::any_of(outcomes.begin(), outcomes.end(), [](const auto& one) { return !one.held; });
  state.counts->store_succeeded(claimed ? store_work::claim : store_work::check,
                                self->clock().now(), state.home);
  for (const auto& outcome : outcomes) // before a machine comes again
    if (outcome.moved && state.moved)
      state.moved(*outcome.moved);
  for (auto& settled : state.queue.succeeded(outcomes)) {
    const bool held = settled.outcome.held;
    if (held)
      log::warn(log::machine, "stream_held",
                {.farm = settled.wish.request.farm, .equipment = settled.wish.request.equipment},
                "machine {}: another transaction holds its stream in the database; trying again",
                settled.wish.request.equipment);
    answer(self, settled.wish,
           {0,
            0,
            held                    ? claim_answer::kind::delayed
            : settled.outcome.moved ? claim_answer::kind::moved
            : settled.outcome.taken ? claim_answer::kind::taken
                                    : claim_answer::kind::claimed,
            settled.outcome,
            {}});
  }
  note_held(self);
  if (state.queue.holds() && !std::exchange(state.asks_held, true))
    self->delayed_send(self, state.held_wait, held_due{});
}

/// A name that the database cannot hold is the gateway's affair, and told once.
void refuse(claim_desk_pointer self,
            const claim_wish_entry<stream_origin>& wish,
            const storage::failure& why) {
  auto& told = self->state.told_refused;
  const auto name = wish.request.farm + "/" + wish.request.equipment;
  if (told.size() < claim_desk_state::told_max && told.insert(name).second)
    log::warn(log::machine, "stream_refused",
              {.farm = wish.request.farm, .equipment = wish.request.equipment, .error = why.detail},
              "machine {}: refused: {}", name, why.detail);
  answer(self, wish, {0, 0, claim_answer::kind::refused, {}, why});
}

void fail(claim_desk_pointer self, const storage::failure& why) {
  auto& state = self->state;
  // A rejected name is about one machine, not about the database.
  const bool away = why.code != storage::errc::reject_row;
  const double random = std::uniform_real_distribution<double>{0, 1}(state.random);
  auto failed = state.queue.failed(why.code, random);
  if (away)
    state.counts->store_failed(store_work::claim, why, self->clock().now(), state.home);
  for (const auto& wish : failed.refused)
    refuse(self, wish, why);
  for (const auto& wish : failed.delayed)
    answer(self, wish, {0, 0, claim_answer::kind::delayed, {}, {}});
  if (failed.wait.count() > 0) {
    state.waiting = true;
    self->delayed_send(self, failed.wait, retry_due{});
  }
  note_held(self);
}

} // namespace

claim_desk_actor::behavior_type claim_desk(claim_desk_pointer self,
                                           const claim_desk_config& config,
                                           storage::store* store,
                                           std::shared_ptr<census> counts) {
  report_exceptions(self);
  self->state.queue = claim_queue<stream_origin>{config.first_wait, config.longest_wait};
  self->state.random.seed(static_cast<std::minstd_rand::result_type>(config.seed));
  self->state.held_wait = config.held_wait;
  self->state.home = config.home;
  self->state.moved = config.moved;
  self->state.store = store;
  self->state.counts = std::move(counts);
  note_held(self); // a former desk's wishes went with it
  return {
    [self](claim_order& order) {
      self->state.queue.add(
        {std::move(order.origin), order.wish.ticket, std::move(order.wish.request)});
      note_held(self); // it may replace one
      call_next(self);
    },
    [self](const claim_cancel& gone) {
      self->state.queue.withdraw([&](const claim_wish_entry<stream_origin>& wish) {
        return wish.ticket == gone.ticket && wish.origin.slot == gone.origin.slot
               && wish.origin.owner == gone.origin.owner;
      });
      note_held(self);
    },
    [self](claim_reply& reply) {
      if (reply.call != self->state.call)
        return;
      if (reply.outcome->has_value())
        settle(self, reply.outcome->value());
      else
        fail(self, reply.outcome->error());
      call_next(self);
    },
    [self](held_due) {
      self->state.asks_held = false;
      self->state.queue.ask_held();
      call_next(self);
    },
    [self](retry_due) {
      self->state.waiting = false;
      call_next(self);
    },
  };
}

} // namespace furrow::actors
