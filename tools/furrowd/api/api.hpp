/// The handlers of all routes. openapi/*.json beside this file describe them; a test compares the two.
///
/// Errors: handlers answer with a `problem`; no call shows data of another farm.
/// Threads: each call runs on the strand of its connection. All calls only read, except kill and migrate.
/// Limits: a handler waits at most 10 s for the node or the store (migrations 10 min); streams_max frame streams at
///   once.
#pragma once

#include "actors/node.hpp"
#include "tools/furrowd/access/gateway_book.hpp"
#include "tools/furrowd/api/metrics.hpp"
#include "tools/furrowd/cache/summary_cache.hpp"
#include "tools/furrowd/http/router.hpp"

#include <atomic>
#include <memory>
#include <string>

namespace furrow::http {

class api {
public:
  struct settings {
    std::string node_name;
    std::string version;
    std::size_t streams_max = 16;
    std::shared_ptr<daemon::gateway_book> gateways = std::make_shared<daemon::gateway_book>();
  };

  /// The node must outlive the api, and the api every call.
  api(settings given_settings, actors::node& node, metrics& metrics, summary_cache& cache);

  [[nodiscard]] router routes();
  /// From now on /ready answers 503, so that load balancers send no new clients.
  void drain() { draining_ = true; }

private:
  using answer = boost::asio::awaitable<response>;
  answer health(call call);
  answer ready(call call);
  answer scrape(call call);
  answer database(call call);
  answer database_report(call call);
  answer list_equipment(call call);
  answer one_equipment(call call);
  answer ledger(call call);
  answer ledger_of(daemon::credential who, std::string equipment);
  answer frames(call call);
  answer list_gateways(call call);
  answer list_actors(call call);
  answer kill_actor(call call);
  answer database_status(call call);
  answer migrate(call call);
  answer document(call call);

  struct equipment_rows;
  boost::asio::awaitable<equipment_rows> read_equipment(daemon::credential who);
  boost::asio::awaitable<std::optional<std::vector<actors::actor_row>>>
  visible_actors(daemon::credential who);

  settings settings_;
  actors::node& node_;
  metrics& metrics_;
  summary_cache& cache_;
  std::atomic<bool> draining_ = false;
  std::shared_ptr<std::atomic<std::size_t>> streams_;
};

/// The OpenAPI document that /api/v1/openapi.json serves.
[[nodiscard]] const std::string& openapi_document();

} // namespace furrow::http
