// Which node has a machine that is not connected here.
#include "tools/furrowd/cache/homes.hpp"

#include <doctest/doctest.h>

using namespace furrow;
using storage::node_status;

namespace {

storage::node_row home_node(const std::string& name, node_status status, std::int64_t since_us) {
  storage::node_row out;
  out.who = {name, {7}};
  out.status = status;
  out.since_us = since_us;
  return out;
}

} // namespace

TEST_CASE("homes: a machine is at the process that served it last, or awaits its gateway") {
  constexpr std::int64_t minute_us = 60'000'000;
  constexpr std::int64_t now_us = 1'000 * minute_us;
  actors::cluster_view view;
  view.nodes = {home_node("n1", node_status::alive, 0),
                home_node("n2", node_status::dead, now_us - minute_us),
                home_node("n3", node_status::left, now_us - 11 * minute_us),
                home_node("n4", node_status::draining, 0)};
  const auto places = http::places_of({{"f", "here", "n1", {7}, 0, ""},
                                       {"f", "orphan", "n2", {7}, 0, "n1"},
                                       {"f", "long_ago", "n3", {7}, 0, ""},
                                       {"f", "drains", "n4", {7}, 0, ""},
                                       {"f", "older", "n1", {6}, 0, ""},
                                       {"f", "unknown", "n9", {7}, 0, ""},
                                       {"f", "pinned", "", {}, 0, "n2"}},
                                      view, now_us);
  CHECK(places.at("here").node == "n1");
  CHECK_FALSE(places.at("here").awaiting);
  CHECK(places.at("orphan").node.empty());
  CHECK(places.at("orphan").awaiting);
  CHECK(places.at("orphan").pinned_to == "n1");
  CHECK_FALSE(places.at("long_ago").awaiting);
  CHECK(places.at("drains").node == "n4");
  CHECK(places.at("older").node.empty());
  CHECK_FALSE(places.at("older").awaiting); // n1 started long ago
  CHECK(places.at("unknown").node.empty());
  CHECK_FALSE(places.at("unknown").awaiting);
  CHECK(places.at("pinned").pinned_to == "n2");
}
