#include "actors/ingest/equipment.hpp"

#include "actors/log/log.hpp"
#include "actors/supervision/exceptions.hpp"

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

/// A claim that waits stays here: sent ahead of time, it would replace a newer claim at the desk.
void ask_for_claim(equipment_pointer self, const stream_origin& origin, claim_wish wish) {
  if (const auto wait = wish.wait; wait.count() > 0)
    self->delayed_send(self, wait, claim_due{origin.slot, std::move(wish)});
  else
    self->send(self->state.desk, claim_order{origin, std::move(wish)});
}

/// The destructor of the state drops the sessions; the next greeting starts the machine in the other database.
void leave(equipment_pointer self, const storage::farm_home& to) {
  const auto& config = self->state.config;
  log::info(log::machine, {"farm_moved", log::many},
            {.farm = config.farm, .equipment = config.name},
            "equipment {}/{}: the farm lives in database {} now; its gateways come again",
            config.farm, config.name, to.database);
  self->quit();
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
    else if (const auto* departure = std::get_if<farm_departure>(&action))
      leave(self, departure->to);
    else
      self->send(state.aggregator,
                 append_order{origin, std::move(std::get<std::shared_ptr<held_append>>(action))});
  }
}

/// What a reader has asked for; costs nothing when nobody has.
void publish_detail(equipment_state& state) {
  const auto wishes = state.place->take_detail_wish();
  if (wishes == 0)
    return;
  auto detail = std::make_shared<live_detail>();
  detail->faults = state.monitor.faults().faults();
  if ((wishes & live_place::wish_own_signals) != 0)
    detail->own_signals = state.monitor.own_values();
  state.place->publish_detail(std::move(detail));
}

/// Publishes the state for readers. The state is copied only when a batch may have changed it.
void publish(equipment_state& state) {
  publish_detail(state);
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
    log::warn(log::machine, "frames_ahead",
              {.farm = state.config.farm, .equipment = state.config.name},
              "equipment {}/{}: frames are stamped {} days ahead of this node's clock; they are "
              "stored as they are: check the clock of the machine",
              state.config.farm, state.config.name,
              (stream.intake.latest_ahead_us() - state.config.wall_us()) / 86'400'000'000);
  state.standing.frames_ahead += more;
  state.counts->counters.frames_ahead += more;
}

/// What flush_pace asks of a stream.
flush_pace::packed packed_of(equipment_pointer self,
                             const equipment_state::stream& stream,
                             equipment_state::stream::time_point now) {
  const auto& state = self->state;
  const auto& config = state.config;
  flush_pace::packed out{stream.intake.packed_items(), stream.intake.packed_bytes()};
  out.hurried =
    now < stream.hurried_until || state.counts->read_lately.reads(state.reader_slot, now);
  if (config.budget && out.items < config.flush.items_enough)
    out.memory_used =
      static_cast<double>(config.budget->used()) / static_cast<double>(config.budget->limit());
  return out;
}

/// Flushes what is packed if it has waited for long enough.
void flush_if_due(equipment_pointer self,
                  equipment_state::stream& stream,
                  stream_intake::actions& out) {
  if (!stream.intake.packed())
    return stream.pace.emptied();
  const auto now = self->clock().now();
  if (!stream.pace.is_due(packed_of(self, stream, now), now))
    return;
  stream.intake.flush(out, stream.pace.patience(now));
  stream.pace.emptied();
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
  if (const auto wait = stream.pace.next_look(self->clock().now()))
    self->delayed_send(self, *wait, flush_due{slot});
}

/// Runs one event of a stream: `event(intake, actions)`; then flushes what is due.
template <class Event>
void on_stream(equipment_pointer self, std::uint32_t slot, Event event) {
  const auto found = self->state.streams.find(slot);
  if (found == self->state.streams.end())
    return;
  stream_intake::actions actions;
  auto& stream = found->second;
  event(stream.intake, actions);
  flush_if_due(self, stream, actions);
  perform(self, slot, std::move(actions));
  after_event(self, slot, stream);
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
    slot, equipment_state::stream{
            id, stream_intake{state.config.block_frames_max}, flush_pace{state.config.flush}, {}});
  return slot;
}

void attach(equipment_pointer self, attach_order& order) {
  auto& state = self->state;
  if (order.target->ended())
    return;
  const auto slot = slot_of(state, order.from->hello.stream_id);
  if (!slot) {
    auto port = std::move(*order.port);
    port->reject({proto::reject_code::limit, "this machine has too many streams at once", 0});
    port.let_go();
    return;
  }
  state.quiet_checks = 0;
  state.standing.peer = order.from->peer;
  state.standing.relayed = order.from->relayed;
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

/// Copies the frames of a batch for those who watch them. Items that come again after a rewind are left out.
void tap_frames(equipment_state& state, std::uint32_t slot, const proto::batch& batch) {
  const auto found = state.streams.find(slot);
  if (found == state.streams.end())
    return;
  auto& tapped_to = found->second.tapped_to;
  auto seq = batch.first_seq;
  for (const auto& group : batch.items) {
    const auto items = proto::item_count(group);
    const auto skip = tapped_to >= seq ? tapped_to + 1 - seq : 0;
    if (const auto* block = std::get_if<can::frame_block>(&group); block != nullptr && skip < items)
      state.place->frames().push({*block, seq, skip});
    seq += items;
  }
  tapped_to = std::max(tapped_to, seq - 1);
}

void deliver(equipment_pointer self, delivery& message) {
  auto& state = self->state;
  look_at_dbc(state);
  const auto session = state.sessions.find(message.session);
  if (session == state.sessions.end())
    return;
  auto batch = std::move(*message.batch);
  if (state.place->frames().is_open())
    tap_frames(state, session->second.slot, batch.batch);
  on_stream(self, session->second.slot, [&](stream_intake& intake, stream_intake::actions& out) {
    intake.set_ahead_after(state.config.wall_us() + clock_wrong_us);
    intake.received(message.session, std::move(batch.batch), std::move(batch.leases), state.monitor,
                    out);
    state.published.reset(); // the live view shows the batch even while the database is away
  });
}

/// A sample changes the live view, and nothing else: no counter, no item, no raw frame.
void show(equipment_pointer self, const showing& message) {
  auto& state = self->state;
  look_at_dbc(state);
  const auto session = state.sessions.find(message.session);
  if (session == state.sessions.end())
    return;
  const auto& sample = message.sample->sample;
  const auto stream = state.streams.find(session->second.slot);
  if (stream == state.streams.end()
      || !stream->second.intake.sampled(message.session, sample.as_of_seq))
    return;
  state.monitor.sample(sample.frames);
  state.published.reset();
  publish(state);
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
    intake.flush(out); // nothing follows it
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

void send_claim(equipment_pointer self, claim_due& due) {
  const auto found = self->state.streams.find(due.slot);
  if (found != self->state.streams.end() && found->second.intake.awaits(due.wish.ticket))
    self->send(self->state.desk,
               claim_order{{equipment_actor{self}, due.slot}, std::move(due.wish)});
}

void take_claim(equipment_pointer self, const claim_answer& answer) {
  if (const auto found = self->state.streams.find(answer.slot); found != self->state.streams.end())
    found->second.hurried_until = self->clock().now() + equipment_state::hurry_after_claim;
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
    case claim_answer::kind::moved:
      intake.claim_moved(answer.ticket, *answer.outcome.moved, out);
      break;
    }
  });
}

template <class Event>
void all_streams(equipment_pointer self, Event event) {
  for (auto& [slot, stream] : self->state.streams)
    on_stream(self, slot, event);
}

/// The gateways of this machine are about to leave, and wait for their acks.
void hurry(equipment_pointer self) {
  auto& state = self->state;
  state.counts->read_lately.note(state.config.name, self->clock().now());
  all_streams(self, [](stream_intake& intake, stream_intake::actions& out) { intake.flush(out); });
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
  state.reader_slot = readers::slot_of(state.config.name);
  state.standing.farm = state.config.farm;
  state.standing.equipment = state.config.name;
  state.place = state.counts->board.open(state.config.farm, state.config.name, self->address());
  publish(state);
  self->delayed_send(self, state.config.passivate_after, passivation_due{});
  return {
    [self](attach_order& order) { attach(self, order); },
    [self](delivery& message) { deliver(self, message); },
    [self](showing& message) { show(self, message); },
    [self](detach_notice notice) { detach(self, notice.session); },
    [self](const report_wish& wish) { wish.from->answer(self->state.monitor.report()); },
    [self](claim_answer& answer) { take_claim(self, answer); },
    [self](append_answer& answer) { settle(self, answer); },
    [self](flush_due due) {
      on_stream(self, due.slot, [](stream_intake&, stream_intake::actions&) {}); // what is due
    },
    [self](claim_due& due) { send_claim(self, due); },
    [self](hurry_notice) { hurry(self); },
    [self](passivation_due) { check_passivation(self); },
    [self](lane_changed& changed) {
      if (changed.lane != self->state.config.lane)
        return;
      self->state.aggregator = std::move(changed.aggregator);
      all_streams(
        self, [](stream_intake& intake, stream_intake::actions& out) { intake.lane_lost(out); });
    },
    [self](desk_changed& changed) {
      self->state.desk = std::move(changed.desk);
      all_streams(
        self, [](stream_intake& intake, stream_intake::actions& out) { intake.desk_lost(out); });
    },
    [self](store_replaced what) {
      all_streams(self, [what](stream_intake& intake, stream_intake::actions& out) {
        intake.flush(out); // the append finds out what the database holds
        intake.store_replaced(what.timeline, out);
      });
    },
  };
}

} // namespace furrow::actors
