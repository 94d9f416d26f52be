/// The equipment actor: one machine. It receives from the machine's gateways, keeps the live state,
/// publishes it on the board, packs new items and requests their appends. stream_intake.hpp makes the
/// decisions about a stream; this actor owns the messages and timers.
///
/// Shape: its claim desk and its lane belong to one database. When the farm has moved to another one, the actor ends.
/// Errors: when the actor dies, its sessions are dropped. The gateways reconnect, and the next actor
///   claims again.
/// Limits: streams_max streams at once; the items that the actor holds are under leases.
#pragma once

#include "actors/ingest/flush_pace.hpp"
#include "actors/ingest/stream_intake.hpp"
#include "actors/live/census.hpp"
#include "actors/live/metered_actor.hpp"
#include "actors/live/wall_clock.hpp"
#include "actors/messages.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace furrow::actors {

struct equipment_config {
  std::string farm;
  std::string name;
  std::size_t lane = 0; // which aggregator
  std::size_t block_frames_max = 8'192;
  flush_limits flush;
  std::shared_ptr<const memory_budget> budget; // of the node; may be null in tests
  std::chrono::milliseconds passivate_after{120'000};
  std::function<std::int64_t()> wall_us = wall_clock_us;
};

struct equipment_state {
  static constexpr const char* name = "equipment";
  static constexpr std::size_t streams_max = 64;
  static constexpr std::chrono::seconds hurry_after_claim{3};

  struct stream {
    using time_point = std::chrono::steady_clock::time_point;
    can::stream_id id{};
    stream_intake intake;
    flush_pace pace;
    stream_intake::totals reported; // the totals that the node's counters include
    time_point hurried_until{};     // acks come soon after a claim
    std::uint64_t tapped_to = 0;    // the newest item that watchers of frames have got
  };
  struct session {
    std::uint32_t slot = 0;
    std::string peer;
    held_port port;
  };

  equipment_config config;
  std::shared_ptr<census> counts;
  live_standing standing;
  can::machine_monitor monitor;
  std::uint64_t dbc_generation = 0;                 // of the board, as the monitor decodes
  std::shared_ptr<const can::live_state> published; // of the monitor; nullptr since a batch came
  std::shared_ptr<live_board::place> place;
  aggregator_actor aggregator;
  claim_desk_actor desk;

  std::map<std::uint32_t, stream> streams; // by slot
  std::uint32_t last_slot = 0;
  std::unordered_map<std::uint64_t, session> sessions;
  std::size_t reader_slot = 0;    // of this machine in census::readers
  std::uint64_t quiet_checks = 0; // consecutive passivation checks that found the actor idle
};

equipment_actor::behavior_type equipment(metered_pointer<equipment_actor, equipment_state> self,
                                         equipment_config config,
                                         std::shared_ptr<census> counts,
                                         aggregator_actor aggregator,
                                         claim_desk_actor desk);

} // namespace furrow::actors
