/// A running node without its sockets: what the programs see of the actor system. The listeners of
/// furrowd hand sessions in here, its HTTP front asks here.
///
/// Threads: every function may be called from any thread and returns at once; ports and handlers
/// are called on threads of
///   the actor system and must not block.
/// Errors: a session learns everything through its port; nothing throws after construction.
#pragma once

#include "actors/live/board.hpp"
#include "actors/node_config.hpp"
#include "actors/session/memory_budget.hpp"
#include "actors/session/session.hpp"
#include "can/live/machine_monitor.hpp"
#include "storage/store.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace furrow::actors {

class dbc_board; // actors/live/dbc_board.hpp

class node {
public:
  virtual ~node() = default;

  /// Finds or starts the equipment actor and gives it the session; it answers through the port.
  [[nodiscard]] virtual std::unique_ptr<equipment_link>
  attach(greeting from, std::shared_ptr<session_port> port) = 0;

  [[nodiscard]] virtual std::shared_ptr<memory_budget> budget() = 0;
  /// Which of people's own DBC files the node decodes with; nullptr: with none.
  [[nodiscard]] virtual dbc_board* dbc() { return nullptr; }
  [[nodiscard]] virtual storage::store& store() = 0;
  [[nodiscard]] virtual node_stats stats() const = 0;
  /// What a look at the database has found, for nodes that no gateway keeps busy.
  virtual void note_store(bool up) = 0;
  virtual void list_actors(std::function<void(std::vector<actor_row>)> done) = 0;
  /// False when there is no such actor.
  virtual void kill_actor(std::uint64_t id, std::function<void(bool)> done) = 0;
  /// What each machine's actor published last. Waits for nobody.
  [[nodiscard]] virtual std::vector<live_snapshot> live_machines() const = 0;
  /// Faults, ECUs and implements of one machine, from its actor; nothing when no actor has it.
  virtual void look_at(std::string farm,
                       std::string equipment,
                       std::function<void(std::optional<can::machine_report>)> done) = 0;

  /// Sends off every session (Goaway is the listener's), commits what is held, then calls back; at
  /// most `deadline` long.
  virtual void drain(std::chrono::milliseconds deadline, std::function<void()> done) = 0;
  /// Called once when the node can go on no longer: the root supervisor has ended, because a child
  /// has spent its restarts or somebody killed it. Called at once if that has already happened.
  virtual void on_failure(std::function<void(std::string)> failed) = 0;
};

[[nodiscard]] std::unique_ptr<node> start_node(node_config config,
                                               std::unique_ptr<storage::store> store);

} // namespace furrow::actors
