/// The claim desk of one database: claims streams for all machines of its farms, many in one call, and retries while
/// the database is away. A successful claim tells the node that the database is back; one that finds all its streams held
/// does not. A farm that has moved away is told to the directory first, then to its machines.
#pragma once

#include "actors/ingest/claim_queue.hpp"
#include "actors/live/census.hpp"
#include "actors/live/metered_actor.hpp"
#include "actors/messages.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <string>

namespace furrow::actors {

struct claim_desk_config {
  std::size_t home = 0; // the index of the database in storage/homes/home_stores.hpp
  std::function<void(const storage::farm_home&)> moved; // a claim said where the farm lives now
  std::chrono::milliseconds first_wait{250};
  std::chrono::milliseconds longest_wait{
    1'000}; // acks are to resume within a second of the database's return
  std::chrono::milliseconds held_wait{
    500};                 // then streams that another transaction holds are asked for again
  std::uint64_t seed = 1; // of the waits' jitter
};

struct claim_desk_state {
  static constexpr const char* name = "claim-desk";
  claim_queue<stream_origin> queue{{}, {}};
  std::uint64_t call = 0;
  bool waiting = false;   // for retry_due
  bool asks_held = false; // held_due is on its way
  std::chrono::milliseconds held_wait{0};
  static constexpr std::size_t told_max = 1'000;
  std::set<std::string> told_refused; // machines whose names the database cannot hold
  std::minstd_rand random;
  std::size_t home = 0;
  std::function<void(const storage::farm_home&)> moved;
  storage::store* store = nullptr;
  std::shared_ptr<census> counts;
};

claim_desk_actor::behavior_type claim_desk(metered_pointer<claim_desk_actor, claim_desk_state> self,
                                           const claim_desk_config& config,
                                           storage::store* store,
                                           std::shared_ptr<census> counts);

} // namespace furrow::actors
