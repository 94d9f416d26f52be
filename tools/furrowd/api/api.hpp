/// What each route answers. docs and clients read openapi.json beside this file; a test holds the
/// two together.
///
/// Errors: handlers answer with a `problem`; nothing of another farm is ever shown.
/// Threads: each call runs on the strand of its connection. Reads only, but for kill and migrate.
/// Limits: an answer of the node or the store is waited for at most 10 s (migrations 10 min);
///   streams_max frame streams at once.
#pragma once

#include "actors/node.hpp"
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
  };

  /// The node outlives the api, the api every call.
  api(settings given_settings, actors::node& node, metrics& metrics, summary_cache& cache);

  [[nodiscard]] router routes();
  /// From now on /ready says no, so that nobody new is sent here.
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

/// The API's description, as /api/v1/openapi.json serves it.
[[nodiscard]] const std::string& openapi_document();

} // namespace furrow::http
