/// The nodes of a cluster over HTTP: who is here, what people want of them, and where machines are.
#include "actors/cluster/cluster_board.hpp"
#include "actors/log/levels.hpp"
#include "tests/support/http_front.hpp"
#include "tests/tools/furrowd/http/tokens.hpp"

#include <doctest/doctest.h>

#include <string>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::json;

namespace {

storage::node_row member_of(const std::string& name, std::uint8_t first, std::int64_t lease_ms) {
  storage::node_row out;
  out.who = {name, {first, 2, 3, 4}};
  out.card = {name + ":7400", name + ":7480", "", "1.0.0", 1, 2};
  out.load = {12, 3'400, 150};
  out.lease_ms = lease_ms;
  out.since_us = 1'700'000'000'000'000;
  return out;
}

class known_members : public storage::membership_store {
public:
  storage::node_wish wished;
  std::string pinned;
  storage::author author;
  std::vector<storage::machine_home> known_homes;

  void beat(storage::beat_request, storage::handler<storage::beat_outcome>) override {}
  void judge(storage::node_identity, storage::handler<storage::judgement>) override {}
  void leave(storage::node_identity, storage::handler<furrow::done>) override {}
  void settle(storage::node_identity,
              storage::machine_names,
              storage::handler<storage::machine_names>) override {}
  void unsettle(storage::node_identity,
                storage::machine_names,
                storage::handler<storage::machine_names>) override {}
  void pins(storage::handler<std::vector<storage::machine_home>>) override {}
  void steer(std::string node,
             storage::node_wish wish,
             storage::author by,
             storage::handler<storage::node_status> done) override {
    wished = wish;
    author = std::move(by);
    if (node == "n9")
      return done(storage::failure{storage::errc::not_found, "no node n9"});
    if (node == "gone")
      return done(storage::node_status::dead);
    done(wish.what == storage::node_wish::kind::drain ? storage::node_status::draining
                                                      : storage::node_status::alive);
  }
  void homes(std::string, storage::handler<std::vector<storage::machine_home>> done) override {
    done(known_homes);
  }
  void pin(std::string farm,
           std::string machine,
           std::string node,
           storage::author by,
           storage::handler<furrow::done> done) override {
    if (node == "n9")
      return done(storage::failure{storage::errc::not_found, "no node n9"});
    author = std::move(by);
    pinned = farm + "/" + machine + " " + node;
    done(furrow::done{});
  }
};

class shared_store : public fake_store {
public:
  known_members members;
  storage::membership_store* membership() override { return &members; }
};

class cluster_node : public fake_node {
public:
  shared_store shared;
  actors::cluster_board board{{"n1", {1, 2, 3, 4}}};

  cluster_node() {
    store = &shared;
    cluster = &board;
    actors::cluster_view view;
    view.self = {"n1", {1, 2, 3, 4}};
    view.view = 7;
    view.asked_at = std::chrono::steady_clock::now();
    view.nodes = {member_of("n1", 1, 2'900), member_of("n2", 2, -400), member_of("n3", 3, -9'000)};
    view.nodes[2].status = storage::node_status::dead;
    view.nodes[2].judged_by = "n1";
    board.publish(std::make_shared<const actors::cluster_view>(view));
  }
};

struct nodes_world {
  cluster_node node;
  http_front front{node, with_tokens({{"v", "role = \"viewer\""},
                                      {"o", "role = \"operator\""},
                                      {"n", "role = \"viewer\"\nfarm = \"*\""},
                                      {"na", "role = \"admin\"\nfarm = \"*\""}})};
  raw_client client{front.at()};

  http_answer put(const std::string& target, const std::string& body) {
    client.send("PUT " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: "
                + std::to_string(body.size()) + "\r\n" + bearer("na") + "\r\n" + body);
    return client.read();
  }
};

} // namespace

TEST_CASE("http, nodes: each node with its state, load and lease, as the database said last") {
  nodes_world w;
  const auto answer = json::parse(w.client.get("/api/v1/nodes", bearer("n")).body);
  CHECK(answer["view"] == 7);
  const auto& rows = answer["nodes"];
  REQUIRE(rows.size() == 3);
  CHECK(rows[0]["name"] == "n1");
  CHECK(rows[0]["state"] == "alive");
  CHECK(rows[0]["this"] == true);
  CHECK(rows[0]["sessions"] == 12);
  CHECK(rows[0]["frames_per_s"] == 3'400);
  CHECK(rows[0]["lag_ms"] == 150);
  CHECK(rows[0]["lease_age_ms"] >= 100);
  CHECK(rows[0]["build"] == "1.0.0");
  CHECK(rows[0]["wire_versions"] == "1-2");
  CHECK(rows[0]["incarnation"] == "01020304");
  CHECK(rows[1]["state"] == "late");
  CHECK(rows[1]["lease_age_ms"] >= 3'400);
  CHECK(rows[2]["state"] == "dead");
  CHECK(rows[2]["judged_by"] == "n1");
  CHECK(rows[2]["lease_age_ms"].is_null());
  CHECK(json::parse(w.client.get("/api/v1/nodes/n2", bearer("n")).body)["name"] == "n2");
  CHECK(w.client.get("/api/v1/nodes/n9", bearer("n")).status == 404);
}

TEST_CASE("http, nodes: tokens of one farm see no node; only an admin of the node steers") {
  nodes_world w;
  CHECK(w.client.get("/api/v1/nodes", bearer("v")).status == 403);
  CHECK(w.client.post("/api/v1/nodes/n2/drain", bearer("n")).status == 403);
  CHECK(w.client.post("/api/v1/nodes/n2/drain", bearer("o")).status == 403);
  CHECK(w.client.post("/api/v1/nodes/n2/drain", bearer("na")).status == 200);
}

TEST_CASE("http, nodes: drain, undrain and weight reach the database") {
  nodes_world w;
  auto& members = w.node.shared.members;
  auto answer = w.client.post("/api/v1/nodes/n2/drain", bearer("na"));
  CHECK(json::parse(answer.body)["state"] == "draining");
  CHECK(members.wished.what == storage::node_wish::kind::drain);
  CHECK(w.client.post("/api/v1/nodes/n2/undrain", bearer("na")).status == 200);
  CHECK(members.wished.what == storage::node_wish::kind::undrain);
  CHECK(w.put("/api/v1/nodes/n2/weight", "{\"weight\": 250}").status == 200);
  CHECK(members.author.origin == "127.0.0.1");
  CHECK_FALSE(members.author.who.empty());
  CHECK(members.wished.weight == 250);
  for (const auto* wrong : {"", "[]", "{}", "{\"weight\": -1}", "{\"weight\": 10001}",
                            "{\"weight\": 1.5}", "{\"weight\": \"1\"}",
                            "{\"weight\": 1, \"more\": 2}", "{\"weight\": 18446744073709551615}"})
    CHECK_MESSAGE(w.put("/api/v1/nodes/n2/weight", wrong).status == 400, wrong);
  CHECK(w.client.post("/api/v1/nodes/n9/drain", bearer("na")).status == 404);
  CHECK(w.client.post("/api/v1/nodes/gone/drain", bearer("na")).status == 409);
}

TEST_CASE("http, nodes: a machine is pinned to a node by those who may operate it") {
  nodes_world w;
  const auto move = [&](const char* token, const std::string& body) {
    raw_client own{w.front.at()}; // a request that is refused before its body ends the connection
    return own.post("/api/v1/equipment/T1/move", bearer(token), body).status;
  };
  CHECK(move("v", "{\"to\": \"n2\"}") == 403);
  CHECK(move("o", "{\"to\": \"n2\"}") == 200);
  CHECK(w.node.shared.members.pinned == "default/T1 n2");
  CHECK(move("o", "{\"to\": \"\"}") == 200);
  CHECK(w.node.shared.members.pinned == "default/T1 ");
  CHECK(move("o", "{\"to\": \"n9\"}") == 404);
  CHECK(move("o", "{\"to\": 7}") == 400);
  CHECK(move("o", "") == 400);
}

TEST_CASE("http, nodes: a machine of another node is named with that node, one of a dead node "
          "awaits its gateway") {
  nodes_world w;
  w.node.shared.equipment = {{"default", "T1", std::nullopt, 1, 3, std::nullopt},
                             {"default", "T2", std::nullopt, 1, 0, std::nullopt}};
  const auto now_us = std::chrono::duration_cast<std::chrono::microseconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count();
  auto view = *w.node.board.latest();
  view.nodes[2].since_us = now_us - 1'000'000;
  w.node.board.publish(std::make_shared<const actors::cluster_view>(view));
  w.node.shared.members.known_homes = {{"default", "T1", "n2", {2, 2, 3, 4}, 0, "n1"},
                                       {"default", "T2", "n3", {3, 2, 3, 4}, 0, ""}};
  const auto rows = json::parse(w.client.get("/api/v1/equipment", bearer("v")).body)["equipment"];
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["node"] == "n2");
  CHECK(rows[0]["awaiting_gateway"] == false);
  CHECK(rows[0]["pinned_to"] == "n1");
  CHECK(rows[1]["node"].is_null());
  CHECK(rows[1]["awaiting_gateway"] == true);
  const auto nodes_of = [&w](const std::string& sort) {
    const auto body = json::parse(w.client.get("/api/v1/fleet?sort=" + sort, bearer("v")).body);
    json out = json::array();
    for (const auto& row : body["machines"])
      out.push_back({row["name"], row["node"]});
    return out;
  };
  CHECK(nodes_of("name") == json::parse(R"([["T1","n2"],["T2",null]])"));
  CHECK(nodes_of("-node") == json::parse(R"([["T1","n2"],["T2",null]])"));
  // A node that ends is noticed although the homes are those that were read before.
  view.nodes[1].status = storage::node_status::dead;
  ++view.view; // counts the changes of status
  w.node.board.publish(std::make_shared<const actors::cluster_view>(view));
  CHECK(nodes_of("name") == json::parse(R"([["T1",null],["T2",null]])"));
}

TEST_CASE("http, nodes: a node that is alone lists itself, and has nobody to steer") {
  fake_node node;
  http_front front{node};
  raw_client client{front.at()};
  const auto rows = json::parse(client.get("/api/v1/nodes").body)["nodes"];
  REQUIRE(rows.size() == 1);
  CHECK(rows[0]["state"] == "alive");
  CHECK(rows[0]["this"] == true);
  CHECK(client.post("/api/v1/nodes/n1/drain").status == 409);
}

TEST_CASE("http, log levels: viewers of the node see them, admins of the node set them") {
  nodes_world w;
  const std::string target = "/api/v1/log-levels";
  const auto before = json::parse(w.client.get(target, bearer("n")).body);
  CHECK(before["levels"] == "info");
  CHECK(before["modules"].size() == log::module_count);
  CHECK(before["modules"][0] == json{{"module", "node"}, {"level", "info"}});
  CHECK(w.client.get(target, bearer("v")).status == 403);
  CHECK(w.client.get(target).status == 401);
  const auto after = w.put(target, "{\"levels\": \"warn,gateway=debug\"}");
  CHECK(after.status == 200);
  CHECK(json::parse(after.body)["levels"] == "warn,gateway=debug");
  CHECK(log::enabled(log::level::debug, log::gateway));
  CHECK_FALSE(log::enabled(log::level::info, log::http));
  for (const auto* wrong : {"", "{}", "[]", "{\"levels\": 1}", "{\"levels\": \"loud\"}",
                            "{\"levels\": \"x=debug\"}", "{\"levels\": \"info\", \"more\": 1}"})
    CHECK_MESSAGE(w.put(target, wrong).status == 400, wrong);
  CHECK(log::levels() == "warn,gateway=debug");
  CHECK(w.put(target, "{\"levels\": \"info\"}").status == 200);
}
