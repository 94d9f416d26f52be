/// Goal: whatever part of a cluster is away, the rest serves, and all of it comes back without an operator: most nodes, all
///   nodes, each in turn, or the lines between them. No healthy node is declared dead, and no frame is lost or doubled.
/// Method: three nodes on one PostgreSQL, and gateways that keep a ledger of their own. Processes are started again as a
///   service manager would. The tables are compared with the ledgers.
#include "tests/fault/cluster_rig.hpp"
#include "tests/fault/ledger_fleet.hpp"
#include "tests/support/cluster_authority.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/support/tcp_proxy.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>
#include <vector>

using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

using steady = std::chrono::steady_clock;

pg_cluster& losses_server() {
  static pg_cluster one;
  return one;
}

std::chrono::milliseconds since(steady::time_point when) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - when);
}

/// Nodes and a fleet on a database of their own.
struct losses_story {
  losses_story(const std::string& name, std::size_t count, fleet_plan plan = {})
    : database{name}, nodes{losses_server().make_database(name), count} {
    for (std::size_t node = 0; node < count; ++node)
      nodes.start(node);
    plan.nodes = nodes.gateways();
    fleet = std::make_unique<ledger_fleet>(std::move(plan));
    REQUIRE(eventually(40s, [&] { return fleet->all_served(); }));
  }

  [[nodiscard]] std::string value(const std::string& sql) const {
    return losses_server().value(sql, database);
  }
  /// Whether each machine has an ack of something that was made after `before`.
  [[nodiscard]] bool is_past(const std::vector<machine_look>& before) const {
    const auto now = fleet->look();
    for (std::size_t i = 0; i < now.size(); ++i)
      if (now[i].acked <= before[i].made)
        return false;
    return true;
  }
  void finish() const {
    fleet->stop_making();
    CHECK(eventually(30s, [&] { return fleet->all_acked(); }));
    CHECK(fleet->difference(losses_server().url(database)) == "");
    CHECK(value("select coalesce(sum(lost + doubled), 0) from furrow.ledger") == "0");
  }

  std::string database;
  cluster_rig nodes;
  std::unique_ptr<ledger_fleet> fleet;
};

} // namespace

TEST_CASE(
  "fault, cluster: two of three nodes are killed, then all three, and each time the fleet is "
  "served again within 15 s") {
  losses_story story{"losses_killed", 3, {{}, 24}};
  story.fleet->mark();
  auto before = story.fleet->look();
  auto begun = steady::now();
  story.nodes.kill(0);
  story.nodes.kill(1);
  REQUIRE(eventually(15s, [&] { return story.is_past(before); }));
  MESSAGE("two of three killed: all served after "
          << since(begun).count() << " ms; time without an "
          << "ack: " << distribution(gaps(story.fleet->look())));
  story.nodes.kill(2); // nobody is left; the gateways go on making frames
  before = story.fleet->look();
  begun = steady::now();
  for (std::size_t node = 0; node < 3; ++node)
    story.nodes.start(node); // a cold start: each finds the rows of the dead
  REQUIRE(eventually(15s, [&] { return story.is_past(before); }));
  MESSAGE("all killed, cold start: all served after " << since(begun).count() << " ms");
  CHECK(since(begun) <= 15s);
  CHECK(eventually(10s, [&] {
    return story.value("select count(*) from furrow.node where status = 'alive'") == "3";
  }));
  story.finish();
}

TEST_CASE("fault, cluster: a rolling restart of all nodes stalls each machine for a moment, sends "
          "nothing twice, and nothing is lost or doubled") {
  losses_story story{"losses_rolling", 3, {{}, 24}};
  std::vector<std::chrono::milliseconds> stalls;
  std::uint64_t sent_again = 0;
  for (std::size_t node = 0; node < 3; ++node) {
    story.fleet->mark();
    story.nodes.signal(node, SIGTERM);
    REQUIRE(story.nodes.end(node, 20s) == 0);
    story.nodes.start(node);
    REQUIRE(eventually(10s, [&] {
      return story.value("select count(*) from furrow.node where status = 'alive'") == "3"
             && story.fleet->all_served();
    }));
    for (const auto& one : story.fleet->look()) {
      stalls.push_back(one.longest_gap);
      sent_again += one.sent_again;
    }
  }
  MESSAGE("rolling restart: time without an ack: " << distribution(stalls) << "; " << sent_again
                                                   << " items were sent twice");
  CHECK(sent_again == 0);
  CHECK(quantile(stalls, 1) <= 2s); // the mark is 500 ms on a quiet machine
  story.finish();
}

TEST_CASE("fault, cluster: two thousand gateways connect again at once, and all are acked within "
          "15 s") {
  constexpr std::size_t crowd = 2'000;
  losses_story story{"losses_crowd", 2, {{}, crowd, 1, 10s}};
  story.fleet->mark();
  story.nodes.kill(0);
  story.nodes.kill(1);
  story.nodes.start(0);
  story.nodes.start(1);
  const auto begun = steady::now();
  const auto greeted = [&] {
    const auto all = story.fleet->look();
    return std::all_of(all.begin(), all.end(), [](const machine_look& one) {
      return one.streaming && one.sessions > 0 && one.acked + 1 >= one.made;
    });
  };
  const bool served = eventually(60s, greeted);
  MESSAGE(crowd << " gateways: all welcomed and acked after " << since(begun).count() << " ms");
  REQUIRE(served);
  CHECK(since(begun) <= 15s);
  story.finish();
}

TEST_CASE("fault, cluster: nodes that are cut off from each other, both ways or one way, serve on, "
          "and nobody is declared dead") {
  const std::string name = "losses_peers";
  const cluster_authority authority;
  cluster_rig nodes{losses_server().make_database(name), 2};
  const std::vector<int> ports{free_port(), free_port()};
  tcp_proxy to_first{static_cast<std::uint16_t>(ports[0])};
  tcp_proxy to_second{static_cast<std::uint16_t>(ports[1])};
  for (std::size_t node = 0; node < 2; ++node) {
    const auto own = authority.issue("n" + std::to_string(node + 1));
    const auto& line = node == 0 ? to_second : to_first;
    nodes.always(node,
                 {"--link", "127.0.0.1:" + std::to_string(ports[node]), "--link-ca",
                  authority.cert(), "--link-cert", own.cert, "--link-key", own.key, "--link-peer",
                  "n" + std::to_string(2 - node) + "=127.0.0.1:" + std::to_string(line.port())});
    nodes.start(node);
  }
  ledger_fleet fleet{fleet_plan{nodes.gateways(), 10}};
  REQUIRE(eventually(20s, [&] { return fleet.all_served(); }));
  const auto missing = [&](std::size_t node) {
    const auto answer = nodes.get(node, "/api/v1/actors");
    return answer.substr(std::min(answer.size(), answer.find("\"incomplete\":")));
  };
  REQUIRE(eventually(20s, [&] { return missing(0).starts_with("\"incomplete\":[]"); }));
  const auto view = losses_server().value("select view from furrow.cluster", name);
  for (const bool both : {true, false}) {
    CAPTURE(both);
    fleet.mark();
    if (both)
      to_first.hold_both();
    else
      to_first.hold(tcp_proxy::way::to_client);
    to_second.hold_both();
    CHECK(eventually(10s, [&] { return missing(0).starts_with("\"incomplete\":[\"n2\"]"); }));
    CHECK(eventually(10s, [&] { return missing(1).starts_with("\"incomplete\":[\"n1\"]"); }));
    // The time in which a wrong judgement would come.
    CHECK_FALSE(eventually(
      6s, [&] { return losses_server().value("select view from furrow.cluster", name) != view; }));
    for (const auto& one : fleet.look())
      CHECK(one.longest_gap <= 2s);
    to_first.heal();
    to_second.heal();
    CHECK(eventually(10s, [&] { return missing(0).starts_with("\"incomplete\":[]"); }));
  }
  fleet.stop_making();
  CHECK(eventually(20s, [&] { return fleet.all_acked(); }));
  CHECK(fleet.difference(losses_server().url(name)) == "");
}

TEST_CASE(
  "fault, cluster: a node that is cut off from the database sends its gateways to the others "
  "within seconds, is declared dead and ends with 75, and nothing is lost") {
  const cluster_authority authority;
  for (const bool both : {true, false}) { // one way: its statements arrive, the answers do not
    CAPTURE(both);
    const std::string name = both ? "losses_database" : "losses_answers";
    const auto url = losses_server().make_database(name);
    tcp_proxy line{static_cast<std::uint16_t>(losses_server().port())};
    auto through = url;
    const auto port = std::to_string(losses_server().port());
    through.replace(through.find(port), port.size(), std::to_string(line.port()));
    cluster_rig nodes{url, 3, {"--append-timeout", "1000", "--connect-timeout", "2000"}};
    for (std::size_t node = 0; node < 3; ++node) {
      const auto own = authority.issue("n" + std::to_string(node + 1));
      nodes.always(node, {"--link", "127.0.0.1:" + std::to_string(free_port()), "--link-ca",
                          authority.cert(), "--link-cert", own.cert, "--link-key", own.key});
      nodes.start(node, node == 0 ? through : std::string{});
    }
    ledger_fleet fleet{fleet_plan{nodes.gateways(), 12}};
    REQUIRE(eventually(20s, [&] { return fleet.all_served(); }));
    REQUIRE(eventually(20s, [&] { // this opens the links, too
      const auto actors = nodes.get(0, "/api/v1/actors");
      return actors.find("\"n2\"") != std::string::npos
             && actors.find("\"n3\"") != std::string::npos;
    }));
    const auto dead = [&] {
      return losses_server().value(
        "select coalesce(string_agg(name, ' '), '') from furrow.node where status = 'dead'", name);
    };
    fleet.mark();
    if (both)
      line.hold_both();
    else
      line.hold(tcp_proxy::way::to_client);
    const auto before = fleet.look();
    const auto acked_again = [&] {
      const auto now = fleet.look();
      return std::equal(now.begin(), now.end(), before.begin(),
                        [](const auto& one, const auto& then) { return one.acked > then.made; });
    };
    CHECK_MESSAGE(eventually(10s, acked_again), nodes.output(0)); // the mark is 5 s
    REQUIRE(eventually(20s, [&] { return dead() == "n1"; }));
    MESSAGE("cut off from the database: time without an ack: " << distribution(gaps(fleet.look())));
    CHECK_FALSE(nodes.end(0, 0ms)); // it cannot know yet
    line.heal();
    const auto code = nodes.end(0, 20s);
    CHECK_MESSAGE(code == 75, nodes.output(0));
    CHECK(eventually(15s, [&] { return fleet.all_served(); }));
    CHECK(dead() == "n1");
    fleet.stop_making();
    CHECK(eventually(20s, [&] { return fleet.all_acked(); }));
    CHECK(fleet.difference(losses_server().url(name)) == "");
  }
}
