#include "actors/cluster/peers.hpp"

#include "actors/cluster/peer.hpp"
#include "actors/log/log.hpp"

#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <algorithm>

namespace furrow::actors {

namespace {

using peers_pointer = metered_pointer<peers_actor, peers_state>;

void publish_roster(peers_state& state) {
  peer_roster::list running;
  for (const auto& [name, one] : state.peers)
    if (one.actor)
      running.emplace_back(name, one.actor);
  state.parts.roster->set(std::move(running));
}

void start_peer(peers_pointer self, peers_state::running& one) {
  auto& parts = self->state.parts;
  one.actor = self->spawn(peer, one.node, parts.port);
  self->monitor(one.actor);
  const auto handle = caf::actor_cast<caf::actor>(one.actor);
  if (one.census_id == 0)
    one.census_id = parts.people->enter(parts.census_id, "peer " + one.node.name, handle);
  else
    parts.people->restarted(one.census_id, handle, "its restart was due");
}

void end_peer(peers_pointer self, peers_state::running& one) {
  if (one.actor)
    self->send_exit(one.actor, caf::exit_reason::remote_link_unreachable);
  self->state.parts.people->leave(one.census_id);
}

void take_list(peers_pointer self, const peer_directory::list& nodes) {
  auto& state = self->state;
  const auto stays = [&nodes](const peer_info& old) {
    return std::find(nodes.begin(), nodes.end(), old) != nodes.end();
  };
  for (auto one = state.peers.begin(); one != state.peers.end();) {
    if (stays(one->second.node)) {
      ++one;
      continue;
    }
    end_peer(self, one->second);
    one = state.peers.erase(one);
  }
  for (const auto& node : nodes) {
    if (!node.alive || node.link.empty() || state.peers.contains(node.name))
      continue;
    auto& made = state.peers[node.name];
    made.node = node;
    start_peer(self, made);
  }
  publish_roster(state);
}

void peer_died(peers_pointer self, const caf::down_msg& down) {
  auto& state = self->state;
  const auto died = std::find_if(state.peers.begin(), state.peers.end(), [&](const auto& one) {
    return one.second.actor && one.second.actor.address() == down.source;
  });
  if (died == state.peers.end())
    return; // it was ended with its node
  const auto why = self->system().render(down.reason);
  log::warn(log::cluster, "peer_died", {.peer = died->first, .error = why},
            "peer {} died ({}); restarting it in {} s", died->first, why,
            peers_state::restart_wait.count());
  died->second.actor = nullptr;
  state.parts.people->set_state(died->second.census_id, "restarting", why);
  publish_roster(state);
  self->delayed_send(self, peers_state::restart_wait, peers_due{});
}

} // namespace

peers_state::~peers_state() {
  parts.roster->clear();
  for (auto& [name, one] : peers) {
    if (one.actor)
      caf::anon_send_exit(one.actor, caf::exit_reason::user_shutdown);
    parts.people->leave(one.census_id);
  }
}

peers_actor::behavior_type peers(peers_pointer self, peers_parts parts) {
  self->state.parts = std::move(parts);
  self->set_down_handler([self](const caf::down_msg& down) { peer_died(self, down); });
  return {
    [self](const peers_changed& changed) { take_list(self, changed.peers); },
    [self](peers_due) {
      for (auto& [name, one] : self->state.peers)
        if (!one.actor)
          start_peer(self, one);
      publish_roster(self->state);
    },
  };
}

} // namespace furrow::actors
