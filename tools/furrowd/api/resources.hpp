/// The resources of the API: what their handlers share, and a function for each that adds its routes.
///
/// Errors: handlers answer with a `problem`. No call shows or changes data of another farm, or of a machine that the
///   token does not cover.
/// Threads: each call runs on the strand of its connection.
/// Limits: a handler waits at most answer_limit for the node or the store, except where its file says so; a
///   frame stream or a DBC file waits stream_wait for its place; pages as storage/records.hpp and storage/history.hpp say.
#pragma once

#include "actors/live/readers.hpp"
#include "actors/node_parts.hpp"
#include "storage/activity.hpp"
#include "storage/store.hpp"
#include "tools/config/settings_board.hpp"
#include "tools/furrowd/access/gateway_book.hpp"
#include "tools/furrowd/access/identity_watch.hpp"
#include "tools/furrowd/access/link_book.hpp"
#include "tools/furrowd/access/login_desk.hpp"
#include "tools/furrowd/api/metrics.hpp"
#include "tools/furrowd/cache/homes.hpp"
#include "tools/furrowd/cache/summary_cache.hpp"
#include "tools/furrowd/http/front_watch.hpp"
#include "tools/furrowd/http/places.hpp"
#include "tools/furrowd/http/router.hpp"
#include "tools/furrowd/http/work_desk.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace furrow::http {

inline constexpr std::chrono::milliseconds answer_limit{10'000};

struct base_map;

struct api_context {
  std::string node_name;
  std::string version;
  std::shared_ptr<places> streams; // of the frame streams
  std::chrono::milliseconds stream_wait;
  actors::shown_parts node;
  metrics& counters;
  summary_cache& cache;
  std::function<std::size_t()> connections; // open now
  std::atomic<std::size_t> connections_max = 0;
  std::shared_ptr<daemon::gateway_book> gateways;
  std::shared_ptr<daemon::link_book> links; // none: the node speaks to no other
  std::shared_ptr<daemon::authority> access;
  std::function<void(std::function<void()>)>
    refresh_access; // reads the identities of the database, then calls back
  daemon::session_lifetime sessions;
  std::shared_ptr<daemon::login_desk> logins = std::make_shared<daemon::login_desk>();
  std::atomic<bool> draining = false;
  front_watch watch{};
  home_cache homes{};
  /// Of the requests that hold a whole DBC file in memory.
  std::shared_ptr<places> dbc_places = std::make_shared<places>(4);
  work_desk desk{};
  std::shared_ptr<const base_map> map = {}; // none: the maps of the page have no tiles
  std::shared_ptr<const config::settings_board> settings = {};

  /// What the front and the cache did in the last minute.
  [[nodiscard]] front_figures front();
};

/// What the store says of itself, from memory; nothing where it has no pool, or does not answer at once.
[[nodiscard]] boost::asio::awaitable<std::optional<storage::store_activity>>
read_activity(api_context& of);

using answer = boost::asio::awaitable<response>;

/// A handler that calls `run` with the context, which must outlive it.
[[nodiscard]] inline handler on(api_context& of, answer (*run)(api_context&, call)) {
  return [&of, run](call call) { return run(of, std::move(call)); };
}
/// The same for what the database holds of the machine of the path or the query: the node then stores its newest items
/// without delay.
[[nodiscard]] inline handler on_history(api_context& of, answer (*run)(api_context&, call)) {
  return [&of, run](call call) {
    const auto now = actors::readers::clock::now();
    if (const auto path = call.path.find("name"); path != call.path.end())
      of.node.read_lately.note(path->second, now);
    else if (const auto asked = call.query.find("equipment"); asked != call.query.end())
      of.node.read_lately.note(asked->second, now);
    return run(of, std::move(call));
  };
}

void add_audit_route(router& to, api_context& of);
void add_session_routes(router& to, api_context& of); // log in and out, and who one is
void add_token_routes(router& to, api_context& of);
void add_user_routes(router& to, api_context& of);
void add_actor_routes(router& to, api_context& of);
void add_config_route(router& to, api_context& of);
void add_console_routes(router& to, api_context& of);  // the page and its files, open to everyone
void add_database_routes(router& to, api_context& of); // and /metrics
void add_dbc_routes(router& to, api_context& of);      // DBC files, without loading them
void add_dbc_compare_route(router& to, api_context& of);
void add_dbc_load_route(router& to, api_context& of);
void add_equipment_routes(router& to, api_context& of); // and the list of farms
void add_fault_routes(router& to, api_context& of);     // of the bus: made by the digest
void add_fleet_routes(router& to, api_context& of);     // the list of machines, in full and brief
void add_frames_route(router& to, api_context& of);
void add_gateway_routes(router& to, api_context& of);
void add_health_routes(router& to, api_context& of);
void add_history_routes(router& to,
                        api_context& of); // telemetry, signals, rollups: made by the digest
void add_ledger_route(router& to, api_context& of);
void add_map_routes(router& to, api_context& of); // what is under the maps of the page
void add_newest_frames_route(router& to, api_context& of);
void add_record_routes(router& to, api_context& of);
/// Nodes, which of them a machine is pinned to, and the levels of this node's log.
void add_node_routes(router& to, api_context& of);
void add_quarantine_routes(router& to, api_context& of);
void add_site_route(router& to, api_context& of);        // forwarding to head office
void add_repository_routes(router& to, api_context& of); // fields and equipment records

} // namespace furrow::http
