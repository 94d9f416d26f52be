/// A fleet in virtual time, a view of it, and one client, without a connection.
#pragma once

#include "tests/tools/furrowd/stream/live_node.hpp"
#include "tools/furrowd/stream/stream_view.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::tests {

inline daemon::credential viewer_of(const std::string& farm) {
  return {farm, daemon::role::viewer, {}, false};
}

inline http::subscription wish_of(const std::map<std::string, std::string, std::less<>>& query) {
  auto read = http::to_subscription(query, viewer_of("default"));
  REQUIRE(std::holds_alternative<http::subscription>(read));
  return std::get<http::subscription>(std::move(read));
}

/// A fleet, a view of it, and one client.
struct stream_world {
  explicit stream_world(const std::map<std::string, std::string, std::less<>>& query = {})
    : view{wish_of(query), http::stream_form::websocket, "e", 1} {}

  void show(const actors::live_equipment& machine) {
    fleet.begin(++cursor, now_us);
    fleet.take(snapshot_of(machine), "n1");
  }
  void show(const std::string& name, double rpm) { show(machine_of("default", name, rpm)); }
  void detail(const std::string& name,
              const std::vector<can::fault>& faults,
              const std::vector<can::own_value>& own = {}) {
    fleet.begin(++cursor, now_us);
    fleet.take(name, actors::live_detail{faults, own});
  }
  void remove(const std::string& name) {
    fleet.begin(++cursor, now_us);
    fleet.remove(name, "n1");
  }
  /// The next message of a client; null: there is none.
  nlohmann::json next(http::stream_view::position& at) {
    view.publish(fleet, cursor);
    while (view.has_news(at))
      if (const auto text = view.next(at, fleet, now_us))
        return nlohmann::json::parse(*text);
    return nullptr;
  }
  nlohmann::json next() { return next(client); }

  http::fleet_state fleet;
  http::stream_view view;
  http::stream_view::position client;
  std::uint64_t cursor = 1;
  std::int64_t now_us = stream_time_us;
};

} // namespace furrow::tests
