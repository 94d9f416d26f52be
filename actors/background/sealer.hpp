/// The sealer: lets the store move fresh blocks into segments, a few chunks a call, and rests in
/// between. Any number of nodes may do so at once; the store keeps them apart.
///
/// Limits: one call under way; the store's memory for it is that of one chunk.
#pragma once

#include "actors/live/census.hpp"
#include "actors/messages.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstdint>
#include <memory>

namespace furrow::actors {

struct sealer_config {
  std::chrono::seconds due_after{3'600}; // fresh blocks too few for a chunk wait so long
  std::chrono::milliseconds look_every{30'000};
  std::chrono::milliseconds pause{100}; // after each chunk: ingest and readers have the disk
  std::uint32_t chunks_a_call = 16;
  bool behind_digest = false; // this node digests: also a stream that was never looked at waits
};

struct sealer_state {
  static constexpr const char* name = "sealer";
  sealer_config config;
  std::uint64_t call = 0;
  bool failing = false;
  storage::store* store = nullptr;
  std::shared_ptr<census> counts;
};

sealer_actor::behavior_type sealer(sealer_actor::stateful_pointer<sealer_state> self,
                                   const sealer_config& config,
                                   storage::store* store,
                                   std::shared_ptr<census> counts);

} // namespace furrow::actors
