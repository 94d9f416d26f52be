/// The supervision tree of a node, as data: the parent of each actor, the order of starts, and the
/// restart policies.
///
/// Threads: the supervisors run the specs; what `tree_parts` points to outlives the actors.
#pragma once

#include "actors/cluster/cluster_board.hpp"
#include "actors/cluster/link_parts.hpp"
#include "actors/cluster/peers.hpp"
#include "actors/forward/forward_board.hpp"
#include "actors/live/census.hpp"
#include "actors/node_config.hpp"
#include "actors/supervision/supervisor.hpp"
#include "actors/supervision/wiring.hpp"
#include "storage/homes/home_stores.hpp"
#include "storage/store.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

namespace furrow::actors {

/// The objects that the actors of the tree share.
struct tree_parts {
  node_config config;
  storage::home_stores* homes = nullptr;
  std::shared_ptr<census> people;
  std::shared_ptr<wiring> places;
  std::shared_ptr<cluster_board> cluster{};
  std::function<std::chrono::milliseconds()> lag{}; // of the oldest item that is not durable yet
  link_parts link = {};                             // without a port: the node is alone
  std::shared_ptr<peer_roster> roster = {};
  std::shared_ptr<const memory_budget> budget = {}; // of the items that are not durable yet
  std::shared_ptr<forward_port> forward =
    {}; // to head office, for all databases; none: this node forwards nothing
  std::shared_ptr<forward_board> forward_state = {};
  storage::store* all_homes = nullptr; // as one; none: there is main alone
};

/// The children of the root: `storage` with its children, `cluster` where several nodes share the database, then `fleet`.
[[nodiscard]] std::vector<child_spec> node_tree(const tree_parts& parts);

/// The branch of one database: claim desk, lanes, digest, sealer, caretaker, and the forwarder where the node forwards to
/// head office. `storage` for main; for another one
/// `storage NAME`, which the root starts when the database is opened. That one is restarted for ever: the other farms'
/// machines do not end for it.
[[nodiscard]] child_spec storage_branch(const tree_parts& parts,
                                        const storage::home_stores::home& home);

} // namespace furrow::actors
