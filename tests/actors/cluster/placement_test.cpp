// Where gateways are sent.
#include "actors/cluster/placement.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace furrow::actors;
using namespace std::chrono_literals;
namespace storage = furrow::storage;

namespace {

storage::node_row row_of(const std::string& name, std::uint64_t sessions = 0) {
  storage::node_row out;
  out.who.name = name;
  out.who.incarnation[0] = static_cast<std::uint8_t>(name.back());
  out.card.gateway = name + ":7400";
  out.load.sessions = sessions;
  return out;
}

cluster_view cluster_of(std::vector<storage::node_row> nodes) {
  cluster_view out;
  out.nodes = std::move(nodes);
  out.self = out.nodes.front().who;
  return out;
}

constexpr balance::time_point later{1h};

} // namespace

TEST_CASE("placement: a Welcome names the nodes that take machines, and nobody else") {
  auto view = cluster_of({row_of("n1"), row_of("n2"), row_of("n3"), row_of("n4"), row_of("n5")});
  view.nodes[1].status = storage::node_status::dead;
  view.nodes[2].drain = true;
  view.nodes[3].card.gateway.clear();
  view.nodes[4].card.gateway = "a:1,b:2";
  CHECK(gateways_for(view, "T1", {"own:1"}, 64)
        == std::vector<std::string>{"n1:7400", "a:1", "b:2"});
}

TEST_CASE("placement: a node that knows no other names what it was told") {
  CHECK(gateways_for({}, "T1", {"own:1", "other:1"}, 64)
        == std::vector<std::string>{"own:1", "other:1"});
}

TEST_CASE("placement: of more nodes than fit a Welcome names those that the machine chooses first, "
          "and machines choose differently") {
  std::vector<storage::node_row> nodes;
  for (int i = 0; i < 200; ++i)
    nodes.push_back(row_of("n" + std::to_string(i)));
  const auto view = cluster_of(nodes);
  std::set<std::string> named;
  for (const auto* machine : {"T1", "T2", "T3", "T4"}) {
    const auto told = gateways_for(view, machine, {}, 64);
    CHECK(told.size() == 64);
    CHECK(told == gateways_for(view, machine, {}, 64));
    named.insert(told.begin(), told.end());
  }
  CHECK(named.size() > 100);
}

TEST_CASE("placement: a machine stays where it is unless it is pinned or the node drains") {
  auto view = cluster_of({row_of("n1"), row_of("n2"), row_of("n3")});
  CHECK_FALSE(other_place(view, "farm", "T1"));
  view.pins = std::make_shared<pin_map>(pin_map{{{"farm", "T1"}, "n3"}, {{"farm", "T2"}, "n1"}});
  CHECK(other_place(view, "farm", "T1") == "n3:7400");
  CHECK_FALSE(other_place(view, "farm", "T2"));
  CHECK_FALSE(other_place(view, "other", "T1"));
  view.nodes[2].status = storage::node_status::dead; // a pin to the dead holds nobody up
  CHECK_FALSE(other_place(view, "farm", "T1"));
}

TEST_CASE(
  "placement: a node that is cut off sends its machines to the nodes that the database answers") {
  auto view = cluster_of({row_of("n1"), row_of("n2"), row_of("n3")});
  view.state = node_state::unsure; // the database is away for all
  CHECK_FALSE(other_place(view, "farm", "T1"));
  view.database_at = {"n3"};
  CHECK(other_place(view, "farm", "T1") == "n3:7400");
  CHECK(gateways_for(view, "T1", {"n1:7400"}, 64)
        == std::vector<std::string>{"n3:7400", "n1:7400"});  // who reaches no other comes back
  CHECK_FALSE(other_place(view, "farm", "T1", {"n3:7400"})); // it would only come back
  view.state = node_state::alive;
  CHECK_FALSE(other_place(view, "farm", "T1"));
}

TEST_CASE("placement: nobody is sent to a node that its gateway cannot reach") {
  auto view = cluster_of({row_of("n1"), row_of("n2"), row_of("n3")});
  view.nodes[2].card.gateway = "n3:7400,10.0.0.3:7400";
  view.pins = std::make_shared<pin_map>(pin_map{{{"farm", "T1"}, "n3"}});
  CHECK(other_place(view, "farm", "T1", {"n2:7400"}) == "n3:7400");
  CHECK(other_place(view, "farm", "T1", {"n3:7400"}) == "10.0.0.3:7400");
  CHECK_FALSE(other_place(view, "farm", "T1", {"n3:7400", "10.0.0.3:7400"}));
  view.nodes[0].drain = true;
  CHECK(other_place(view, "farm", "T1", {"n3:7400", "10.0.0.3:7400"}) == "n2:7400");
  CHECK(other_place(view, "farm", "T1", {"n2:7400", "n3:7400", "10.0.0.3:7400"}) == "");
}

TEST_CASE("placement: the machines of a node that drains spread over the others by weight") {
  auto view = cluster_of({row_of("n1"), row_of("n2"), row_of("n3")});
  view.nodes[0].drain = true;
  view.nodes[1].weight = 300;
  std::map<std::string, int> went;
  for (int i = 0; i < 4'000; ++i)
    ++went[other_place(view, "farm", "T" + std::to_string(i)).value()];
  CHECK(went.size() == 2);
  CHECK(went["n2:7400"] > 2'800);
  CHECK(went["n2:7400"] < 3'200);
  view.nodes.resize(1); // nobody is left: the gateway waits and tries its list
  CHECK(other_place(view, "farm", "T1") == "");
}

TEST_CASE(
  "balance: a node far above its share sends a tenth of its surplus away, each ten seconds") {
  const auto view = cluster_of({row_of("n1", 900), row_of("n2", 300), row_of("n3", 0)});
  balance each;
  const auto moves = each.look(view, 900, later);
  REQUIRE(moves.size() == 1);
  CHECK(moves[0].node == "n3");
  CHECK(moves[0].address == "n3:7400");
  CHECK(moves[0].machines == 50); // 900 - 400, a tenth
  CHECK(each.look(view, 850, later + 9s).empty());
  CHECK(each.look(view, 850, later + 10s).at(0).machines == 46); // 850 - 1,150 / 3, a tenth
}

TEST_CASE("balance: nothing moves within the margin, or soon after a change of the view") {
  balance each;
  CHECK(each.look(cluster_of({row_of("n1"), row_of("n2", 500)}), 590, later).empty());
  auto view = cluster_of({row_of("n1"), row_of("n2")});
  view.changed_at = later;
  CHECK(each.look(view, 1'000, later + 20s).empty());
  CHECK_FALSE(each.look(view, 1'000, later + 30s).empty());
  view.state = node_state::unsure;
  CHECK(each.look(view, 1'000, later + 50s).empty());
}

TEST_CASE("balance: a node of weight 0 empties, and one without an address gets nobody") {
  auto view = cluster_of({row_of("n1"), row_of("n2"), row_of("n3")});
  view.nodes[0].weight = 0;
  view.nodes[2].card.gateway.clear();
  balance each;
  const auto moves = each.look(view, 10, later);
  REQUIRE(moves.size() == 1);
  CHECK(moves[0].node == "n2");
  CHECK(moves[0].machines == 1);
}

TEST_CASE("balance: two nodes come to rest, whatever the number of machines") {
  for (std::size_t machines = 0; machines <= 40; ++machines) {
    CAPTURE(machines);
    std::size_t here = machines;
    std::size_t there = 0;
    balance one;
    balance other;
    std::size_t moved = 0;
    auto now = later;
    for (int round = 0; round < 400; ++round, now += 10s) {
      for (const auto& move :
           one.look(cluster_of({row_of("n1"), row_of("n2", there)}), here, now)) {
        here -= move.machines;
        there += move.machines;
        moved += move.machines;
      }
      for (const auto& move :
           other.look(cluster_of({row_of("n2"), row_of("n1", here)}), there, now)) {
        there -= move.machines;
        here += move.machines;
        moved += move.machines;
      }
    }
    CHECK(static_cast<double>(std::max(here, there))
          <= static_cast<double>(machines) / 2 * 1.2 + 1);
    CHECK(moved <= (machines + 1) / 2); // none went back
  }
}

namespace {

/// The home of each machine, by the node's name.
std::vector<std::string> homes_in(const cluster_view& view, int machines) {
  std::vector<std::string> out;
  for (int i = 0; i < machines; ++i)
    out.push_back(home_of(view, "T" + std::to_string(i))->who.name);
  return out;
}

double share_of(const std::vector<std::string>& homes, const std::string& node) {
  return static_cast<double>(std::count(homes.begin(), homes.end(), node))
         / static_cast<double>(homes.size());
}

cluster_view weighted_cluster(const std::vector<std::uint32_t>& weights) {
  std::vector<storage::node_row> nodes;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    nodes.push_back(row_of("n" + std::to_string(i + 1)));
    nodes.back().weight = weights[i];
  }
  return cluster_of(std::move(nodes));
}

constexpr int many = 12'000;

} // namespace

TEST_CASE("placement: machines have their homes in proportion to the weights of the nodes") {
  for (const auto& weights : {std::vector<std::uint32_t>{100, 200, 300},
                              {1, 2, 3},
                              {300, 300, 300},
                              {7, 1'000, 93, 400}}) {
    const auto homes = homes_in(weighted_cluster(weights), many);
    double all = 0;
    for (const auto weight : weights)
      all += weight;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      CAPTURE(weights[i]);
      const auto fair = weights[i] / all;
      // Four times the deviation of as many independent draws.
      const auto deviation = std::sqrt(fair * (1 - fair) / many);
      CHECK(std::abs(share_of(homes, "n" + std::to_string(i + 1)) - fair) <= 4 * deviation);
    }
  }
  CHECK(share_of(homes_in(weighted_cluster({100, 0, 300}), many), "n2") == 0);
}

TEST_CASE(
  "placement: when a node leaves, only its machines move, by weight, and all return with it") {
  auto view = weighted_cluster({100, 200, 300});
  const auto before = homes_in(view, many);
  for (std::size_t gone = 0; gone < 3; ++gone) {
    CAPTURE(gone);
    const auto name = view.nodes[gone].who.name;
    view.nodes[gone].status = storage::node_status::dead;
    const auto without = homes_in(view, many);
    std::vector<std::string> moved;
    for (int i = 0; i < many; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (before[at] == name)
        moved.push_back(without[at]);
      else if (before[at] != without[at])
        FAIL("T" << i << " moved without need");
    }
    double weights = 0;
    for (const auto& node : view.nodes)
      weights += node.who.name == name ? 0 : node.weight;
    for (const auto& node : view.nodes)
      if (node.who.name != name)
        CHECK(std::abs(share_of(moved, node.who.name) - node.weight / weights) <= 0.05);
    view.nodes[gone].status = storage::node_status::alive;
    CHECK(homes_in(view, many) == before);
  }
}

TEST_CASE("placement: a node that gets more weight takes machines from the others, and nothing "
          "else moves") {
  auto view = weighted_cluster({100, 200, 300});
  const auto before = homes_in(view, many);
  view.nodes[0].weight = 250;
  const auto after = homes_in(view, many);
  std::size_t moved = 0;
  for (std::size_t i = 0; i < before.size(); ++i)
    if (before[i] != after[i]) {
      CHECK(after[i] == "n1");
      ++moved;
    }
  CHECK(std::abs(share_of(after, "n1") - 1.0 / 3) <= 0.02);
  CHECK(std::abs(static_cast<double>(moved) / many - (1.0 / 3 - 1.0 / 6)) <= 0.02);
}

// Gateways choose among the addresses that they know without the weights: the nodes put it right.
TEST_CASE("balance: three nodes of weights 1, 2 and 3 come to rest near their shares, and no "
          "machine returns") {
  constexpr std::size_t machines = 6'000;
  std::vector<std::size_t> load{2'000, 2'000, 2'000};
  const std::vector<std::uint32_t> weights{100, 200, 300};
  std::vector<balance> balances(3);
  std::vector<std::size_t> arrived(3);
  std::vector<std::size_t> left(3);
  auto now = later;
  for (int round = 0; round < 400; ++round, now += 10s)
    for (std::size_t self = 0; self < 3; ++self) {
      std::vector<storage::node_row> nodes; // its own first
      for (std::size_t i = 0; i < 3; ++i) {
        const auto which = (self + i) % 3;
        nodes.push_back(row_of("n" + std::to_string(which + 1), load[which]));
        nodes.back().weight = weights[which];
      }
      for (const auto& move : balances[self].look(cluster_of(std::move(nodes)), load[self], now)) {
        const auto to = static_cast<std::size_t>(move.node.back() - '1');
        load[self] -= move.machines;
        load[to] += move.machines;
        left[self] += move.machines;
        arrived[to] += move.machines;
      }
    }
  for (std::size_t i = 0; i < 3; ++i) {
    CAPTURE(i);
    CHECK(static_cast<double>(load[i]) <= machines * weights[i] / 600.0 * 1.2 + 1);
    CHECK((arrived[i] == 0 || left[i] == 0));
  }
  CHECK(left[0] > 0);
  CHECK(left[0] <= 1'000);
}

TEST_CASE("cluster board: tells of each order when it can be read") {
  cluster_board board{{"n1", {1}}};
  board.join({}); // nobody listens yet
  std::vector<cluster_orders> told;
  board.on_orders([&] { told.push_back(board.orders()); });
  storage::node_card card;
  card.gateway = "10.0.0.1:7400";
  board.join(card);
  board.end();
  board.leave();
  REQUIRE(told.size() == 3);
  CHECK(told[0].card->gateway == "10.0.0.1:7400");
  CHECK_FALSE(told[0].ends);
  CHECK(told[1].ends);
  CHECK_FALSE(told[1].leaves);
  CHECK(told[2].leaves);
}
