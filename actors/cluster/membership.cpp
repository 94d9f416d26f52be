#include "actors/cluster/membership.hpp"

#include "actors/cluster/peer_nodes.hpp"
#include "actors/log/log.hpp"
#include "actors/supervision/exceptions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace furrow::actors {

namespace {

using membership_pointer = membership_actor::stateful_pointer<membership_state>;
using membership_clock = lease_keeper::clock;

storage::node_load load_of(membership_state& state, membership_clock::time_point now) {
  storage::node_load out;
  out.sessions = state.people->counters.sessions;
  const std::uint64_t frames = state.people->counters.frames_durable;
  const auto passed = std::chrono::duration<double>(now - state.frames_at).count();
  if (state.frames_at != membership_clock::time_point{} && passed > 0)
    out.frames_s = static_cast<std::uint64_t>(static_cast<double>(frames - state.frames) / passed);
  state.frames = frames;
  state.frames_at = now;
  if (state.config.lag)
    out.lag_ms = static_cast<std::uint64_t>(state.config.lag().count());
  return out;
}

/// A handler that sends its outcome to the actor.
template <class Reply, class T>
storage::handler<T> to_me(membership_pointer self, std::uint64_t call) {
  return [call, me = membership_actor{self}](storage::result<T> outcome) {
    caf::anon_send(me, Reply{call, std::make_shared<storage::result<T>>(std::move(outcome))});
  };
}

void ask(membership_pointer self, lease_question what, membership_clock::time_point now) {
  auto& state = self->state;
  const auto& who = state.seen.self;
  const auto call = ++state.call;
  state.asked_at = now;
  switch (what) {
  case lease_question::join:
  case lease_question::beat: {
    const auto orders = state.board->orders();
    storage::beat_request request{who, what == lease_question::join, orders.ends,
                                  orders.card.value_or(storage::node_card{}), load_of(state, now)};
    state.store->beat(std::move(request), to_me<beat_reply, storage::beat_outcome>(self, call));
    break;
  }
  case lease_question::judge:
    state.store->judge(who, to_me<judge_reply, storage::judgement>(self, call));
    break;
  case lease_question::leave:
    state.store->leave(who, to_me<leave_reply, furrow::done>(self, call));
    break;
  case lease_question::none:
    break;
  }
}

void tell_own_state(membership_state& state) {
  const auto now = state.keeper.state();
  const auto before = std::exchange(state.told, now);
  if (now == before)
    return;
  const auto& name = state.seen.self.name;
  switch (now) {
  case node_state::alive:
    if (before == node_state::joining)
      log::info(log::cluster, "node_joined", {.count = state.seen.nodes.size()},
                "cluster: this node is {} (view {}, {} nodes known)", name, state.seen.view,
                state.seen.nodes.size());
    else
      log::info(log::cluster, "node_alive", {}, "cluster: this node is alive again (it was {})",
                to_string(before));
    break;
  case node_state::unsure:
    ++state.people->counters.lease_lapses;
    log::warn(log::cluster, "lease_lapsed", {},
              "cluster: the database has not renewed the lease of this node for {} s; the node "
              "works on and judges nobody",
              std::chrono::duration_cast<std::chrono::seconds>(state.config.limits.lease).count());
    break;
  case node_state::draining:
    log::info(log::cluster, "node_drains", {},
              "cluster: this node drains: it takes no new sessions");
    break;
  case node_state::left:
    log::info(log::cluster, "node_left", {}, "cluster: this node has left");
    break;
  case node_state::dead: // the program says why it ends
  case node_state::joining:
    break;
  }
}

void tell_cut_off(membership_state& state) {
  const bool now = state.seen.cut_off();
  if (std::exchange(state.told_cut_off, now) == now || !now)
    return;
  log::warn(
    log::cluster, "cut_off", {.count = state.seen.database_at.size()},
    "cluster: the database does not answer this node, but answers {}: the gateways go there",
    fmt::join(state.seen.database_at, ", "));
}

/// One line for each change of another node.
void tell_others(membership_state& state) {
  std::map<std::string, storage::node_status> now;
  std::uint64_t alive = 0;
  for (const auto& node : state.seen.nodes) {
    alive += node.status == storage::node_status::alive ? 1 : 0;
    if (node.who.name == state.seen.self.name)
      continue;
    now[node.who.name] = node.status;
    const auto before = state.told_nodes.find(node.who.name);
    const bool first = state.told_nodes.empty();
    if (before != state.told_nodes.end() ? before->second == node.status
                                         : first && node.status != storage::node_status::alive)
      continue;
    if (node.status == storage::node_status::dead)
      log::warn(log::cluster, "peer_dead", {.peer = node.who.name},
                "cluster: node {} is dead: its lease was not renewed (judged by {}); its "
                "gateways go to the other nodes",
                node.who.name, node.judged_by);
    else
      log::info(log::cluster, "peer_changed", {.peer = node.who.name}, "cluster: node {} is {}",
                node.who.name, to_string(node.status));
  }
  state.told_nodes = std::move(now);
  state.people->counters.cluster_nodes_alive = alive;
}

void publish(membership_state& state) {
  state.seen.state = state.keeper.state();
  tell_own_state(state);
  tell_cut_off(state);
  state.people->counters.lease_lapsed =
    state.seen.state == node_state::unsure || state.seen.state == node_state::dead;
  state.board->publish(std::make_shared<const cluster_view>(state.seen));
}

/// All peers have answered, or did not in time. One that is silent counts as before: it may refuse this node, which it
/// takes for dead.
void end_round(membership_state& state) {
  auto& round = state.peers;
  auto& known = state.seen.database_at;
  for (auto& peer : std::exchange(round.silent, {}))
    if (std::binary_search(known.begin(), known.end(), peer))
      round.answering.push_back(std::move(peer));
  std::sort(round.answering.begin(), round.answering.end());
  known = std::exchange(round.answering, {});
  if (state.keeper.state() == node_state::unsure)
    publish(state);
}

void note_lease(membership_state& state, const std::string& peer, const admin_reply* reply) {
  auto& round = state.peers;
  const auto* said =
    reply == nullptr ? nullptr : std::get_if<proto::link::lease_age_answer>(&*reply->said);
  if (said == nullptr)
    round.silent.push_back(peer);
  else if (said->age_ms
           && std::chrono::milliseconds{*said->age_ms} + state.config.younger_by <= round.own_age)
    round.answering.push_back(peer);
  if (--round.missing == 0)
    end_round(state);
}

/// Whether the database is away for all, or for this node alone. The links are there before the lease ends: afterwards
/// the peers may refuse new ones.
void ask_peers(membership_pointer self, membership_clock::time_point now) {
  auto& state = self->state;
  auto& round = state.peers;
  const auto own = state.keeper.state();
  if ((own != node_state::alive && own != node_state::unsure) || !state.config.roster
      || now - state.seen.asked_at < state.config.peers_after || round.missing > 0
      || now - round.asked_at < state.config.peers_every)
    return;
  round.asked_at = now;
  round.own_age = now - state.seen.asked_at;
  const auto peers = state.config.roster->all();
  round.missing = peers.size();
  const admin_wish wish{
    std::make_shared<const proto::link::wish>(proto::link::wish{{}, proto::link::lease_wish{}})};
  for (const auto& one : peers) {
    const auto& name = one.first;
    self->request(one.second, peer_limit, wish)
      .then([self, name](const admin_reply& reply) { note_lease(self->state, name, &reply); },
            [self, name](const caf::error&) { note_lease(self->state, name, nullptr); });
  }
  if (peers.empty())
    end_round(state);
}

void go_on(membership_pointer self) {
  auto& state = self->state;
  const auto now = self->clock().now();
  const auto orders = state.board->orders();
  const auto again = [&](std::chrono::nanoseconds wait) {
    self->delayed_send(self, std::max<std::chrono::nanoseconds>(wait, std::chrono::milliseconds{1}),
                       lease_due{++state.ticks});
  };
  if (!orders.card && !orders.leaves)
    return again(state.config.look_every);
  if (orders.ends && !std::exchange(state.ending, true))
    state.keeper.hurry(now);
  if (orders.leaves && !std::exchange(state.leaving, true))
    state.keeper.leave(now);
  const auto before = state.keeper.state();
  auto wanted = state.keeper.next(now);
  if (wanted != lease_question::none && state.asked_at) { // the store still has the one before
    state.keeper.failed(now);
    wanted = lease_question::none;
  }
  if (wanted != lease_question::none)
    ask(self, wanted, now);
  if (state.keeper.state() != before)
    publish(state);
  // A process that stood still asks the database first: its lease looks old, and others' do not.
  constexpr std::chrono::milliseconds stood_still{1'500};
  const auto last = std::exchange(state.ticked_at, now);
  if (last && now - *last > stood_still)
    state.peers.asked_at = now;
  ask_peers(self, now);
  if (state.keeper.state() != node_state::left && state.keeper.state() != node_state::dead)
    again(state.keeper.wake() - now);
}

/// What took the lease, in words for people.
std::string end_in_words(const membership_state& state) {
  for (const auto& node : state.seen.nodes) {
    if (node.who.name != state.seen.self.name)
      continue;
    if (node.who.incarnation != state.seen.self.incarnation)
      return "another process has started under the name " + node.who.name;
    if (node.status == storage::node_status::dead)
      return "node " + node.judged_by
             + " has declared this one dead, for its lease was not renewed for 3 s";
    return "the row of this node says that it has left";
  }
  return "the row of this node is gone";
}

using machine_name = std::pair<std::string, std::string>;

/// As many of these as one call takes, from behind `last` on and then from the first: those that cannot be written do not
/// keep the others waiting.
storage::machine_names batch_after(const machine_name& last, const std::set<machine_name>& of) {
  const auto begin = of.upper_bound(last);
  storage::machine_names out(begin, of.end());
  out.insert(out.end(), of.begin(), begin);
  out.resize(std::min(out.size(), storage::homes_at_once));
  return out;
}

/// Whether homes could be written, told when it changes.
void note_homes(membership_state& state, const storage::result<storage::machine_names>& outcome) {
  const bool failed = !outcome;
  if (std::exchange(state.settle_failed, failed) == failed || !failed)
    return;
  log::warn(log::cluster, "homes_not_written", {},
            "cluster: the database has not written which machines this node serves: {}; the node "
            "tries again every second",
            outcome.error().detail);
}

/// Machines whose gateways have been away for a while have no home here. While the node ends, their homes stay: they show
/// whose gateways are awaited.
void unsettle(membership_pointer self, membership_clock::time_point now) {
  auto& state = self->state;
  if (state.asked_settle || state.asked_unsettle || state.keeper.state() != node_state::alive)
    return;
  std::set<machine_name> away;
  for (const auto& [machine, since] : state.gone)
    if (now - since >= state.config.home_kept)
      away.insert(machine);
  auto batch = batch_after(state.unsettled_last, away);
  if (batch.empty())
    return;
  state.unsettled_last = batch.back();
  state.asked_unsettle = true;
  state.store->unsettle(state.seen.self, std::move(batch),
                        to_me<unsettle_reply, storage::machine_names>(self, 0));
}

/// Machines that gateways have connected here since.
void settle(membership_pointer self, membership_clock::time_point now) {
  auto& state = self->state;
  if (state.asked_settle || state.asked_unsettle || state.keeper.state() == node_state::dead)
    return;
  std::set<machine_name> here;
  std::set<machine_name> unwritten;
  for (const auto& machine : state.people->board.all()) {
    if (!machine->connected)
      continue;
    std::pair name{machine->farm, machine->equipment};
    state.gone.erase(name);
    if (state.settled.contains(name))
      here.insert(std::move(name));
    else
      unwritten.insert(std::move(name));
  }
  for (const auto& name : state.settled)
    if (!here.contains(name))
      state.gone.try_emplace(name, now);
  state.settled = std::move(here);
  auto batch = batch_after(state.settled_last, unwritten);
  if (batch.empty())
    return;
  state.settled_last = batch.back();
  state.asked_settle = true;
  state.store->settle(state.seen.self, std::move(batch),
                      to_me<settle_reply, storage::machine_names>(self, 0));
}

void look_at_pins(membership_pointer self, membership_clock::time_point now) {
  auto& state = self->state;
  if (state.asked_pins
      || (state.seen.pins != nullptr && now - state.pins_at < state.config.pins_every))
    return;
  state.pins_at = now;
  state.asked_pins = true;
  state.store->pins(to_me<pins_reply, std::vector<storage::machine_home>>(self, 0));
}

void hear(membership_pointer self, beat_reply& reply) {
  auto& state = self->state;
  if (reply.call != state.call || !state.asked_at)
    return;
  const auto now = self->clock().now();
  const auto asked_at = *std::exchange(state.asked_at, std::nullopt);
  if (!*reply.outcome) {
    state.keeper.failed(now);
    return;
  }
  auto& outcome = **reply.outcome;
  lease_answer answer;
  answer.known = outcome.known;
  answer.mine = outcome.mine;
  for (const auto& node : outcome.nodes) {
    const bool own = node.who.name == state.seen.self.name;
    answer.drain = answer.drain || (own && (node.drain || state.ending));
    if (own
        || (node.status != storage::node_status::alive
            && node.status != storage::node_status::draining))
      continue;
    if (node.lease_ms < 0)
      answer.late = true;
    else
      answer.next_late = std::min(answer.next_late, std::chrono::milliseconds{node.lease_ms});
  }
  state.keeper.answered(answer, now);
  state.board->set_joined(state.keeper.joined());
  if (outcome.view != state.seen.view || state.seen.changed_at == membership_clock::time_point{})
    state.seen.changed_at = now;
  state.seen.view = outcome.view;
  const bool replaced = state.database.look(outcome.timeline, now);
  state.seen.timeline = state.database.timeline();
  state.seen.nodes = std::move(outcome.nodes);
  state.seen.asked_at = asked_at;
  state.seen.lease_from = state.keeper.valid_from();
  state.seen.database_at.clear();
  if (state.keeper.state() == node_state::dead)
    state.seen.ended_by = end_in_words(state);
  publish(state);
  if (replaced && state.config.replaced)
    state.config.replaced(state.seen.timeline);
  tell_others(state);
  settle(self, now);
  unsettle(self, now);
  look_at_pins(self, now);
}

void hear(membership_pointer self, pins_reply& reply) {
  auto& state = self->state;
  state.asked_pins = false;
  if (!*reply.outcome)
    return;
  pin_map pins;
  for (auto& one : **reply.outcome)
    pins.emplace(std::pair{std::move(one.farm), std::move(one.name)}, std::move(one.pinned_to));
  if (state.seen.pins && *state.seen.pins == pins)
    return;
  state.seen.pins = std::make_shared<const pin_map>(std::move(pins));
  publish(state);
}

} // namespace

membership_actor::behavior_type membership(membership_pointer self,
                                           const membership_config& config,
                                           storage::membership_store* store,
                                           std::shared_ptr<census> people,
                                           std::shared_ptr<cluster_board> board) {
  report_exceptions(self);
  auto& state = self->state;
  state.config = config;
  state.store = store;
  state.people = std::move(people);
  state.board = std::move(board);
  state.seen = *state.board->latest();
  state.keeper = lease_keeper{config.limits, state.board->joined()};
  state.database = timeline_watch{state.seen.timeline};
  state.told = state.keeper.state();
  self->send(self, lease_due{++state.ticks});
  return {
    [self](lease_due due) {
      if (due.tick == 0 || due.tick == self->state.ticks)
        go_on(self);
    },
    [self](beat_reply& reply) {
      hear(self, reply);
      go_on(self);
    },
    [self](judge_reply& reply) {
      auto& own = self->state;
      if (reply.call != own.call || !own.asked_at)
        return;
      own.asked_at.reset();
      const auto now = self->clock().now();
      if (*reply.outcome) {
        own.people->counters.nodes_judged += (*reply.outcome)->dead.size();
        own.keeper.judged(now);
      } else
        own.keeper.failed(now);
      go_on(self);
    },
    [self](leave_reply& reply) {
      auto& own = self->state;
      if (reply.call != own.call || !own.asked_at)
        return;
      own.asked_at.reset();
      if (*reply.outcome)
        own.keeper.left();
      else
        own.keeper.failed(self->clock().now());
      publish(own);
      go_on(self);
    },
    [self](settle_reply& reply) {
      auto& own = self->state;
      own.asked_settle = false;
      note_homes(own, *reply.outcome);
      if (*reply.outcome)
        own.settled.insert((*reply.outcome)->begin(), (*reply.outcome)->end());
    },
    [self](unsettle_reply& reply) {
      auto& own = self->state;
      own.asked_unsettle = false;
      note_homes(own, *reply.outcome);
      if (*reply.outcome)
        for (const auto& machine : **reply.outcome)
          own.gone.erase(machine);
    },
    [self](pins_reply& reply) { hear(self, reply); },
  };
}

} // namespace furrow::actors
