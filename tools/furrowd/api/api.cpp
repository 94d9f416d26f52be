#include "tools/furrowd/api/api.hpp"

#include "tools/furrowd/api/history/routes.hpp"
#include "tools/furrowd/http/ask.hpp"
#include "tools/furrowd/stream/routes.hpp"

#include <memory>
#include <string_view>
#include <utility>

namespace furrow::http {

namespace {

/// Gives a text that lives as long as the program piece by piece: a crowd of slow clients does not copy it.
class fixed_text : public body_source {
public:
  explicit fixed_text(std::string_view text) : rest_{text} {}
  boost::asio::awaitable<body_piece> next() override {
    const auto piece = rest_.substr(0, piece_bytes);
    rest_.remove_prefix(piece.size());
    co_return body_piece{piece};
  }

private:
  static constexpr std::size_t piece_bytes = 8U << 10U;
  std::string_view rest_;
};

answer document(api_context& /*of*/, call /*call*/) {
  response made;
  made.stream = std::make_unique<fixed_text>(openapi_document());
  co_return made;
}

} // namespace

front_figures api_context::front() {
  const auto figures = cache.figures().memory;
  front_counters now;
  now.lookups = figures.hits + figures.misses;
  now.misses = figures.misses;
  counters.add_to(now);
  front_figures made;
  made.recent = watch.note(now, front_watch::clock::now());
  made.connections = connections ? connections() : 0;
  made.connections_max = connections_max;
  return made;
}

boost::asio::awaitable<std::optional<storage::store_activity>> read_activity(api_context& of) {
  constexpr std::chrono::milliseconds activity_limit{200}; // it is read from memory
  const auto start = [&of](auto done) { of.node.store.activity(std::move(done)); };
  auto said = co_await ask<storage::result<storage::store_activity>>(start, activity_limit);
  if (!said || !*said)
    co_return std::nullopt;
  co_return std::move(**said);
}

api::api(settings given_settings,
         const actors::shown_parts& node,
         metrics& metrics,
         summary_cache& cache)
  : shared_{std::move(given_settings.node_name),
            std::move(given_settings.version),
            std::make_shared<places>(given_settings.streams_max),
            given_settings.stream_wait,
            node,
            metrics,
            cache,
            std::move(given_settings.connections),
            given_settings.connections_max,
            std::move(given_settings.gateways),
            std::move(given_settings.links),
            std::move(given_settings.access),
            std::move(given_settings.refresh_access),
            given_settings.sessions},
    stream_{std::move(given_settings.stream)} {
  shared_.map = std::move(given_settings.map);
  shared_.settings = std::move(given_settings.settings);
}

router api::routes() {
  router made;
  for (const auto add : {add_console_routes,         add_health_routes,       add_database_routes,
                         add_equipment_routes,       add_dbc_routes,          add_dbc_load_route,
                         add_repository_routes,      add_ledger_route,        add_frames_route,
                         add_gateway_routes,         add_newest_frames_route, add_node_routes,
                         add_record_routes,          add_quarantine_routes,   add_actor_routes,
                         add_history_routes,         add_fault_routes,        add_user_routes,
                         add_token_routes,           add_session_routes,      add_audit_route,
                         add_telemetry_series_route, add_signal_series_route, add_track_route,
                         add_token_sums_route,       add_site_route,          add_map_routes,
                         add_dbc_compare_route,      add_config_route,        add_fleet_routes})
    add(made, shared_);
  add_stream_routes(made, stream_);
  made.add({"GET", "/api/v1/openapi.json", {}, {}, on(shared_, document), false});
  return made;
}

} // namespace furrow::http
