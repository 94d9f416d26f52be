#include "actors/ingest/claim_desk.hpp"

#include "actors/supervision/exceptions.hpp"

namespace furrow::actors {

namespace {

using claim_desk_pointer = claim_desk_actor::stateful_pointer<claim_desk_state>;

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

void fail(claim_desk_pointer self, const storage::failure& why) {
  auto& state = self->state;
  const double random = std::uniform_real_distribution<double>{0, 1}(state.random);
  auto failed = state.queue.failed(why.code, random);
  if (why.code != storage::errc::reject_row) // which is about one machine, not about the database
    state.counts->store_failed(store_work::claim, why, self->clock().now());
  for (const auto& wish : failed.refused)
    answer(self, wish, {0, 0, claim_answer::kind::refused, {}, why});
  for (const auto& wish : failed.delayed)
    answer(self, wish, {0, 0, claim_answer::kind::delayed, {}, {}});
  if (failed.wait.count() > 0) {
    state.waiting = true;
    self->delayed_send(self, failed.wait, retry_due{});
  }
}

} // namespace

claim_desk_actor::behavior_type claim_desk(claim_desk_pointer self,
                                           const claim_desk_config& config,
                                           storage::store* store,
                                           std::shared_ptr<census> counts) {
  report_exceptions(self);
  self->state.queue = claim_queue<stream_origin>{config.first_wait, config.longest_wait};
  self->state.random.seed(static_cast<std::minstd_rand::result_type>(config.seed));
  self->state.store = store;
  self->state.counts = std::move(counts);
  return {
    [self](claim_order& order) {
      self->state.queue.add(
        {std::move(order.origin), order.wish.ticket, std::move(order.wish.request), false, 0});
      call_next(self);
    },
    [self](claim_reply& reply) {
      if (reply.call != self->state.call)
        return;
      if (!reply.outcome->has_value()) {
        fail(self, reply.outcome->error());
      } else {
        self->state.counts->store_succeeded(store_work::claim, self->clock().now());
        for (auto& settled : self->state.queue.succeeded(reply.outcome->value()))
          answer(self, settled.wish, {0, 0, claim_answer::kind::claimed, settled.outcome, {}});
      }
      call_next(self);
    },
    [self](retry_due) {
      self->state.waiting = false;
      call_next(self);
    },
  };
}

} // namespace furrow::actors
