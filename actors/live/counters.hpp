/// The node's counters: each is one field and one line of `for_each_counter`, which copies them for
/// readers and names them for /metrics.
///
/// Shape: the same fields twice: `node_counters`, which the actors change, and `node_stats`, a copy.
/// Units: numbers of items and frames unless the name says otherwise; microseconds since 1970.
/// Threads: node_counters: any; node_stats: a plain value.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace furrow::actors {

/// What the program around the actors finds out, to be shown with the counters.
template <template <class> class Cell>
struct host_set {
  Cell<std::int64_t> certificate_expires_us{}; // of the listeners' certificate; 0: none
  Cell<std::uint64_t> disk_used_pct{};         // of the database's disk; 0: not known
  Cell<std::uint64_t> forward_items_held{};    // by retention, while no node forwards
};

using host_gauges = host_set<std::atomic>;

template <template <class> class Cell>
struct counter_set : host_set<Cell> {
  Cell<std::uint64_t> sessions{};
  Cell<std::uint64_t> frames_received{}; // decoded to live state, without duplicates
  Cell<std::uint64_t> frames_durable{};
  Cell<std::uint64_t> items_quarantined{};
  Cell<std::uint64_t> duplicates{}; // items received again and dropped
  Cell<std::uint64_t> rewinds{};
  Cell<std::uint64_t> frames_ahead{}; // stamped more than a day after this node's clock
  Cell<std::uint64_t> batches_committed{};
  Cell<std::uint64_t> append_failures{};
  Cell<std::uint64_t> actor_restarts{};
  Cell<std::uint64_t> machines_quarantined{}; // times that a machine's actor died too often
  Cell<std::uint64_t> digest_frames{};
  Cell<std::uint64_t> digest_commits{};
  Cell<std::uint64_t> digest_failures{};       // runs that failed for a stream
  Cell<std::uint64_t> digest_streams_behind{}; // after the last pass
  Cell<std::uint64_t> digest_items_behind{};
  Cell<std::int64_t> digest_oldest_us{}; // time of the oldest frame not digested; 0: none
  Cell<std::uint64_t> frames_sealed{};   // by this node
  Cell<std::uint64_t> chunks_sealed{};
  Cell<std::uint64_t> seal_failures{};
  Cell<std::uint64_t> partitions_made{};      // by this node
  Cell<std::uint64_t> partitions_waiting{};   // needed, and not made at the last check
  Cell<std::uint64_t> partition_rows_stray{}; // rows without a partition at the last check
  Cell<std::uint64_t> partitions_dropped{};   // by retention, by this node
  Cell<std::uint64_t> frames_expired{};       // by this node
  Cell<std::uint64_t> records_expired{};
  Cell<std::uint64_t> care_failures{};
  Cell<std::uint64_t> retention_held_seconds{}; // how far the clock is after the newest frame
  Cell<std::uint64_t> cluster_nodes_alive{};    // with this one, as the database said last
  Cell<std::uint64_t> lease_lapses{}; // times that this node's lease was not renewed in time
  Cell<std::uint64_t> nodes_judged{}; // declared dead by this node
  Cell<std::uint64_t> forward_streams_waiting{}; // for head office
  Cell<std::uint64_t> forward_items_waiting{};
  Cell<std::uint64_t> forward_lines{}; // that head office has welcomed
  Cell<std::uint64_t> forward_faults{};
  Cell<bool> lease_lapsed{}; // now
  Cell<bool> store_up{};
  Cell<bool> last_restart{}; // the node drains: a part of it keeps failing
  Cell<bool> gave_up{};      // the root supervisor has ended: this process can store nothing more
};

using node_counters = counter_set<std::atomic>;

template <class T>
using plain_cell = T;

/// A database other than main in which farms of this node live.
struct database_standing {
  std::string name;
  bool up = false;
  std::string fault;           // what fails, in one line; empty: nothing
  std::uint64_t stalled_s = 0; // as node_stats::stalled_s, of its items
  std::uint64_t streams_held = 0;
};

struct node_stats : counter_set<plain_cell> {
  std::size_t budget_bytes = 0;
  std::size_t budget_used = 0;
  std::size_t budget_peak = 0;
  /// How long items have waited without that the node stored any; 0: it stores, or none wait.
  std::uint64_t stalled_s = 0;
  std::uint64_t streams_held =
    0; // that another transaction holds in the database, and a gateway waits for
  /// What fails when store_up is false, in one line.
  std::string store_fault;
  /// Names of nodes that died within the last day and have not come back, with commas in between.
  std::string dead_nodes;
  /// Actors that their supervisors restart again and again, each in one line.
  std::vector<std::string> failing;
  /// The same of databases other than main: they concern some of the farms.
  std::vector<std::string> failing_parts;
  std::vector<database_standing> databases;
};

enum class counter_kind : std::uint8_t {
  total,     // only grows
  gauge,     // may fall
  gauge_time // a time in microseconds, shown in seconds
};

/// How /metrics names a counter.
struct counter_label {
  const char* name;
  const char* help;
  counter_kind kind;
};

/// Those of the digest, the sealer and the caretaker.
template <class Show, class... Sets>
void for_each_background_counter(const Show& show, Sets&... sets) {
  using enum counter_kind;
  show("furrow_digest_frames_total", "Frames digested into rollups and telemetry.", total,
       sets.digest_frames...);
  show("furrow_digest_commits_total", "Transactions of the digest.", total, sets.digest_commits...);
  show("furrow_digest_failures_total", "Runs of the digest that failed for a stream.", total,
       sets.digest_failures...);
  show("furrow_digest_streams_behind", "Streams with a digest backlog after the last pass.", gauge,
       sets.digest_streams_behind...);
  show("furrow_digest_items_behind", "Digest backlog after the last pass, in items.", gauge,
       sets.digest_items_behind...);
  show("furrow_digest_oldest_frame_seconds",
       "Unix time of the oldest frame that the last pass did not digest; 0: none.", gauge_time,
       sets.digest_oldest_us...);
  show("furrow_frames_sealed_total", "Frames that this node sealed.", total, sets.frames_sealed...);
  show("furrow_chunks_sealed_total", "Transactions that sealed a chunk.", total,
       sets.chunks_sealed...);
  show("furrow_seal_failures_total", "Times that sealing failed.", total, sets.seal_failures...);
  show("furrow_partitions_made_total",
       "Partitions of sealed frames and of telemetry that this node made.", total,
       sets.partitions_made...);
  show("furrow_partitions_waiting",
       "Partitions that were needed and could not be made at the last check.", gauge,
       sets.partitions_waiting...);
  show("furrow_partition_stray_rows", "Rows without a partition of their time at the last check.",
       gauge, sets.partition_rows_stray...);
  show("furrow_partitions_dropped_total", "Partitions that retention dropped.", total,
       sets.partitions_dropped...);
  show("furrow_frames_expired_total", "Frames that retention deleted, by this node.", total,
       sets.frames_expired...);
  show("furrow_records_expired_total", "Records that retention deleted, by this node.", total,
       sets.records_expired...);
  show("furrow_care_failures_total", "Times that the care of partitions or retention failed.",
       total, sets.care_failures...);
  show("furrow_retention_held_seconds",
       "Time from the newest frame to this node's clock, in whole days: retention counts from that "
       "frame.",
       gauge, sets.retention_held_seconds...);
}

/// Calls `visit(label, field of each set...)` for every counter; the sets hold the same fields.
template <class Visit, class... Sets>
void for_each_counter(Visit&& visit, Sets&... sets) {
  using enum counter_kind;
  const auto show = [&visit](const char* name, const char* help, counter_kind kind,
                             auto&... fields) {
    visit(counter_label{name, help, kind}, fields...);
  };
  show("furrow_sessions", "Open gateway sessions.", gauge, sets.sessions...);
  show("furrow_frames_received_total", "Frames received, also those sent again after a rewind.",
       total, sets.frames_received...);
  show("furrow_frames_durable_total", "Frames committed to the database.", total,
       sets.frames_durable...);
  show("furrow_items_quarantined_total", "Items that the database rejected, kept in quarantine.",
       total, sets.items_quarantined...);
  show("furrow_items_duplicate_total", "Items received again and dropped.", total,
       sets.duplicates...);
  show("furrow_rewinds_total", "Rewinds sent: requests to a gateway to send items again.", total,
       sets.rewinds...);
  show("furrow_frames_ahead_total",
       "Frames received that are stamped more than a day ahead of this node's clock.", total,
       sets.frames_ahead...);
  show("furrow_batches_committed_total", "Transactions that stored items.", total,
       sets.batches_committed...);
  show("furrow_append_failures_total", "Transactions that failed or are in doubt.", total,
       sets.append_failures...);
  show("furrow_actor_restarts_total", "Actors restarted by their supervisor.", total,
       sets.actor_restarts...);
  show("furrow_equipment_quarantines_total",
       "Times that the actor of a machine died too often and was quarantined.", total,
       sets.machines_quarantined...);
  for_each_background_counter(show, sets...);
  show("furrow_certificate_expiry_seconds",
       "Unix time at which the TLS certificate of this node expires; 0: it has none.", gauge_time,
       sets.certificate_expires_us...);
  show("furrow_cluster_nodes_alive",
       "Nodes with a lease, this one too, as the database said last; 0: this node is alone.", gauge,
       sets.cluster_nodes_alive...);
  show("furrow_lease_lapses_total", "Times that the lease of this node was not renewed in time.",
       total, sets.lease_lapses...);
  show("furrow_nodes_judged_total", "Nodes that this node has declared dead.", total,
       sets.nodes_judged...);
  show("furrow_lease_lapsed", "Whether the lease of this node has lapsed: 1 yes, 0 no.", gauge,
       sets.lease_lapsed...);
  show("furrow_forward_streams_waiting", "Streams with items that head office has not acked.",
       gauge, sets.forward_streams_waiting...);
  show("furrow_forward_items_waiting", "Items that head office has not acked.", gauge,
       sets.forward_items_waiting...);
  show("furrow_forward_items_held",
       "Items that retention keeps for head office although no node forwards.", gauge,
       sets.forward_items_held...);
  show("furrow_forward_lines",
       "Streams that head office has welcomed and that are being forwarded.", gauge,
       sets.forward_lines...);
  show("furrow_forward_faults_total", "Times that a line to head office failed or was refused.",
       total, sets.forward_faults...);
  show("furrow_disk_used_percent",
       "How full the disk of the database is, in per cent; 0: not known (--watch-disk).", gauge,
       sets.disk_used_pct...);
  show("furrow_store_up", "Whether the database commits: 1 yes, 0 no.", gauge, sets.store_up...);
  show("furrow_node_last_restart",
       "Whether the node drains because a part of it keeps failing: 1 yes, 0 no.", gauge,
       sets.last_restart...);
  show("furrow_node_gave_up", "Whether the node has used up its restarts: 1 yes, 0 no.", gauge,
       sets.gave_up...);
}

} // namespace furrow::actors
