/// The node's place in the cluster: renews the lease, judges who has lost his, and publishes who is here.
///
/// Shape: `lease_keeper` decides; this actor asks the database and gives the answers back. One question at a time, each
///   with a deadline of its own. It starts to ask when the program says that it serves gateways.
/// Errors: a question that fails is asked again; the node works on meanwhile, for every commit is fenced anyway. A node
///   whose lease another has taken is told to the program by the snapshot, once.
///   A node that has heard nothing of the database for two seconds asks its peers by the link, once a second, whether it
///   answers them. The snapshot names those; the program sends the gateways there once the lease has lapsed.
///   Homes that could not be written are written later, and those of the other machines are not kept waiting. The pins
///   stay as they are while the list cannot be read.
/// Limits: beside the lease one question about homes, one about pins and one to each peer at a time; homes_at_once
///   machines in one.
#pragma once

#include "actors/cluster/cluster_board.hpp"
#include "actors/cluster/peers.hpp"
#include "actors/live/census.hpp"
#include "actors/live/timeline_watch.hpp"
#include "actors/messages.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace furrow::actors {

struct membership_config {
  lease_limits limits;
  std::chrono::milliseconds look_every{100}; // for the word of the program to begin
  std::chrono::milliseconds pins_every{5'000};
  std::chrono::milliseconds home_kept{
    5'000}; // a gateway that comes back within it leaves its home as it is
  std::function<std::chrono::milliseconds()> lag; // of the oldest item that is not durable yet
  std::function<void(std::uint64_t timeline)> replaced; // the database was failed over
  std::chrono::milliseconds peers_after{2'000};         // without an answer of the database
  std::chrono::milliseconds peers_every{1'000};
  /// A peer's lease that is so much younger than this node's own is one that the database has renewed meanwhile. Beats are
  /// a second apart, so while the database is away for all, nobody's is.
  std::chrono::milliseconds younger_by{1'500};
  std::shared_ptr<peer_roster> roster; // nullptr: the node is alone
};

struct membership_state {
  static constexpr const char* name = "membership";
  membership_config config;
  lease_keeper keeper;
  storage::membership_store* store = nullptr;
  std::shared_ptr<census> people;
  std::shared_ptr<cluster_board> board;

  std::uint64_t call = 0;
  std::optional<lease_keeper::clock::time_point> asked_at; // the store has not answered yet
  std::uint64_t ticks = 0;                                 // tells an outdated timer
  bool leaving = false;
  bool ending = false;
  cluster_view seen;
  timeline_watch database;
  node_state told = node_state::joining;
  bool told_cut_off = false;
  std::optional<lease_keeper::clock::time_point> ticked_at; // go_on's last turn
  std::map<std::string, storage::node_status> told_nodes;

  std::uint64_t frames = 0; // durable ones at the last beat
  lease_keeper::clock::time_point frames_at{};

  std::set<std::pair<std::string, std::string>> settled; // machines whose home is written
  std::pair<std::string, std::string> settled_last;      // the last of those that were tried
  bool asked_settle = false;
  bool settle_failed = false; // the last one, or the last unsettle
  std::map<std::pair<std::string, std::string>, lease_keeper::clock::time_point>
    gone; // machines that had their home here, and since when they are away
  std::pair<std::string, std::string> unsettled_last;
  bool asked_unsettle = false;
  bool asked_pins = false;
  lease_keeper::clock::time_point pins_at{};
  struct peers_round {
    std::size_t missing = 0;            // have not answered yet
    std::vector<std::string> answering; // the database answers them
    std::vector<std::string> silent;    // have not answered in time
    lease_keeper::clock::time_point asked_at{};
    std::chrono::nanoseconds own_age{0}; // of this node's lease, when they were asked
  };
  peers_round peers;
};

/// `store` outlives the actor.
membership_actor::behavior_type
membership(membership_actor::stateful_pointer<membership_state> self,
           const membership_config& config,
           storage::membership_store* store,
           std::shared_ptr<census> people,
           std::shared_ptr<cluster_board> board);

} // namespace furrow::actors
