#include "tests/simulation/node.hpp"

#include <algorithm>
#include <utility>

namespace furrow::simulation {

using namespace std::chrono_literals;
using actors::stream_intake;

namespace {

constexpr milliseconds keepalive{5'000};
constexpr milliseconds silence{2'500};
constexpr milliseconds idle_limit{60'000};
constexpr std::size_t growth = 3; // memory that a byte on the wire may need
const std::string farm = "farm";

incarnation next_incarnation(dice& chance) {
  return chance.next() >> 1U;
}

} // namespace

node::node(
  stage& on, database& db, std::string name, std::vector<std::string> all, node_options how)
  : at{on.time, std::move(name)}, on_{on}, db_{db}, all_{std::move(all)}, how_{how} {
  at.set_clock(on.chance.wrong_clock());
}

void node::start() {
  at.start();
  self_ = next_incarnation(on_.chance);
  paces_ = dice{self_};
  memory_ = std::make_unique<memory>();
  memory_->budget = actors::memory_budget::make(how_.budget_bytes);
  for (std::size_t i = 0; i < how_.lanes; ++i)
    memory_->lanes.push_back(std::make_unique<lane>(
      on_, at, db_, self_,
      [this](const lane::ticket& of, append_result what) { settle(of, what); }));
  memory_->claims = std::make_unique<desk>(
    on_, at, db_, self_,
    [this](const origin& of, std::uint64_t ticket, const desk::claim_result& what) {
      take_claim(of, ticket, what);
    });
  memory_->lease = std::make_unique<node_lease>(
    on_, at, db_, at.name(), self_, [this] { declared_dead(); },
    [this](const reply& what) { hear_cluster(what); });
  memory_->lease->turn();
  keep_alive();
}

/// As actors/cluster/membership.cpp and tools/furrowd/gateway/listener.cpp.
void node::hear_cluster(const reply& what) {
  actors::cluster_view view;
  view.self.name = at.name();
  for (const auto& [name, row] : what.nodes) {
    storage::node_row one;
    one.who.name = one.card.gateway = name;
    one.status =
      row.status == node_status::alive ? storage::node_status::alive : storage::node_status::dead;
    view.nodes.push_back(std::move(one));
  }
  actors::pin_map pins;
  for (const auto& [machine, where] : what.pins)
    if (!where.empty())
      pins[{farm, machine}] = where;
  view.pins = std::make_shared<const actors::pin_map>(std::move(pins));
  memory_->view = std::move(view);
  send_to_places();
  if (memory_->timeline.look(what.timeline, on_.time.now())
      && !on_.breaks(broken_rule::idle_never_asks))
    all_streams([](const std::string&) { return true; },
                [timeline = what.timeline](stream_intake& intake, stream_intake::actions& out) {
                  intake.store_replaced(timeline, out);
                });
}

/// Machines that people have moved elsewhere.
void node::send_to_places() {
  std::vector<std::pair<std::uint64_t, std::string>> away;
  for (const auto& [id, one] : memory_->sessions)
    if (one.slot != 0)
      if (auto place = actors::other_place(memory_->view, farm, one.machine, one.unreachable))
        away.emplace_back(id, std::move(*place));
  for (const auto& [id, place] : away)
    send(id, proto::goaway{place});
}

/// The process ends; its service manager starts it again.
void node::declared_dead() {
  end_at_once();
  on_.time.in(1s, [this] {
    if (!at.alive())
      start();
  });
}

void node::end_at_once() {
  on_.time.in({}, [this, life = at.life()] {
    if (life == at.life())
      kill(false);
  });
}

void node::kill(bool unplug) {
  at.kill(unplug);
  on_.net.killed(at);
  memory_.reset();
}

void node::freeze_in_copy(bool yes) {
  if (memory_)
    for (const auto& one : memory_->lanes)
      one->freeze_in_copy(yes);
}

std::uint64_t node::accept(const socket_ptr& line, bytes_to to_gateway) {
  const auto id = ++last_session_;
  if (memory_->draining) {
    line->close();
    return id;
  }
  memory_->sessions[id] = {line,           std::move(to_gateway), {}, {}, {}, 0,
                           on_.time.now(), on_.time.now()};
  line->on.closed = [this, id] { end_session(id); };
  return id;
}

void node::end_session(std::uint64_t session) {
  const auto found = memory_->sessions.find(session);
  if (found == memory_->sessions.end())
    return;
  const origin of{found->second.machine, found->second.slot};
  found->second.line->close();
  memory_->sessions.erase(found);
  on_stream(of, [session](stream_intake& intake, stream_intake::actions& out) {
    intake.detach(session, out);
  });
}

void node::heard(std::uint64_t session, const std::string& bytes) {
  const auto found = memory_->sessions.find(session);
  if (found == memory_->sessions.end())
    return;
  found->second.heard_at = on_.time.now();
  const auto* body = reinterpret_cast<const std::uint8_t*>(bytes.data()) + proto::length_bytes;
  auto message = proto::decode({body, bytes.size() - proto::length_bytes});
  if (!message)
    return on_.truth.broken("wire", "a node cannot read a message: " + message.error().detail);
  if (auto* hello = std::get_if<proto::hello>(&*message))
    greet(session, std::move(*hello));
  else if (auto* batch = std::get_if<proto::batch>(&*message))
    take_batch(session, std::move(*batch), bytes.size());
  else if (const auto* ping = std::get_if<proto::ping>(&*message))
    send(session, proto::pong{ping->nonce});
}

void node::greet(std::uint64_t session, proto::hello hello) {
  if (const auto place =
        actors::other_place(memory_->view, farm, hello.equipment, hello.unreachable)) {
    send(session, proto::redirect{*place});
    return end_session(session);
  }
  auto& line = memory_->sessions.at(session);
  line.machine = hello.equipment;
  line.unreachable = hello.unreachable;
  line.greeted_at = on_.time.now();
  auto& here = memory_->machines[hello.equipment];
  for (auto& [slot, one] : here.streams)
    if (one.id == hello.stream_id)
      line.slot = slot;
  if (line.slot == 0) {
    line.slot = ++here.last_slot;
    here.streams[line.slot].id = hello.stream_id;
  }
  const actors::greeting from{farm, "peer", std::move(hello)};
  on_stream({line.machine, line.slot}, [&](stream_intake& intake, stream_intake::actions& out) {
    intake.greet(session, from, out);
  });
}

/// A batch waits for room in the node's budget.
void node::take_batch(std::uint64_t session, proto::batch batch, std::size_t bytes) {
  const auto shared = std::make_shared<proto::batch>(std::move(batch));
  memory_->budget->acquire(
    farm, bytes * growth, [this, session, shared](actors::memory_lease lease) {
      const auto held = std::make_shared<actors::memory_lease>(std::move(lease));
      at.in({}, [this, session, shared, held] {
        deliver(session, std::move(*shared), std::move(*held));
      });
    });
  if (memory_->budget->used() > how_.budget_bytes)
    on_.truth.broken("memory", at.name() + " holds more than its budget");
}

void node::deliver(std::uint64_t session, proto::batch batch, actors::memory_lease lease) {
  const auto found = memory_->sessions.find(session);
  if (found == memory_->sessions.end() || found->second.slot == 0)
    return;
  const origin of{found->second.machine, found->second.slot};
  if (paces_.chance(0.1))
    send_pace(session);
  auto& monitor = memory_->machines.at(of.machine).monitor;
  std::vector<actors::memory_lease> leases;
  leases.push_back(std::move(lease));
  on_stream(of, [&](stream_intake& intake, stream_intake::actions& out) {
    intake.received(session, std::move(batch), std::move(leases), monitor, out);
  });
}

void node::send(std::uint64_t session, const proto::message& what) {
  const auto found = memory_->sessions.find(session);
  if (found == memory_->sessions.end())
    return;
  std::string bytes;
  if (const auto ok = proto::encode(what, bytes); !ok)
    return on_.truth.broken("wire", "a node cannot write a message: " + ok.error().detail);
  found->second.sent_at = on_.time.now();
  found->second.line->send(bytes.size(), [to = found->second.to_gateway, bytes] { to(bytes); });
}

/// People come and go. Drawn from dice of its own, so that the worlds of all seeds have the faults that they had.
void node::send_pace(std::uint64_t session) {
  constexpr std::uint32_t paces_ms[] = {0, 20, 100, 500, 1'000, 4'000};
  send(session, proto::pace{paces_ms[paces_.below(std::size(paces_ms))]});
}

void node::tell(const actors::session_notice& notice) {
  using actors::session_notice;
  if (const auto* welcome = std::get_if<session_notice::welcome>(&notice.what)) {
    proto::welcome out;
    out.version = proto::version_max;
    out.epoch = welcome->epoch;
    out.resume_from = welcome->resume_from;
    out.nodes = all_;
    out.keepalive_ms = static_cast<std::uint32_t>(keepalive.count());
    out.silence_ms = static_cast<std::uint32_t>(silence.count());
    send(notice.session, out);
    send_pace(notice.session);
  } else if (const auto* ack = std::get_if<session_notice::ack>(&notice.what)) {
    send(notice.session, proto::ack{ack->durable_seq});
  } else if (const auto* rewind = std::get_if<session_notice::rewind>(&notice.what)) {
    send(notice.session, proto::rewind{rewind->from_seq});
  } else {
    if (const auto* reason = std::get_if<proto::reject>(&notice.what))
      send(notice.session, *reason);
    end_session(notice.session); // without a word where the stream is left to another node
  }
}

void node::on_stream(const origin& of, const event& what) {
  const auto machine = memory_->machines.find(of.machine);
  if (machine == memory_->machines.end())
    return;
  const auto found = machine->second.streams.find(of.slot);
  if (found == machine->second.streams.end())
    return;
  stream_intake::actions actions;
  what(found->second.intake, actions);
  perform(of, std::move(actions));
  if (!found->second.intake.packed() || std::exchange(found->second.flush_scheduled, true))
    return;
  at.in(how_.flush, [this, of] {
    memory_->machines.at(of.machine).streams.at(of.slot).flush_scheduled = false;
    on_stream(of, [](stream_intake& intake, stream_intake::actions& out) { intake.flush(out); });
  });
}

void node::perform(const origin& of, stream_intake::actions actions) {
  for (auto& action : actions) {
    if (const auto* notice = std::get_if<actors::session_notice>(&action)) {
      tell(*notice);
    } else if (auto* wish = std::get_if<actors::claim_wish>(&action)) {
      const auto shared = std::make_shared<actors::claim_wish>(std::move(*wish));
      at.in(shared->wait, [this, of, shared] { send_claim(of, std::move(*shared)); });
    } else if (const auto* gone = std::get_if<actors::claim_withdrawal>(&action)) {
      at.in({}, [this, of, ticket = gone->ticket] { memory_->claims->withdraw(of, ticket); });
    } else {
      const auto held = std::get<std::shared_ptr<actors::held_append>>(action);
      at.in({}, [this, of, held] { memory_->lanes[lane_of(of.machine)]->add(of, held); });
    }
  }
}

void node::send_claim(const origin& of, actors::claim_wish wish) {
  const auto& intake = memory_->machines.at(of.machine).streams.at(of.slot).intake;
  if (wish.wait.count() == 0 || intake.awaits(wish.ticket))
    memory_->claims->add(of, std::move(wish));
}

void node::settle(const lane::ticket& of, append_result what) {
  at.in({}, [this, from = of.origin, epoch = of.claim.epoch, to = of.to, what] {
    on_stream(from, [&](stream_intake& intake, stream_intake::actions& out) {
      using kind = append_result::kind;
      if (what.what == kind::committed)
        intake.committed(epoch, to, out);
      else if (what.what == kind::taken)
        intake.append_taken(epoch, on_.time.now(), out);
      else
        intake.append_failed(epoch, what.what == kind::fenced, out);
      check_yields(from, what, out);
    });
  });
}

/// A node whose stream another incarnation has claimed leaves it alone.
void node::check_yields(const origin& of,
                        append_result what,
                        const stream_intake::actions& decided) {
  const bool claims = std::any_of(decided.begin(), decided.end(), [](const auto& one) {
    return std::holds_alternative<actors::claim_wish>(one);
  });
  if (what.by_another && claims)
    on_.truth.broken("yield", at.name() + " claims the stream of " + of.machine
                                + " again, which another node serves");
}

void node::take_claim(const origin& of, std::uint64_t ticket, const desk::claim_result& what) {
  at.in({}, [this, of, ticket, what] {
    on_stream(of, [&](stream_intake& intake, stream_intake::actions& out) {
      if (what.delayed)
        intake.claim_delayed(ticket, out);
      else if (what.outcome.taken)
        intake.claim_taken(ticket, on_.time.now(), out);
      else
        intake.claimed(ticket, what.outcome, out);
    });
  });
}

std::size_t node::lane_of(const std::string& machine) const {
  return static_cast<unsigned char>(machine.back()) % memory_->lanes.size();
}

void node::all_streams(const std::function<bool(const std::string&)>& which, const event& what) {
  for (const auto& [name, one] : memory_->machines)
    if (which(name))
      for (const auto& [slot, stream] : one.streams)
        on_stream({name, slot}, what);
}

void node::kill_lane() {
  const auto which = static_cast<std::size_t>(on_.chance.below(memory_->lanes.size()));
  memory_->lanes[which]->die();
  all_streams([&](const std::string& machine) { return lane_of(machine) == which; },
              [](stream_intake& intake, stream_intake::actions& out) { intake.lane_lost(out); });
}

void node::kill_desk() {
  memory_->claims->die();
  all_streams([](const std::string&) { return true; },
              [](stream_intake& intake, stream_intake::actions& out) { intake.desk_lost(out); });
}

void node::keep_alive() {
  const auto now = on_.time.now();
  std::vector<std::uint64_t> quiet;
  std::vector<std::uint64_t> over;
  for (auto& [id, one] : memory_->sessions) {
    if (now - one.greeted_at > actors::unreachable_for)
      one.unreachable.clear();
    if (now - one.heard_at > idle_limit)
      over.push_back(id);
    else if (one.slot != 0 && now - one.sent_at >= keepalive)
      quiet.push_back(id);
  }
  for (const auto id : over)
    end_session(id);
  for (const auto id : quiet)
    send(id, proto::ping{0});
  at.in(1s, [this] { keep_alive(); });
}

std::string node::described() const {
  auto out = at.name() + (at.frozen() ? ", frozen" : at.alive() ? "" : ", dead");
  if (!memory_)
    return out;
  for (const auto& one : memory_->lanes)
    out += one->idle() ? ", an idle lane" : ", a busy lane";
  for (const auto& [name, one] : memory_->machines)
    for (const auto& [slot, stream] : one.streams)
      out += "; " + name + (stream.intake.attached() ? " attached" : "")
             + (stream.intake.adrift() ? " adrift" : "") + (stream.intake.packed() ? " packed" : "")
             + " received " + std::to_string(stream.intake.received_seq()) + " durable "
             + std::to_string(stream.intake.durable_seq());
  return out;
}

bool node::holds_nothing() const {
  return std::all_of(memory_->machines.begin(), memory_->machines.end(),
                     [](const auto& one) {
                       return std::all_of(one.second.streams.begin(), one.second.streams.end(),
                                          [](const auto& each) {
                                            return each.second.intake.idle()
                                                   || !each.second.intake.packed();
                                          });
                     })
         && std::all_of(memory_->lanes.begin(), memory_->lanes.end(),
                        [](const auto& one) { return one->idle(); });
}

void node::drain() {
  memory_->draining = true;
  std::vector<std::uint64_t> all;
  for (const auto& [id, one] : memory_->sessions)
    all.push_back(id);
  for (const auto id : all)
    send(id, proto::goaway{});
  end_when_empty(50);
}

void node::end_when_empty(int checks) {
  at.in(100ms, [this, checks] {
    if (checks > 0 && !(memory_->sessions.empty() && holds_nothing()))
      return end_when_empty(checks - 1);
    end_at_once();
  });
}

} // namespace furrow::simulation
