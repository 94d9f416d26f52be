#include "actors/cluster/running_peers.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <cstdint>

namespace furrow::actors {

namespace {

/// Collects the answers to one ask. The destructor tells what has been heard, also when the system ends.
struct collector_state {
  static constexpr const char* name = "collector";
  peer_nodes::heard done;
  peers_said said;
  std::size_t missing = 0;

  ~collector_state() {
    if (!done)
      return;
    std::sort(said.incomplete.begin(), said.incomplete.end());
    done(std::move(said));
  }
};

using collector_pointer = caf::stateful_actor<collector_state>*;

void note_reply(collector_pointer self, const std::string& node, const admin_reply* reply) {
  auto& state = self->state;
  const bool failed =
    reply == nullptr || std::holds_alternative<proto::link::failed_answer>(*reply->said);
  if (failed)
    state.said.incomplete.push_back(node);
  else
    state.said.answers.emplace_back(node, reply->said);
  if (--state.missing == 0)
    self->quit();
}

caf::behavior collector(collector_pointer self,
                        const peer_roster::list& whom,
                        const admin_wish& what,
                        peer_nodes::heard done) {
  self->state.done = std::move(done);
  self->state.missing = whom.size();
  if (whom.empty())
    self->quit();
  for (const auto& one : whom) {
    const auto& name = one.first;
    self->request(one.second, peer_limit, what)
      .then([self, name](const admin_reply& reply) { note_reply(self, name, &reply); },
            [self, name](const caf::error&) { note_reply(self, name, nullptr); });
  }
  return {[](std::uint8_t) {}}; // lives until all have answered
}

} // namespace

void running_peers::ask_peers(proto::link::wish what, heard done) {
  collect(roster_->all(), std::move(what), std::move(done));
}

void running_peers::ask_peer(const std::string& node, proto::link::wish what, heard done) {
  auto whom = roster_->all();
  std::erase_if(whom, [&node](const auto& one) { return one.first != node; });
  if (whom.empty()) {
    peers_said nobody;
    nobody.unknown = true;
    done(std::move(nobody));
    return;
  }
  collect(std::move(whom), std::move(what), std::move(done));
}

void running_peers::collect(peer_roster::list whom, proto::link::wish what, heard done) {
  const admin_wish wish{std::make_shared<const proto::link::wish>(std::move(what))};
  system_.spawn(collector, std::move(whom), wish, std::move(done));
}

} // namespace furrow::actors
