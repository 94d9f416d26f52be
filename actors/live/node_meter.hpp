/// Gives the counters of a node as they are now.
///
/// Threads: safe from any; waits for no actor.
#pragma once

#include <cstdint>

namespace furrow::actors {

struct node_stats; // actors/live/counters.hpp

class node_meter {
public:
  node_meter() = default;
  node_meter(const node_meter&) = delete;
  node_meter& operator=(const node_meter&) = delete;
  virtual ~node_meter() = default;

  [[nodiscard]] virtual node_stats stats() const = 0;
  /// Single ones of them, for those who ask at each request: `stats` copies them all.
  [[nodiscard]] virtual bool is_store_up() const = 0;
  [[nodiscard]] virtual std::uint64_t items_quarantined() const = 0;
};

} // namespace furrow::actors
