#include "actors/ingest/aggregator.hpp"

#include "actors/supervision/exceptions.hpp"

#include <algorithm>
#include <atomic>
#include <optional>

namespace furrow::actors {

namespace {

using aggregator_pointer = metered_pointer<aggregator_actor, aggregator_state>;
using tickets = std::vector<append_ticket<stream_origin>>;

void answer(aggregator_pointer self,
            const append_ticket<stream_origin>& ticket,
            decltype(append_answer::what) what) {
  self->send(ticket.origin.owner,
             append_answer{ticket.origin.slot, ticket.claim.epoch, ticket.to, what});
}

/// Numbers of calls, unique in the process. A writer outlives its aggregator, and may answer a call of a dead one.
std::uint64_t next_call() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

/// What may wait while the transaction hangs; nothing: all that the leases allow. Several databases may hang, and the rest
/// still need memory.
std::optional<std::size_t> hung_bytes(const aggregator_state& state) {
  const std::size_t homes = state.counts->homes_open.load(std::memory_order_relaxed);
  return homes > 1 ? std::optional{state.config.hung_bytes_max / (homes + 1)} : std::nullopt;
}

/// While nothing arrives, only the timer notices that a transaction hangs.
void watch_transaction(aggregator_pointer self) {
  auto& state = self->state;
  if (!hung_bytes(state) || std::exchange(state.watches, true))
    return;
  const auto after = state.sent_at + state.config.hangs_after - self->clock().now();
  self->delayed_send(self, std::max<std::chrono::nanoseconds>(after, std::chrono::milliseconds{1}),
                     hang_due{});
}

void write_next(aggregator_pointer self) {
  auto& state = self->state;
  if (!state.writer || !state.under_way.empty() || state.queue.empty())
    return;
  const auto now = self->clock().now();
  const auto homes = state.counts->homes_open.load(std::memory_order_relaxed);
  state.queue.set_gather(std::clamp(state.config.gather * homes, state.config.gather,
                                    std::max(state.config.gather, state.config.gather_max)));
  if (const auto wait = state.queue.wait(now); wait.count() > 0) {
    // A patient append may have set a later timer; when that fires, nothing may be due.
    if (state.gathers_until <= now || now + wait < state.gathers_until) {
      state.gathers_until = now + wait;
      self->delayed_send(self, wait, gather_due{});
    }
    return;
  }
  auto next = state.queue.take(now);
  state.under_way = std::move(next.tickets);
  state.call = next_call();
  state.sent_at = now;
  self->send(state.writer, append_job{state.call, std::move(next.batch), aggregator_actor{self}});
  watch_transaction(self);
}

void drop_waiting(aggregator_pointer self) {
  for (const auto& ticket : self->state.queue.let_go())
    answer(self, ticket, append_answer::kind::failed);
}

/// Drops all appends. The gateways still have the items, and send them again after the next claim.
void let_go(aggregator_pointer self) {
  for (const auto& ticket : std::exchange(self->state.under_way, tickets{}))
    answer(self, ticket, append_answer::kind::failed);
  drop_waiting(self);
  self->state.stall->dropped(self->state.config.lane, self->clock().now());
}

/// A database that hangs must not hold the memory that the farms of the others need. Its streams go adrift, and the items
/// wait at their gateways.
void make_room(aggregator_pointer self, std::chrono::steady_clock::time_point now) {
  auto& state = self->state;
  if (state.under_way.empty() || now - state.sent_at < state.config.hangs_after)
    return;
  const auto most = hung_bytes(state);
  if (!most || state.queue.bytes() <= *most)
    return;
  ++state.counts->counters.append_failures;
  state.counts->store_failed(store_work::append,
                             {storage::errc::retry_later, "no answer, and too many items wait"},
                             now, state.config.home);
  drop_waiting(self);
}

decltype(append_answer::what) result_of(std::int32_t stream,
                                        const storage::append_outcome& outcome) {
  using kind = append_answer::kind;
  const auto names = [stream](const std::vector<std::int32_t>& streams) {
    return std::find(streams.begin(), streams.end(), stream) != streams.end();
  };
  return names(outcome.taken)     ? kind::taken
         : names(outcome.fenced)  ? kind::fenced
         : names(outcome.waiting) ? kind::failed
                                  : kind::committed;
}

/// The transaction may have stored nothing: all its streams may be held, or be claimed elsewhere.
void settle(aggregator_pointer self, const storage::append_outcome& outcome) {
  auto& state = self->state;
  bool stored = false;
  bool held = false;
  for (const auto& ticket : std::exchange(state.under_way, tickets{})) {
    const auto what = result_of(ticket.claim.stream, outcome);
    stored |= what == append_answer::kind::committed;
    held |= what == append_answer::kind::failed;
    answer(self, ticket, what);
  }
  const auto now = self->clock().now();
  const auto lane = state.config.lane;
  state.counts->counters.items_quarantined += outcome.quarantined;
  if (stored) {
    ++state.counts->counters.batches_committed;
    state.counts->store_succeeded(store_work::append, now, state.config.home);
    state.stall->stored(lane, now);
  }
  if (!state.queue.empty())
    state.stall->waits(lane, now);
  else if (held)
    state.stall->dropped(lane, now);
  else
    state.stall->moved(lane);
}

void fail(aggregator_pointer self, const storage::failure& why) {
  ++self->state.counts->counters.append_failures;
  self->state.counts->store_failed(store_work::append, why, self->clock().now(),
                                   self->state.config.home);
  let_go(self);
}

} // namespace

aggregator_actor::behavior_type aggregator(aggregator_pointer self,
                                           const aggregator_config& config,
                                           std::shared_ptr<census> counts) {
  report_exceptions(self);
  self->state.queue = append_queue<stream_origin>{config.batch_bytes_max, config.gather};
  self->state.config = config;
  self->state.counts = std::move(counts);
  self->state.stall = &self->state.counts->home(config.home).stall;
  // What a former actor of this lane held went with it.
  self->state.stall->dropped(config.lane, self->clock().now());
  return {
    [self](append_order& order) {
      const auto now = self->clock().now();
      self->state.stall->waits(self->state.config.lane, now);
      self->state.queue.add(std::move(order.origin), std::move(order.held), now);
      write_next(self);
      make_room(self, now);
    },
    [self](append_reply& reply) {
      if (reply.call != self->state.call || self->state.under_way.empty())
        return; // the answer to a batch that was dropped
      if (reply.outcome->has_value())
        settle(self, reply.outcome->value());
      else
        fail(self, reply.outcome->error());
      write_next(self);
    },
    [self](gather_due) { write_next(self); },
    [self](hang_due) {
      const auto now = self->clock().now();
      self->state.watches = false;
      make_room(self, now);
      // Of a transaction that hangs, every append that arrives looks.
      if (!self->state.under_way.empty()
          && now - self->state.sent_at < self->state.config.hangs_after)
        watch_transaction(self);
    },
    [self](writer_changed& changed) {
      self->state.writer = std::move(changed.writer);
      if (!self->state.under_way.empty())
        let_go(self);
      write_next(self);
    },
  };
}

} // namespace furrow::actors
