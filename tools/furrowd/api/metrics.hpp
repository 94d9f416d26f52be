/// Prometheus metrics: the counters of the node and of the HTTP server.
///
/// Shape: the node counts by batch and gives a snapshot; the snapshot becomes text only when it is scraped.
/// Threads: `count` and `render` from any thread.
#pragma once

#include "actors/live/counters.hpp"
#include "storage/activity.hpp"
#include "tools/furrowd/access/gateway_book.hpp"
#include "tools/furrowd/access/link_book.hpp"
#include "tools/furrowd/cache/summary_cache.hpp"
#include "tools/furrowd/http/front_watch.hpp"

#include <prometheus/registry.h>

#include <array>
#include <chrono>
#include <string>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
} // namespace prometheus

namespace furrow::http {

class metrics {
public:
  explicit metrics(const std::string& version);

  /// Counts one answered request.
  void count(unsigned status, std::chrono::steady_clock::duration took);
  void connections(std::size_t open);
  void refused(bool of_address); // a connection above the limit of all, or of its address
  void token_limited();          // a request above the limit of its token
  void wrong_token();
  void gave_way(); // an idle connection was closed for a new one

  /// Prometheus text format 0.0.4.
  /// `activity`: nullptr where the database has no pool.
  [[nodiscard]] std::string render(const actors::node_stats& stats,
                                   const cache_figures& cache = {},
                                   const storage::store_activity* activity = nullptr,
                                   const front_figures& front = {},
                                   const daemon::gateway_book::counts& gateways = {},
                                   const daemon::link_book* links = nullptr) const;
  /// Counters of connections for front_watch.
  void add_to(front_counters& counters) const;

private:
  prometheus::Registry registry_;
  std::array<prometheus::Counter*, 6> requests_{}; // by hundreds of the status
  prometheus::Histogram* seconds_;
  prometheus::Gauge* connections_;
  prometheus::Counter* refused_;
  prometheus::Counter* address_refused_;
  prometheus::Counter* token_limited_;
  prometheus::Counter* gave_way_;
  prometheus::Counter* wrong_tokens_;
};

} // namespace furrow::http
