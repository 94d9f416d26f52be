/// The claim desk: claims streams for all machines of the node, many in one call, and retries while
/// the database is away. A successful claim tells the node that the database is back.
#pragma once

#include "actors/ingest/claim_queue.hpp"
#include "actors/live/census.hpp"
#include "actors/messages.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <random>

namespace furrow::actors {

struct claim_desk_config {
  std::chrono::milliseconds first_wait{250};
  std::chrono::milliseconds longest_wait{
    1'000};               // acks resume within a second after the database returns
  std::uint64_t seed = 1; // of the jitter of the waits
};

struct claim_desk_state {
  static constexpr const char* name = "claim-desk";
  claim_queue<stream_origin> queue{{}, {}};
  std::uint64_t call = 0;
  bool waiting = false; // a retry_due is scheduled
  std::minstd_rand random;
  storage::store* store = nullptr;
  std::shared_ptr<census> counts;
};

claim_desk_actor::behavior_type
claim_desk(claim_desk_actor::stateful_pointer<claim_desk_state> self,
           const claim_desk_config& config,
           storage::store* store,
           std::shared_ptr<census> counts);

} // namespace furrow::actors
