/// The aggregator: gathers blocks until its writer is free, then sends them as one transaction. It
/// reports the result to each machine.
#pragma once

#include "actors/ingest/append_queue.hpp"
#include "actors/live/census.hpp"
#include "actors/live/metered_actor.hpp"
#include "actors/messages.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <memory>
#include <vector>

namespace furrow::actors {

struct aggregator_config {
  std::size_t home = 0; // whose lane: the index of the database in storage/homes/home_stores.hpp
  std::size_t lane = 0; // among those of the database
  std::size_t batch_bytes_max =
    8U << 20U; // a transaction's payload: enough to hide the commit, small to retry
  // Least time between the starts of two transactions of a lane, unless one is full: a commit costs
  // as much as dozens of blocks. Shorter than --flush-ms, so that it adds little latency.
  std::chrono::milliseconds gather{20};
  // Several databases have as many lanes each: their lanes gather so much longer that the node has no more transactions in
  // all, up to this.
  std::chrono::milliseconds gather_max{100};
  // A full transaction takes up to about two seconds. After this the transaction hangs. Where the node has several
  // databases, the lane may then keep only its part of `hung_bytes_max`: the others' farms need the rest.
  std::chrono::milliseconds hangs_after{3'000};
  std::size_t hung_bytes_max = 0; // of blocks that wait; shared by the databases and one part more
};

struct aggregator_state {
  static constexpr const char* name = "aggregator";
  append_queue<stream_origin> queue{0, {}};
  std::vector<append_ticket<stream_origin>> under_way;            // empty: the writer is free
  append_queue<stream_origin>::clock::time_point gathers_until{}; // the next gather_due
  bool watches = false;   // hang_due is on its way: one timer at a time, for the oldest transaction
  std::uint64_t call = 0; // number of the current batch, unique in the process
  writer_actor writer;
  aggregator_config config;
  std::chrono::steady_clock::time_point sent_at{}; // the batch under way
  std::shared_ptr<census> counts;
  stall_watch* stall = nullptr; // of the census
};

aggregator_actor::behavior_type aggregator(metered_pointer<aggregator_actor, aggregator_state> self,
                                           const aggregator_config& config,
                                           std::shared_ptr<census> counts);

} // namespace furrow::actors
