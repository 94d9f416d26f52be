/// How one database of the node stands: whether work with it succeeds, how long items have waited for it, and what its
/// background work has left.
///
/// Shape: index 0 is main; /ready, the alarms `store` and `stalled` look at it alone. Another database that is away
///   raises the alarm `database`, and the other farms' gateways stay.
/// Threads: `work` and `stall`: any; `left` and `server` are guarded by the census.
#pragma once

#include "actors/live/stall_watch.hpp"
#include "actors/live/store_standing.hpp"
#include "actors/live/timeline_watch.hpp"

#include <cstdint>
#include <string>

namespace furrow::actors {

/// After the last pass or look.
struct home_backlog {
  std::uint64_t streams_behind = 0; // of the digest
  std::uint64_t items_behind = 0;
  std::int64_t oldest_us = 0; // 0: none
  std::uint64_t partitions_waiting = 0;
  std::uint64_t rows_stray = 0;
  std::uint64_t retention_held_seconds = 0;
};

struct home_standing {
  std::string name; // in the directory; empty: main
  store_standing work;
  stall_watch stall;
  home_backlog left;
  timeline_watch server; // of a database other than main: membership looks at that of main
};

} // namespace furrow::actors
