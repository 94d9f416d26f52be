/// A running node without its sockets: the interface of the actor system for the programs. furrowd's
/// listeners pass sessions to the node, and its HTTP server queries it.
///
/// Threads: every function may be called from any thread and returns at once. Ports and handlers are
///   called on threads of the actor system and must not block.
/// Errors: a session learns everything through its port; nothing throws after construction.
#pragma once

#include "actors/cluster/peer_nodes.hpp"
#include "actors/live/board.hpp"
#include "actors/node_config.hpp"
#include "actors/session/arrival_room.hpp"
#include "actors/session/memory_budget.hpp"
#include "actors/session/session.hpp"
#include "can/live/machine_monitor.hpp"
#include "storage/homes/home_stores.hpp"
#include "storage/store.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::actors {

class cluster_board; // actors/cluster/cluster_board.hpp
class dbc_board;     // actors/live/dbc_board.hpp
class forward_board; // actors/forward/forward_board.hpp
class forward_port;  // actors/forward/forward_line.hpp

class node {
public:
  virtual ~node() = default;

  /// Finds or starts the equipment actor and passes the session to it. The actor answers through the port.
  [[nodiscard]] virtual std::unique_ptr<equipment_link>
  attach(greeting from, std::shared_ptr<session_port> port) = 0;

  /// For what has been received and is not durable yet.
  [[nodiscard]] virtual std::shared_ptr<memory_budget> budget() = 0;
  /// For what is being received.
  [[nodiscard]] virtual arrival_room arrivals() = 0;
  /// Which of people's own DBC files the node decodes with; nullptr: with none.
  [[nodiscard]] virtual dbc_board* dbc() { return nullptr; }
  /// Somebody reads the history of this machine: its items go to the database without delay for a while.
  virtual void note_reader(std::string_view /*equipment*/) {}
  /// How forwarding to head office stands; nullptr: this node does not forward.
  [[nodiscard]] virtual forward_board* forwarding() { return nullptr; }
  /// How full the disk with the database is, where this node can see it.
  virtual void note_disk(std::uint64_t /*used_pct*/) {}
  /// Items that retention keeps for head office although no node forwards.
  virtual void note_held(std::uint64_t /*items*/) {}
  /// Who is in the cluster; nullptr: this node is alone.
  [[nodiscard]] virtual cluster_board* cluster() { return nullptr; }
  /// The orders on that board have changed: they are looked at now.
  virtual void hurry_cluster() {}
  /// All databases as one.
  [[nodiscard]] virtual storage::store& store() = 0;
  /// The databases by themselves; nullptr: there is one.
  [[nodiscard]] virtual storage::home_stores* homes() { return nullptr; }
  [[nodiscard]] virtual node_stats stats() const = 0;
  /// The result of a check of the database, for nodes that no gateway keeps busy.
  /// `why`: the error when the database does not answer.
  virtual void note_store(bool up, const std::string& why) = 0;
  /// The same of a database other than main, by its index. `timeline`: of its server, as storage::store_health has it.
  virtual void note_home(std::size_t /*index*/,
                         bool /*up*/,
                         const std::string& /*why*/,
                         std::uint64_t /*timeline*/) {}
  /// The listeners have a new certificate that expires then, in microseconds since 1970; for metrics and alarms.
  virtual void note_certificate(std::int64_t /*expires_us*/) {}
  virtual void list_actors(std::function<void(std::vector<actor_row>)> done) = 0;
  /// False when there is no such actor.
  virtual void kill_actor(std::uint64_t id, std::function<void(bool)> done) = 0;
  /// Ends the actor; its supervisor starts it again at once and does not count it. False as `kill_actor`.
  virtual void restart_actor(std::uint64_t id, std::function<void(bool)> done) = 0;
  /// What the other nodes say; nullptr: this node is alone.
  [[nodiscard]] virtual peer_nodes* peers() { return nullptr; }
  /// The last snapshot of each machine. Never waits for an actor.
  [[nodiscard]] virtual std::vector<live_snapshot> live_machines() const = 0;
  /// Where each machine's actor publishes; the newest actor of a machine comes last. Hold them only for a moment: a place
  /// must end with its actor.
  [[nodiscard]] virtual std::vector<std::shared_ptr<live_place>> live_places() const { return {}; }
  /// Who watches this machine: its sessions read it, and the live stream and the API write it.
  [[nodiscard]] virtual std::shared_ptr<machine_interest>
  interest_in(const std::string& /*farm*/, const std::string& /*equipment*/) {
    return std::make_shared<machine_interest>();
  }
  /// Faults, ECUs and implements of one machine, from its actor; nothing when the machine has no actor.
  virtual void look_at(std::string farm,
                       std::string equipment,
                       std::function<void(std::optional<can::machine_report>)> done) = 0;

  /// Ends every session (the listener sends Goaway), commits all held items, then calls back, at the
  /// latest after `deadline`.
  virtual void drain(std::chrono::milliseconds deadline, std::function<void()> done) = 0;
  /// Calls back from an actor, after a delayed message to it: the actor system still runs actors and keeps time.
  virtual void pulse(const std::function<void()>& back) { back(); }
  /// The listener is called once when the node is to drain and to end: a child of the root supervisor is restarted for
  /// the last time, or the root has ended, by an operator for example. It is called at once if that has happened already.
  virtual void on_failure(std::function<void(std::string)> failed) = 0;
};

/// The node must be the last that holds `homes`: they end with it.
[[nodiscard]] std::unique_ptr<node> start_node(node_config config,
                                               std::shared_ptr<storage::home_stores> homes,
                                               link_parts link = {},
                                               std::shared_ptr<forward_port> forward = {});

} // namespace furrow::actors
