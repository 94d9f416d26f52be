/// The supervision tree of a node, as data: who runs below whom, in which order they start, and how
/// often each may be restarted.
///
/// Threads: the specs are run by the supervisors; what `tree_parts` points to outlives the actors.
#pragma once

#include "actors/live/census.hpp"
#include "actors/node_config.hpp"
#include "actors/supervision/supervisor.hpp"
#include "actors/supervision/wiring.hpp"
#include "storage/store.hpp"

#include <memory>
#include <vector>

namespace furrow::actors {

/// What the actors of the tree work with.
struct tree_parts {
  node_config config;
  storage::store* store = nullptr;
  std::shared_ptr<census> people;
  std::shared_ptr<wiring> places;
};

/// What the root supervises: `storage` with its children, then `fleet`.
[[nodiscard]] std::vector<child_spec> node_tree(const tree_parts& parts);

} // namespace furrow::actors
