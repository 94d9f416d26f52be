#include "tools/furrowd/api/api.hpp"

#include <utility>

namespace furrow::http {

namespace {

answer document(api_context& /*of*/, call /*call*/) {
  response made;
  made.body = openapi_document();
  co_return made;
}

} // namespace

api::api(settings given_settings, actors::node& node, metrics& metrics, summary_cache& cache)
  : shared_{std::move(given_settings.node_name),
            std::move(given_settings.version),
            given_settings.streams_max,
            node,
            metrics,
            cache} {}

router api::routes() {
  router made;
  for (const auto add :
       {add_health_routes, add_database_routes, add_equipment_routes, add_repository_routes,
        add_ledger_route, add_frames_route, add_newest_frames_route, add_record_routes,
        add_quarantine_routes, add_actor_routes, add_history_routes})
    add(made, shared_);
  made.add({"GET", "/api/v1/openapi.json", {}, {}, on(shared_, document)});
  return made;
}

} // namespace furrow::http
