/// The cluster view of a running node: sends an ask to the peers that run now, and collects what they say.
///
/// Shape: one short-lived actor an ask; it requests with `peer_limit`, and names who did not answer.
/// Threads: as peer_nodes.hpp.
#pragma once

#include "actors/cluster/local_answers.hpp"
#include "actors/cluster/peer_nodes.hpp"
#include "actors/cluster/peers.hpp"

#include <caf/actor_system.hpp>

#include <memory>
#include <string>
#include <utility>

namespace furrow::actors {

class running_peers final : public peer_nodes {
public:
  /// The system outlives the view.
  running_peers(caf::actor_system& system, std::shared_ptr<peer_roster> roster, local_answers own)
    : system_{system}, roster_{std::move(roster)}, own_{std::move(own)} {}

  void ask_peers(proto::link::wish what, heard done) override;
  void ask_peer(const std::string& node, proto::link::wish what, heard done) override;
  void answer(const proto::link::wish& what, link_port::handler done) override {
    own_.answer(what, std::move(done));
  }

private:
  void collect(peer_roster::list whom, proto::link::wish what, heard done);

  caf::actor_system& system_;
  std::shared_ptr<peer_roster> roster_;
  local_answers own_;
};

} // namespace furrow::actors
