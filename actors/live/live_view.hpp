/// What a node shows of itself: its actors, its machines, its counters.
///
/// Shape: plain values, copied out.
/// Units: numbers of items and frames; microseconds since 1970.
#pragma once

#include "can/live/machine_monitor.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace furrow::actors {

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
  std::shared_ptr<const can::live_state>
    state; // never nullptr; shared by snapshots between which no frame came
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

} // namespace furrow::actors
