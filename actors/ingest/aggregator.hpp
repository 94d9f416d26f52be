/// The aggregator: gathers blocks until its writer is free, then makes one transaction of them, and
/// tells each machine what came of its part.
#pragma once

#include "actors/ingest/append_queue.hpp"
#include "actors/live/census.hpp"
#include "actors/messages.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <memory>
#include <vector>

namespace furrow::actors {

struct aggregator_config {
  std::size_t batch_bytes_max =
    8U << 20U; // a transaction's payload: enough to hide the commit, small to retry
  // From one transaction of a lane to the next, unless it is full: a commit costs as much as dozens
  // of blocks. Short beside flush_interval, so that it adds little to the latency.
  std::chrono::milliseconds gather{20};
};

struct aggregator_state {
  static constexpr const char* name = "aggregator";
  append_queue<stream_origin> queue{0, {}};
  std::vector<append_ticket<stream_origin>> under_way; // empty: the writer is free
  bool gathering = false;                              // gather_due is under way
  std::uint64_t call = 0; // of the batch under way; no two in a process are the same
  writer_actor writer;
  std::shared_ptr<census> counts;
};

aggregator_actor::behavior_type
aggregator(aggregator_actor::stateful_pointer<aggregator_state> self,
           const aggregator_config& config,
           std::shared_ptr<census> counts);

} // namespace furrow::actors
