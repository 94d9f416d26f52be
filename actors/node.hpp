/// A running node without its sockets: what the programs see of the actor system. The listeners of
/// furrowd hand sessions in here, its HTTP front asks here.
///
/// Threads: every function may be called from any thread and returns at once; ports and handlers
/// are called on threads of
///   the actor system and must not block.
/// Errors: a session learns everything through its port; nothing throws after construction.
#pragma once

#include "actors/memory_budget.hpp"
#include "can/machine_monitor.hpp"
#include "can/stream.hpp"
#include "proto/wire.hpp"
#include "storage/store.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace furrow::actors {

/// See actors/digester.hpp.
struct digest_config {
  bool on = true;
  std::chrono::milliseconds interval{10'000}; // between the beginnings of two passes
  unsigned duty_pct = 25; // busy for this part of the time at most, while it catches up
  std::chrono::milliseconds telemetry_period{1'000}; // one row of a machine
};

struct node_config {
  std::string name = "n1";
  unsigned lanes = 1; // aggregator and writer pairs, one database connection each
  std::size_t budget_bytes = 256U << 20U;    // received and not yet durable, over all sessions
  std::size_t session_bytes_max = 4U << 20U; // of that, one session at most
  std::size_t block_frames_max = 8'192; // a block goes to the aggregator when it has so many frames
  std::chrono::milliseconds flush_interval{150};      // or when its oldest frame has waited so long
  std::chrono::milliseconds passivate_after{120'000}; // an equipment actor without a session stops
  std::chrono::milliseconds claim_retry{
    250}; // first wait after a failed claim; doubles to 1 s, with jitter
  digest_config digest;
  std::chrono::minutes seal_after{60};    // fresh blocks too few for a chunk; 0: never seal
  std::chrono::minutes care_interval{10}; // partitions and retention; 0: leave them to other nodes
};

/// What an equipment actor says to the gateway's session. Implemented by the listener.
class session_port {
public:
  virtual ~session_port() = default;
  /// The stream is claimed: the conversation starts (again) at resume_from.
  virtual void welcome(std::int64_t epoch, std::uint64_t resume_from) = 0;
  virtual void ack(std::uint64_t durable_seq) = 0;
  virtual void rewind(std::uint64_t from_seq) = 0;
  /// The last word; the session closes after it.
  virtual void reject(proto::reject reason) = 0;
  /// The owner has gone: close without a word, the gateway comes again.
  virtual void drop() = 0;
};

/// A gateway's greeting after its credential was checked.
struct greeting {
  std::string farm; // from the credential
  std::string peer; // address, for people
  proto::hello hello;
};

/// A batch with the memory that it was given room for; the room is free again when this is
/// destroyed.
struct received_batch {
  proto::batch batch;
  std::vector<memory_lease> leases; // the session's own and the node's
  std::chrono::steady_clock::time_point received_at;
};

/// One session's line to the equipment actor that owns its stream. Destroying it says that the
/// session has ended.
class equipment_link {
public:
  virtual ~equipment_link() = default;
  virtual void deliver(received_batch batch) = 0;
};

struct actor_row {
  std::uint64_t id = 0;
  std::uint64_t parent = 0; // 0: the root
  std::string name;         // "writer-0", "equipment default/T1"
  std::string state;        // running, restarting, quarantined
  std::uint32_t restarts = 0;
  std::string detail; // last reason of a restart, or what it holds
};

/// How a machine's streams stand.
struct live_standing {
  std::string farm;
  std::string equipment;
  bool connected = false;
  std::string peer;
  std::uint64_t received_seq = 0;
  std::uint64_t durable_seq = 0;
  std::uint64_t sent_seq = 0;
  std::uint64_t frames = 0; // since this actor started
  bool adrift = false;      // live only: the database is away, what comes will be asked for again
};

struct live_equipment : live_standing {
  can::live_state state;
  std::size_t ecus = 0;
  std::size_t faults_active = 0;
};

struct node_stats {
  std::uint64_t sessions = 0;
  std::uint64_t frames_received = 0; // decoded to live state, duplicates left out
  std::uint64_t frames_durable = 0;
  std::uint64_t items_quarantined = 0;
  std::uint64_t duplicates = 0; // items received again and left out
  std::uint64_t rewinds = 0;
  std::uint64_t batches_committed = 0;
  std::uint64_t append_failures = 0;
  std::uint64_t actor_restarts = 0;
  std::size_t budget_bytes = 0;
  std::size_t budget_used = 0;
  std::size_t budget_peak = 0;
  bool store_up = false;
  std::uint64_t digest_frames = 0;
  std::uint64_t digest_commits = 0;
  std::uint64_t digest_failures = 0;       // runs of streams that were left out
  std::uint64_t digest_streams_behind = 0; // after the last pass
  std::uint64_t digest_items_behind = 0;
  std::int64_t digest_oldest_us = 0; // time of the oldest frames left out; 0: none
  std::uint64_t frames_sealed = 0;   // by this node
  std::uint64_t chunks_sealed = 0;
  std::uint64_t seal_failures = 0;
  std::uint64_t partitions_made = 0;      // by this node
  std::uint64_t partitions_waiting = 0;   // wanted, and not made at the last look
  std::uint64_t partition_rows_stray = 0; // rows that had no partition at the last look
  std::uint64_t partitions_dropped = 0;   // by retention, by this node
  std::uint64_t frames_expired = 0;       // by this node
  std::uint64_t records_expired = 0;
  std::uint64_t care_failures = 0;
};

class node {
public:
  virtual ~node() = default;

  /// Finds or starts the equipment actor and gives it the session; it answers through the port.
  [[nodiscard]] virtual std::unique_ptr<equipment_link>
  attach(greeting from, std::shared_ptr<session_port> port) = 0;

  [[nodiscard]] virtual std::shared_ptr<memory_budget> budget() = 0;
  [[nodiscard]] virtual storage::store& store() = 0;
  [[nodiscard]] virtual node_stats stats() const = 0;
  /// What a look at the database has found, for nodes that no gateway keeps busy.
  virtual void note_store(bool up) = 0;
  virtual void list_actors(std::function<void(std::vector<actor_row>)> done) = 0;
  /// False when there is no such actor.
  virtual void kill_actor(std::uint64_t id, std::function<void(bool)> done) = 0;
  virtual void list_live(std::function<void(std::vector<live_equipment>)> done) = 0;
  /// Faults, ECUs and implements of one machine; nothing when no actor has it.
  virtual void look_at(std::string farm,
                       std::string equipment,
                       std::function<void(std::optional<can::machine_report>)> done) = 0;

  /// Sends off every session (Goaway is the listener's), commits what is held, then calls back; at
  /// most `deadline` long.
  virtual void drain(std::chrono::milliseconds deadline, std::function<void()> done) = 0;
  /// Called once when the node can go on no longer (the storage supervisor has spent its restarts).
  virtual void on_failure(std::function<void(std::string)> failed) = 0;
};

[[nodiscard]] std::unique_ptr<node> start_node(node_config config,
                                               std::unique_ptr<storage::store> store);

} // namespace furrow::actors
