/// The peer: another node's admin side, as an actor here. It ends with the process of that node; who monitors it gets
/// DOWN.
///
/// Errors: a node that does not answer makes a failed_answer.
/// Limits: `asks_max` asks at once; answers of at most `rows_max` rows, all pages together.
#pragma once

#include "actors/cluster/link_port.hpp"
#include "actors/cluster/messages.hpp"
#include "actors/live/metered_actor.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstdint>
#include <map>
#include <memory>

namespace furrow::actors {

struct peer_state {
  static constexpr const char* name = "peer";
  static constexpr std::size_t asks_max = 256;
  static constexpr std::size_t rows_max = 50'000;

  struct call {
    caf::typed_response_promise<admin_reply> promise;
    proto::link::wish wish;
    proto::link::reply gathered;
    bool begun = false; // `gathered` has the first page
  };
  peer_info node;
  std::shared_ptr<link_port> port;
  std::map<std::uint64_t, call> calls;
  std::uint64_t last = 0;
};

peer_actor::behavior_type
peer(metered_pointer<peer_actor, peer_state> self, peer_info node, std::shared_ptr<link_port> port);

} // namespace furrow::actors
