/// Goal: a line that fails in one place only harms nobody else: no healthy node is given up, no frame is lost or doubled.
/// Method: two nodes on one PostgreSQL, and a proxy on one line: between a node and the database, or between the gateways
///   and a node.
#include "tests/fault/cluster_rig.hpp"
#include "tests/fault/ledger_fleet.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/support/tcp_proxy.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

pg_cluster& bad_line_server() {
  static pg_cluster one;
  return one;
}

std::vector<machine_look> machines_at(const ledger_fleet& fleet, const std::string& node) {
  auto all = fleet.look();
  std::erase_if(all, [&](const machine_look& one) { return one.node != node; });
  return all;
}

void ends_whole(ledger_fleet& fleet, const std::string& database) {
  fleet.stop_making();
  CHECK(eventually(20s, [&] { return fleet.all_acked(); }));
  CHECK(fleet.difference(bad_line_server().url(database)) == "");
}

std::uint16_t port_in(const std::string& address) {
  return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

/// Starts the node again so that gateways are told of the line to it, and not of its own address.
void lead_over(const tcp_proxy& line, cluster_rig& nodes) {
  nodes.advertise(0, line.address());
  nodes.kill(0);
  nodes.start(0);
}

} // namespace

TEST_CASE(
  "fault, cluster: a node that is cut off from the database harms no other, and goes on when "
  "the line heals") {
  const std::string name = "line_database";
  const auto url = bad_line_server().make_database(name);
  tcp_proxy line{static_cast<std::uint16_t>(bad_line_server().port())};
  auto through = url;
  const auto port = std::to_string(bad_line_server().port());
  through.replace(through.find(port), port.size(), std::to_string(line.port()));
  cluster_rig nodes{url, 2, {"--append-timeout", "1000", "--connect-timeout", "2000"}};
  nodes.start(0, through);
  nodes.start(1);
  ledger_fleet fleet{fleet_plan{nodes.gateways(), 10}};
  REQUIRE(eventually(20s, [&] { return fleet.all_served(); }));
  REQUIRE_FALSE(machines_at(fleet, nodes.gateway(0)).empty());
  line.hold_both();
  fleet.mark();
  // The node notices: its lanes get no answer, and it says so. It stays up.
  REQUIRE(
    eventually(15s, [&] { return nodes.output(0).find("alarm store") != std::string::npos; }));
  CHECK_FALSE(nodes.end(0, 0ms));
  const auto spared = machines_at(fleet, nodes.gateway(1));
  REQUIRE_FALSE(spared.empty());
  for (const auto& one : spared)
    CHECK(one.longest_gap <= 2s);
  line.heal();
  CHECK(eventually(15s, [&] { return fleet.all_served(); }));
  ends_whole(fleet, name);
}

TEST_CASE(
  "fault, cluster: a node whose answers do not arrive is left within 5 s, and what it stores "
  "meanwhile is stored once") {
  const std::string name = "line_one_way";
  cluster_rig nodes{bad_line_server().make_database(name), 2};
  nodes.start(0);
  nodes.start(1);
  tcp_proxy line{port_in(nodes.gateway(0))};
  lead_over(line, nodes);
  const auto first = line.address();
  ledger_fleet fleet{fleet_plan{{first, nodes.gateway(1)}, 10}};
  REQUIRE(eventually(20s, [&] { return fleet.all_served(); }));
  const auto concerned = machines_at(fleet, first);
  REQUIRE_FALSE(concerned.empty());
  fleet.mark();
  line.hold(tcp_proxy::way::to_client);
  REQUIRE(eventually(15s, [&] {
    const auto left = machines_at(fleet, first);
    return left.empty() && fleet.all_served();
  }));
  const auto all = fleet.look();
  MESSAGE("one way cut: time without an ack: " << distribution(gaps(all)));
  CHECK(quantile(gaps(all), 1) <= 5s);
  CHECK_FALSE(nodes.end(0, 0ms));
  line.heal();
  ends_whole(fleet, name);
}

TEST_CASE("fault, cluster: over a slow line that trickles and is reset, everything arrives once") {
  const std::string name = "line_slow";
  cluster_rig nodes{bad_line_server().make_database(name), 1};
  nodes.start(0);
  tcp_proxy line{port_in(nodes.gateway(0)), 7};
  lead_over(line, nodes);
  line.delay(5ms, 40ms);
  line.trickle(400);
  ledger_fleet fleet{fleet_plan{{line.address()}, 3, 10, 50ms}};
  REQUIRE(eventually(20s, [&] { return fleet.all_served(); }));
  const auto before = line.passed(tcp_proxy::way::to_target);
  line.reset();
  REQUIRE(
    eventually(20s, [&] { return line.passed(tcp_proxy::way::to_target) > before + 20'000; }));
  line.heal();
  ends_whole(fleet, name);
}

TEST_CASE(
  "fault, cluster: machines that are pinned to a node which their gateways cannot reach are "
  "served where they are, and go there when the line heals") {
  const std::string name = "line_pinned";
  cluster_rig nodes{bad_line_server().make_database(name), 2};
  nodes.start(0);
  tcp_proxy line{port_in(nodes.gateway(0))};
  lead_over(line, nodes);
  nodes.start(1);
  ledger_fleet fleet{fleet_plan{{nodes.gateway(1)}, 6}};
  REQUIRE(eventually(20s, [&] { return fleet.all_served(); }));
  line.hold_both();
  fleet.mark();
  bad_line_server().exec(
    "insert into furrow.machine_home as h (equipment_id, pinned_to) select id, "
    "'n1' from furrow.equipment on conflict (equipment_id) do update set "
    "pinned_to = excluded.pinned_to",
    name);
  // Each gateway tries n1 once, and tells n2 that it is out of reach.
  REQUIRE(eventually(20s, [&] {
    const auto all = fleet.look();
    return std::all_of(all.begin(), all.end(),
                       [](const machine_look& one) { return one.sessions > 0; });
  }));
  REQUIRE(eventually(10s, [&] { return fleet.all_served(); }));
  CHECK(machines_at(fleet, nodes.gateway(1)).size() == 6);
  const auto away = gaps(fleet.look());
  MESSAGE("pinned out of reach: time without an ack: " << distribution(away));
  CHECK(quantile(away, 1) <= 5s);
  fleet.mark();
  // For 30 s nobody is sent there again.
  CHECK_FALSE(eventually(8s, [&] {
    const auto all = fleet.look();
    return std::any_of(all.begin(), all.end(),
                       [](const machine_look& one) { return one.sessions > 0; });
  }));
  line.heal();
  CHECK(eventually(60s, [&] { return machines_at(fleet, line.address()).size() == 6; }));
  CHECK(eventually(10s, [&] { return fleet.all_served(); }));
  ends_whole(fleet, name);
}
