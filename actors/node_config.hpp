/// Settings of a node, with their defaults.
///
/// Units: as the names say.
#pragma once

#include "actors/background/digest_config.hpp"
#include "storage/membership.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace furrow::actors {

struct node_config {
  std::string name = "n1";
  storage::uuid_bytes incarnation{}; // of this process; furrowd draws one at start
  unsigned lanes = 1;                // pairs of aggregator and writer, one database connection each
  std::size_t budget_bytes = 256U << 20U;    // items not yet durable, of all sessions
  std::size_t session_bytes_max = 4U << 20U; // largest share of one session
  std::size_t block_frames_max = 8'192;      // a block with this many frames goes to the aggregator
  std::chrono::milliseconds flush_interval{150};  // or when its oldest frame has waited this long,
  std::chrono::milliseconds flush_longest{2'000}; // or this long while it is small and nobody reads
  std::chrono::milliseconds passivate_after{120'000}; // an equipment actor without a session stops
  std::chrono::milliseconds claim_retry{
    250}; // first wait after a failed claim; doubles to 1 s, with jitter
  digest_config digest;
  std::chrono::minutes seal_after{60};     // fresh blocks too few for a chunk; 0: never seal
  std::chrono::minutes care_interval{10};  // partitions and retention; 0: leave them to other nodes
  std::int64_t certificate_expires_us = 0; // of the listeners, for metrics and alarms; 0: no TLS
  std::uint64_t seed = 1;                  // of all chance in the node; furrowd draws one at start
};

} // namespace furrow::actors
