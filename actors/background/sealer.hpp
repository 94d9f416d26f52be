/// The sealer: tells the store to move blocks into segments, a few chunks a call, with rests between.
///
/// Shape: several nodes may seal at the same time: the store gives each chunk to one of them.
/// Limits: one call at a time; the store needs memory for one chunk.
#pragma once

#include "actors/live/census.hpp"
#include "actors/live/metered_actor.hpp"
#include "actors/messages.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstdint>
#include <memory>

namespace furrow::actors {

struct sealer_config {
  std::size_t home = 0; // the index of the database in storage/homes/home_stores.hpp
  std::chrono::seconds due_after{3'600}; // a remainder smaller than a chunk is sealed after this
  std::chrono::milliseconds look_every{30'000};
  std::chrono::milliseconds pause{100}; // after each chunk, so that ingest and readers get the disk
  std::uint32_t chunks_a_call = 16;
  bool behind_digest = false; // true where this node digests: a stream without a digest waits, too
};

struct sealer_state {
  static constexpr const char* name = "sealer";
  sealer_config config;
  std::uint64_t call = 0;
  bool failing = false;
  storage::store* store = nullptr;
  std::shared_ptr<census> counts;
};

sealer_actor::behavior_type sealer(metered_pointer<sealer_actor, sealer_state> self,
                                   const sealer_config& config,
                                   storage::store* store,
                                   std::shared_ptr<census> counts);

} // namespace furrow::actors
