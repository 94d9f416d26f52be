/// All routes of a node. openapi/*.json beside this file describe them; a test compares the two.
///
/// Threads: as resources.hpp.
#pragma once

#include "tools/furrowd/api/resources.hpp"
#include "tools/furrowd/stream/live_stream.hpp"

#include <string>

namespace furrow::http {

class api {
public:
  struct settings {
    std::string node_name;
    std::string version;
    std::size_t streams_max = 16;
    std::chrono::milliseconds stream_wait{30'000};
    std::function<std::size_t()> connections; // open HTTP connections
    std::size_t connections_max = 0;
    std::shared_ptr<daemon::gateway_book> gateways = std::make_shared<daemon::gateway_book>();
    std::shared_ptr<daemon::link_book> links = {};
    std::shared_ptr<daemon::authority> access = std::make_shared<daemon::authority>();
    std::function<void(std::function<void()>)> refresh_access = {};
    daemon::session_lifetime sessions = {};
    std::shared_ptr<live_stream> stream = {}; // none: its routes answer 503
    std::shared_ptr<const base_map> map = {};
    std::shared_ptr<const config::settings_board> settings =
      std::make_shared<config::settings_board>();
  };

  /// The node must outlive the api, and the api every call.
  api(settings given_settings,
      const actors::shown_parts& node,
      metrics& metrics,
      summary_cache& cache);

  [[nodiscard]] router routes();
  /// From now on /ready answers 503, so that load balancers send no new clients.
  void drain() { shared_.draining = true; }
  void limit(std::size_t connections_max) { shared_.connections_max = connections_max; }
  /// From any thread.
  [[nodiscard]] front_figures figures() { return shared_.front(); }

private:
  api_context shared_;
  std::shared_ptr<live_stream> stream_;
};

/// The OpenAPI document that /api/v1/openapi.json serves.
[[nodiscard]] const std::string& openapi_document();

} // namespace furrow::http
