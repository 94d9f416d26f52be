/// The messages and handles of the actors that speak to other nodes. They stay in one process, as all messages do: what
/// crosses the network is proto/link.hpp.
#pragma once

#include "actors/cluster/peer_directory.hpp"
#include "proto/link.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include <cstdint>
#include <memory>

namespace furrow::actors {

/// What a node's admin side is asked: its actors, the end of one, its machines, the report of one.
struct admin_wish {
  std::shared_ptr<const proto::link::wish> what;
};
/// All pages of the answer.
struct admin_reply {
  std::shared_ptr<const proto::link::reply> said;
};
/// One page, from the link to the peer that asked.
struct admin_page {
  std::uint64_t call = 0;
  std::shared_ptr<proto::link::reply> said;
};
struct peers_changed {
  peer_directory::list peers;
};
struct peers_due {};

} // namespace furrow::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::admin_wish)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::admin_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::admin_page)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::peers_changed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::peers_due)

namespace furrow::actors {

/// The admin side of another node.
using peer_actor = caf::typed_actor<
  // Ask the node; the reply comes within the link's time-out.
  caf::replies_to<admin_wish>::with<admin_reply>,
  // A page of an answer, or why there is none.
  caf::reacts_to<admin_page>>;

/// Starts a peer for each living node, and ends it with its node's process.
using peers_actor = caf::typed_actor<
  // The directory's new list.
  caf::reacts_to<peers_changed>,
  // The wait after the death of a peer is over.
  caf::reacts_to<peers_due>>;

} // namespace furrow::actors
