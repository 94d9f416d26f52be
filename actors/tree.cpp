#include "actors/tree.hpp"

#include "actors/background/caretaker.hpp"
#include "actors/background/digester.hpp"
#include "actors/background/sealer.hpp"
#include "actors/cluster/membership.hpp"
#include "actors/forward/forwarder.hpp"
#include "actors/ingest/aggregator.hpp"
#include "actors/ingest/claim_desk.hpp"
#include "actors/ingest/fleet.hpp"
#include "actors/ingest/writer.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>

namespace furrow::actors {

namespace {

using std::chrono::seconds;

// A writer that dies soon after every start spends this within a minute and ends `storage`.
constexpr restart_policy pool_restarts{10, seconds{60}};
// Long enough that `storage` cannot end that way and be restarted forever: four such ends fit in.
// One end may be an operator's or a mishap; the second within five minutes is a failure that stays.
constexpr restart_policy root_restarts{
  .restarts_max = 3, .window = seconds{300}, .failing_after = 2, .last_drains = true};

// Of the branch of another database: it never ends the root.
constexpr restart_policy part_restarts{
  .restarts_max = 3, .window = seconds{300}, .failing_after = 2, .keeps_trying = true};

// Of a forwarder: a line to head office never ends what stores.
constexpr restart_policy forward_restarts{
  .restarts_max = 10, .window = seconds{60}, .keeps_trying = true};

/// A child of one typed actor: `spawn(supervisor, census_id)` starts it, `tell(handle)` announces it.
template <class Spawn, class Tell>
child_spec worker(std::string id, const restart_policy& restarts, Spawn spawn, Tell tell) {
  using handle = std::invoke_result_t<Spawn, caf::event_based_actor*, std::uint64_t>;
  return {
    std::move(id),
    [spawn = std::move(spawn)](caf::event_based_actor* supervisor, std::uint64_t census_id) {
      return caf::actor_cast<caf::actor>(spawn(supervisor, census_id));
    },
    [tell = std::move(tell)](const caf::actor& child) { tell(caf::actor_cast<handle>(child)); },
    restarts,
    {}};
}

constexpr auto nobody = [](const auto&) {}; // for children without collaborators to tell

storage::store* main_store(const tree_parts& parts) {
  return parts.homes->open().front().store;
}

using storage::home_stores;

child_spec claim_desk_child(const tree_parts& parts, const home_stores::home& home) {
  claim_desk_config config;
  config.home = home.index;
  config.first_wait = parts.config.claim_retry;
  config.seed = parts.config.seed;
  config.moved = [homes = parts.homes](const storage::farm_home& now) { homes->correct(now); };
  return worker(
    "claim-desk", pool_restarts,
    [parts, config, home](caf::event_based_actor* supervisor, std::uint64_t) {
      return supervisor->spawn(claim_desk, config, home.store, parts.people);
    },
    [places = parts.places, at = home.index](claim_desk_actor desk) {
      places->set_desk(at, std::move(desk));
    });
}

child_spec writer_child(const tree_parts& parts, const home_stores::home& home, std::size_t lane) {
  const auto number = std::to_string(lane);
  return worker(
    "writer-" + number, pool_restarts,
    [store = home.store, number](caf::event_based_actor* supervisor, std::uint64_t) {
      return supervisor->spawn(writer, store, "w" + number);
    },
    [places = parts.places, at = home.index, lane](writer_actor one) {
      places->set_writer(at, lane, std::move(one));
    });
}

child_spec
aggregator_child(const tree_parts& parts, const home_stores::home& home, std::size_t lane) {
  // A lease is about three times as large as the block of its frames.
  constexpr std::size_t lease_growth = 3;
  aggregator_config config;
  config.home = home.index;
  config.lane = lane;
  config.hung_bytes_max =
    parts.config.budget_bytes / 2 / lease_growth / std::max(parts.config.lanes, 1U);
  return worker(
    "aggregator-" + std::to_string(lane), pool_restarts,
    [config, people = parts.people](caf::event_based_actor* supervisor, std::uint64_t) {
      return supervisor->spawn(aggregator, config, people);
    },
    [places = parts.places, at = home.index, lane](aggregator_actor one) {
      places->set_aggregator(at, lane, std::move(one));
    });
}

child_spec digest_child(const tree_parts& parts, const home_stores::home& home) {
  auto config = parts.config.digest;
  config.home = home.index;
  return worker(
    "digest", pool_restarts,
    [config, people = parts.people, store = home.store](caf::event_based_actor* supervisor,
                                                        std::uint64_t) {
      return supervisor->spawn<caf::detached>(digester, config, store, people);
    },
    nobody);
}

child_spec sealer_child(const tree_parts& parts, const home_stores::home& home) {
  sealer_config config;
  config.home = home.index;
  config.due_after = parts.config.seal_after;
  config.behind_digest = parts.config.digest.on && home.store->capabilities().digest;
  return worker(
    "sealer", pool_restarts,
    [config, people = parts.people, store = home.store](caf::event_based_actor* supervisor,
                                                        std::uint64_t) {
      return supervisor->spawn(sealer, config, store, people);
    },
    nobody);
}

child_spec caretaker_child(const tree_parts& parts, const home_stores::home& home) {
  caretaker_config config;
  config.home = home.index;
  config.look_every = parts.config.care_interval;
  return worker(
    "caretaker", pool_restarts,
    [config, people = parts.people, store = home.store](caf::event_based_actor* supervisor,
                                                        std::uint64_t) {
      return supervisor->spawn(caretaker, config, store, people);
    },
    nobody);
}

child_spec forwarder_child(const tree_parts& parts, const home_stores::home& home) {
  return worker(
    "forwarder", forward_restarts,
    [parts, home](caf::event_based_actor* supervisor, std::uint64_t) {
      return supervisor->spawn(forwarder, forwarder_parts{home.index, home.store, parts.forward,
                                                          parts.forward_state, parts.people,
                                                          parts.config.name});
    },
    nobody);
}

child_spec membership_child(const tree_parts& parts) {
  membership_config config;
  config.lag = parts.lag;
  config.roster = parts.roster;
  config.replaced = [places = parts.places](std::uint64_t timeline) {
    places->store_replaced(home_stores::main, timeline);
  };
  return worker(
    "membership", pool_restarts,
    // Which node serves a machine is written in the home of its farm.
    [parts, config, store = parts.all_homes != nullptr ? parts.all_homes : main_store(parts)](
      caf::event_based_actor* supervisor, std::uint64_t) {
      return supervisor->spawn(membership, config, store->membership(), parts.people,
                               parts.cluster);
    },
    [places = parts.places](membership_actor one) { places->set_membership(std::move(one)); });
}

child_spec fleet_child(const tree_parts& parts) {
  fleet_config config;
  config.lanes = parts.config.lanes;
  config.equipment.block_frames_max = parts.config.block_frames_max;
  config.equipment.flush.shortest = parts.config.flush_interval;
  config.equipment.flush.longest = parts.config.flush_longest;
  config.equipment.budget = parts.budget;
  config.equipment.passivate_after = parts.config.passivate_after;
  return worker(
    "fleet", root_restarts,
    [parts, config](caf::event_based_actor* supervisor, std::uint64_t census_id) {
      return supervisor->spawn(fleet, census_id, config, parts.people, parts.homes);
    },
    [places = parts.places](fleet_actor one) { places->set_fleet(std::move(one)); });
}

std::vector<child_spec> storage_children(const tree_parts& parts, const home_stores::home& home) {
  const auto& config = parts.config;
  const auto offers = home.store->capabilities();
  std::vector<child_spec> children;
  children.push_back(claim_desk_child(parts, home));
  for (std::size_t lane = 0; lane < config.lanes; ++lane) {
    children.push_back(writer_child(parts, home, lane));
    children.push_back(aggregator_child(parts, home, lane));
  }
  if (config.digest.on && offers.digest)
    children.push_back(digest_child(parts, home));
  if (config.seal_after.count() > 0 && offers.sealing)
    children.push_back(sealer_child(parts, home));
  if (config.care_interval.count() > 0 && offers.retention)
    children.push_back(caretaker_child(parts, home));
  if (parts.forward != nullptr && home.store->forward() != nullptr)
    children.push_back(forwarder_child(parts, home));
  return children;
}

child_spec peers_child(const tree_parts& parts) {
  return worker(
    "peers", pool_restarts,
    [parts](caf::event_based_actor* supervisor, std::uint64_t census_id) {
      return supervisor->spawn(peers,
                               peers_parts{parts.link.port, parts.roster, parts.people, census_id});
    },
    [directory = parts.link.directory](const peers_actor& one) {
      directory->listen(
        [one](const peer_directory::list& nodes) { caf::anon_send(one, peers_changed{nodes}); });
    });
}

} // namespace

child_spec storage_branch(const tree_parts& parts, const home_stores::home& home) {
  child_spec branch;
  branch.id = "storage";
  branch.restart = root_restarts;
  branch.children = storage_children(parts, home);
  if (home.index == home_stores::main)
    return branch;
  branch.id += " " + home.name;
  branch.restart = part_restarts;
  branch.database = home.name;
  for (auto& child : branch.children)
    child.database = home.name;
  return branch;
}

std::vector<child_spec> node_tree(const tree_parts& parts) {
  auto* const main = main_store(parts);
  const auto offers = main->capabilities();
  std::vector<child_spec> children{
    storage_branch(parts, {home_stores::main, std::string{storage::main_database}, main})};
  child_spec cluster;
  cluster.id = "cluster";
  cluster.restart = root_restarts;
  if (offers.membership)
    cluster.children.push_back(membership_child(parts));
  if (parts.link.port != nullptr)
    cluster.children.push_back(peers_child(parts));
  if (!cluster.children.empty())
    children.push_back(std::move(cluster));
  children.push_back(fleet_child(parts));
  return children;
}

} // namespace furrow::actors
