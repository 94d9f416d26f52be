/// The values that a node shows of itself: its actors, its machines, its counters.
///
/// Shape: plain values, copied.
/// Units: numbers of items and frames; microseconds since 1970.
#pragma once

#include "actors/live/counters.hpp"
#include "can/live/live_state.hpp"

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
  std::string detail;          // last reason of a restart, or the actor's load
  std::string kind = {};       // "writer", "equipment"; several actors may have one kind
  std::uint64_t waiting = 0;   // messages in its mailbox
  std::uint64_t oldest_us = 0; // how long the oldest of them waits at least
  std::uint64_t handled = 0;   // messages since its last start
  std::uint64_t busy_us = 0;   // time in its handlers since its last start
};

/// The progress of a machine's streams.
struct live_standing {
  std::string farm;
  std::string equipment;
  bool connected = false;
  std::string peer;
  std::uint64_t received_seq = 0;
  std::uint64_t durable_seq = 0;
  std::uint64_t sent_seq = 0;
  std::uint64_t frames = 0;       // since this actor started
  std::uint64_t frames_ahead = 0; // of these, stamped more than a day ahead of the node's clock
  std::int64_t epoch = 0; // of the newest claim: tells the machine's last node from earlier ones
  bool adrift = false;    // live only: the database is away, what comes will be asked for again
  bool relayed = false;   // by a site: the live view is as of the newest frame
};

struct live_equipment : live_standing {
  std::shared_ptr<const can::live_state>
    state; // never nullptr; snapshots share it while no frame comes
  std::size_t ecus = 0;
  std::size_t faults_active = 0;
};

} // namespace furrow::actors
