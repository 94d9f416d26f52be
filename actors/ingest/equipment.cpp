#include "actors/ingest/equipment.hpp"

#include "actors/supervision/exceptions.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <type_traits>

namespace furrow::actors {

namespace {

using equipment_pointer = metered_pointer<equipment_actor, equipment_state>;

void tell(equipment_state& state, const session_notice& notice) {
  const auto found = state.sessions.find(notice.session);
  if (found == state.sessions.end())
    return;
  auto& port = found->second.port;
  if (const auto* welcome = std::get_if<session_notice::welcome>(&notice.what)) {
    port->welcome(welcome->epoch, welcome->resume_from);
  } else if (const auto* ack = std::get_if<session_notice::ack>(&notice.what)) {
    port->ack(ack->durable_seq);
  } else if (const auto* rewind = std::get_if<session_notice::rewind>(&notice.what)) {
    port->rewind(rewind->from_seq);
  } else {
    if (const auto* reason = std::get_if<proto::reject>(&notice.what))
      port->reject(*reason);
    else
      port->yield();
    port.let_go();
    state.sessions.erase(found);
  }
}

void ask_for_claim(equipment_pointer self, const stream_origin& origin, claim_wish wish) {
  const auto wait = wish.wait;
  claim_order order{origin, std::move(wish)};
  if (wait.count() > 0)
    self->delayed_send(self->state.desk, wait, std::move(order));
  else
    self->send(self->state.desk, std::move(order));
}

void perform(equipment_pointer self, std::uint32_t slot, stream_intake::actions actions) {
  auto& state = self->state;
  const stream_origin origin{equipment_actor{self}, slot};
  for (auto& action : actions) {
    if (const auto* notice = std::get_if<session_notice>(&action))
      tell(state, *notice);
    else if (auto* wish = std::get_if<claim_wish>(&action))
      ask_for_claim(self, origin, std::move(*wish));
    else if (const auto* gone = std::get_if<claim_withdrawal>(&action))
      self->send(state.desk, claim_cancel{origin, gone->ticket});
    else
      self->send(state.aggregator,
                 append_order{origin, std::move(std::get<std::shared_ptr<held_append>>(action))});
  }
}

/// Publishes the state for readers. The state is copied only when a batch may have changed it.
void publish(equipment_state& state) {
  if (!state.published)
    state.published = std::make_shared<const can::live_state>(state.monitor.live());
  state.place->publish(std::make_shared<const live_equipment>(
    live_equipment{state.standing, state.published, state.monitor.ecus().ecus().size(),
                   state.monitor.faults().active()}));
}

/// Counts frames from the future, and tells of a machine's first ones.
void note_ahead(equipment_state& state, const equipment_state::stream& stream) {
  const auto more = stream.intake.counted().ahead - stream.reported.ahead;
  if (more == 0)
    return;
  if (state.standing.frames_ahead == 0)
    spdlog::warn("equipment {}/{}: frames are stamped {} days ahead of this node's clock; they are "
                 "stored as they are: check the clock of the machine",
                 state.config.farm, state.config.name,
                 (stream.intake.latest_ahead_us() - state.config.wall_us()) / 86'400'000'000);
  state.standing.frames_ahead += more;
  state.counts->counters.frames_ahead += more;
}

/// Brings the board and the node's counters up to date, and sees to it that what is packed is
/// flushed in time.
void after_event(equipment_pointer self, std::uint32_t slot, equipment_state::stream& stream) {
  auto& state = self->state;
  auto& counters = state.counts->counters;
  const auto& now = stream.intake.counted();
  counters.frames_received += now.frames - stream.reported.frames;
  counters.duplicates += now.duplicates - stream.reported.duplicates;
  counters.rewinds += now.rewinds - stream.reported.rewinds;
  note_ahead(state, stream);
  counters.items_quarantined += now.quarantined - stream.reported.quarantined;
  auto& live = state.standing;
  live.frames += now.frames - stream.reported.frames;
  live.connected = !state.sessions.empty();
  live.received_seq = stream.intake.received_seq();
  live.durable_seq = stream.intake.durable_seq();
  live.sent_seq = stream.intake.sent_seq();
  live.epoch = std::max(live.epoch, stream.intake.epoch());
  live.adrift = stream.intake.adrift();
  publish(state);
  stream.reported = now;
  if (stream.intake.packed() && !std::exchange(stream.flush_scheduled, true))
    self->delayed_send(self, state.config.flush_interval, flush_due{slot});
}

/// Runs one event of a stream: `event(intake, actions)`.
template <class Event>
void on_stream(equipment_pointer self, std::uint32_t slot, Event event) {
  const auto found = self->state.streams.find(slot);
  if (found == self->state.streams.end())
    return;
  stream_intake::actions actions;
  event(found->second.intake, actions);
  perform(self, slot, std::move(actions));
  after_event(self, slot, found->second);
}

/// The slot of a stream, created if needed; nothing when too many streams are in use.
std::optional<std::uint32_t> slot_of(equipment_state& state, const can::stream_id& id) {
  for (const auto& [slot, stream] : state.streams)
    if (stream.id == id)
      return slot;
  if (state.streams.size() >= equipment_state::streams_max)
    std::erase_if(state.streams, [](const auto& one) { return one.second.intake.idle(); });
  if (state.streams.size() >= equipment_state::streams_max)
    return std::nullopt;
  const auto slot = ++state.last_slot;
  state.streams.emplace(
    slot, equipment_state::stream{id, stream_intake{state.config.block_frames_max}, {}, false});
  return slot;
}

void attach(equipment_pointer self, attach_order& order) {
  auto& state = self->state;
  const auto slot = slot_of(state, order.from->hello.stream_id);
  if (!slot) {
    auto port = std::move(*order.port);
    port->reject({proto::reject_code::limit, "this machine has too many streams at once", 0});
    port.let_go();
    return;
  }
  state.quiet_checks = 0;
  state.standing.peer = order.from->peer;
  state.sessions.emplace(order.session,
                         equipment_state::session{*slot, order.from->peer, std::move(*order.port)});
  on_stream(self, *slot, [&](stream_intake& intake, stream_intake::actions& out) {
    intake.greet(order.session, *order.from, out);
  });
}

/// Takes the files that people have loaded or changed meanwhile.
void look_at_dbc(equipment_state& state) {
  const auto& board = state.counts->dbc;
  const auto generation = board.generation();
  if (std::exchange(state.dbc_generation, generation) == generation)
    return;
  const auto own = board.of(state.config.farm, state.config.name);
  state.monitor.decode_with(own ? own->plan : nullptr);
}

void deliver(equipment_pointer self, delivery& message) {
  auto& state = self->state;
  look_at_dbc(state);
  const auto session = state.sessions.find(message.session);
  if (session == state.sessions.end())
    return;
  auto batch = std::move(*message.batch);
  on_stream(self, session->second.slot, [&](stream_intake& intake, stream_intake::actions& out) {
    intake.set_ahead_after(state.config.wall_us() + clock_wrong_us);
    intake.received(message.session, std::move(batch.batch), std::move(batch.leases), state.monitor,
                    out);
    state.published.reset(); // the live view shows the batch even while the database is away
  });
}

void detach(equipment_pointer self, std::uint64_t session) {
  auto& state = self->state;
  const auto found = state.sessions.find(session);
  if (found == state.sessions.end())
    return;
  const auto slot = found->second.slot;
  found->second.port.let_go();
  state.sessions.erase(found);
  on_stream(self, slot, [&](stream_intake& intake, stream_intake::actions& out) {
    intake.detach(session, out);
  });
}

void settle(equipment_pointer self, const append_answer& answer) {
  on_stream(self, answer.slot, [&](stream_intake& intake, stream_intake::actions& out) {
    if (answer.what == append_answer::kind::committed) {
      const auto before = intake.durable_seq();
      intake.committed(answer.epoch, answer.to, out);
      self->state.counts->counters.frames_durable += intake.durable_seq() - before;
    } else if (answer.what == append_answer::kind::taken) {
      intake.append_taken(answer.epoch, self->clock().now(), out);
    } else {
      intake.append_failed(answer.epoch, answer.what == append_answer::kind::fenced, out);
    }
  });
}

void take_claim(equipment_pointer self, const claim_answer& answer) {
  on_stream(self, answer.slot, [&](stream_intake& intake, stream_intake::actions& out) {
    switch (answer.what) {
    case claim_answer::kind::claimed:
      intake.claimed(answer.ticket, answer.outcome, out);
      break;
    case claim_answer::kind::delayed:
      intake.claim_delayed(answer.ticket, out);
      break;
    case claim_answer::kind::refused:
      intake.claim_failed(answer.ticket, answer.why, out);
      break;
    case claim_answer::kind::taken:
      intake.claim_taken(answer.ticket, self->clock().now(), out);
      break;
    }
  });
}

void all_streams(equipment_pointer self, void (stream_intake::*event)(stream_intake::actions&)) {
  for (auto& [slot, stream] : self->state.streams)
    on_stream(self, slot,
              [&](stream_intake& intake, stream_intake::actions& out) { (intake.*event)(out); });
}

void check_passivation(equipment_pointer self) {
  auto& state = self->state;
  const bool idle = state.sessions.empty()
                    && std::all_of(state.streams.begin(), state.streams.end(),
                                   [](const auto& one) { return one.second.intake.idle(); });
  // Two idle checks in a row: the actor was idle for at least one whole period.
  if (idle && ++state.quiet_checks > 1) {
    self->quit();
    return;
  }
  if (!idle)
    state.quiet_checks = 0;
  self->delayed_send(self, state.config.passivate_after, passivation_due{});
}

} // namespace

equipment_actor::behavior_type equipment(equipment_pointer self,
                                         equipment_config config,
                                         std::shared_ptr<census> counts,
                                         aggregator_actor aggregator,
                                         claim_desk_actor desk) {
  report_exceptions(self);
  auto& state = self->state;
  state.config = std::move(config);
  state.counts = std::move(counts);
  state.aggregator = std::move(aggregator);
  state.desk = std::move(desk);
  state.standing.farm = state.config.farm;
  state.standing.equipment = state.config.name;
  state.place = state.counts->board.open(state.config.farm, state.config.name, self->address());
  publish(state);
  self->delayed_send(self, state.config.passivate_after, passivation_due{});
  return {
    [self](attach_order& order) { attach(self, order); },
    [self](delivery& message) { deliver(self, message); },
    [self](detach_notice notice) { detach(self, notice.session); },
    [self](const report_wish& wish) { wish.from->answer(self->state.monitor.report()); },
    [self](claim_answer& answer) { take_claim(self, answer); },
    [self](append_answer& answer) { settle(self, answer); },
    [self](flush_due due) {
      on_stream(self, due.slot, [self, due](stream_intake& intake, stream_intake::actions& out) {
        self->state.streams.at(due.slot).flush_scheduled = false;
        intake.flush(out);
      });
    },
    [self](passivation_due) { check_passivation(self); },
    [self](lane_changed& changed) {
      if (changed.lane != self->state.config.lane)
        return;
      self->state.aggregator = std::move(changed.aggregator);
      all_streams(self, &stream_intake::lane_lost);
    },
    [self](desk_changed& changed) {
      self->state.desk = std::move(changed.desk);
      all_streams(self, &stream_intake::desk_lost);
    },
    [self](store_replaced what) {
      for (auto& [slot, stream] : self->state.streams)
        on_stream(self, slot, [what](stream_intake& intake, stream_intake::actions& out) {
          intake.store_replaced(what.timeline, out);
        });
    },
  };
}

} // namespace furrow::actors
