// What HTTP makes of the answers of other nodes: one list, who is missing, and the rights that are passed on.
#include "actors/cluster/peer_nodes.hpp"
#include "actors/cluster/peer_rows.hpp"
#include "tests/support/http_front.hpp"
#include "tests/tools/furrowd/http/tokens.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::json;
namespace net = furrow::proto::link;

namespace {

/// Node n2 answers; n3 never does.
class scripted_view final : public actors::peer_nodes {
public:
  void ask_peers(net::wish what, heard done) override {
    auto said = answer_of_n2(what);
    said.incomplete = {"n3"};
    done(std::move(said));
  }
  void ask_peer(const std::string& node, net::wish what, heard done) override {
    if (node == "n2")
      return done(answer_of_n2(what));
    actors::peers_said said;
    said.unknown = node != "n3";
    if (!said.unknown)
      said.incomplete = {"n3"};
    done(std::move(said));
  }
  void answer(const net::wish&, actors::link_port::handler) override {}

  std::vector<net::wish> asked;
  net::ended_answer::kind outcome = net::ended_answer::kind::done;
  std::vector<net::machine_row> machines;

private:
  actors::peers_said answer_of_n2(const net::wish& what) {
    asked.push_back(what);
    net::reply made = net::failed_answer{};
    if (std::holds_alternative<net::actors_wish>(what.what)) {
      net::actor_row row;
      row.id = 17;
      row.parent = 1;
      row.name = "writer-0";
      row.kind = "writer";
      row.state = "running";
      row.waiting = 3;
      row.oldest_us = 4'500;
      made = net::actors_page_answer{{row}, false};
    } else if (std::holds_alternative<net::end_wish>(what.what)) {
      made = net::ended_answer{outcome, "writer-0"};
    } else if (std::holds_alternative<net::machines_wish>(what.what)) {
      made = net::machines_page_answer{machines, false};
    } else {
      made = net::report_answer{true, R"({"faults":["of n2"],"ecus":[]})"};
    }
    actors::peers_said said;
    said.answers.emplace_back("n2", std::make_shared<const net::reply>(std::move(made)));
    return said;
  }
};

net::machine_row live_at_n2(const std::string& name, bool connected, std::int64_t epoch) {
  net::machine_row row;
  row.equipment = name;
  row.connected = connected;
  row.epoch = epoch;
  row.frames = 1'000;
  row.last_frame_us = 1'588'310'400'900'000;
  row.values = {{"engine_speed_rpm", 2'100, 1'588'310'400'900'000, 61'444, 0, 0}};
  return row;
}

struct peers_world {
  explicit peers_world(http::http_config config = {})
    : front{(furnish(node), node.others = &others, node), std::move(config)} {}
  json get(const std::string& target) {
    const auto answer = client.get(target);
    REQUIRE_MESSAGE(answer.status == 200, answer.body);
    return json::parse(answer.body);
  }
  scripted_view others;
  fake_node node;
  http_front front;
  raw_client client{front.at()};
};

} // namespace

TEST_CASE("peers: the list of actors is that of all nodes, and names who is missing") {
  peers_world w;
  const auto all = w.get("/api/v1/actors");
  CHECK(all["node"] == "n1");
  CHECK(all["incomplete"] == json{"n3"});
  REQUIRE(all["actors"].size() == 4);
  const auto& theirs = all["actors"].back();
  CHECK(theirs["node"] == "n2");
  CHECK(theirs["id"] == 17);
  CHECK(theirs["waiting"] == 3);
  CHECK(theirs["oldest_ms"] == 4);
  CHECK(w.get("/api/v1/actors?node=n1")["actors"].size() == 3);
  CHECK(w.get("/api/v1/actors?node=n2")["actors"].size() == 1);
  CHECK(w.get("/api/v1/actors/n2/17") == theirs);
  CHECK(w.client.get("/api/v1/actors/n2/18").status == 404);
  CHECK(w.client.get("/api/v1/actors/n3/17").status == 504);
  CHECK(w.client.get("/api/v1/actors/n4/17").status == 404);
  CHECK(w.client.get("/api/v1/actors?node=n3").status == 504);
  CHECK(w.client.get("/api/v1/actors?node=n4").status == 404);
}

TEST_CASE("peers: an actor of another node is ended there, and every outcome has its status") {
  using kind = net::ended_answer::kind;
  peers_world w;
  CHECK(w.client.post("/api/v1/actors/n2/17/kill").status == 200);
  const auto* killed = std::get_if<net::end_wish>(&w.others.asked.back().what);
  REQUIRE(killed != nullptr);
  CHECK(killed->actor == 17);
  CHECK_FALSE(killed->restart);
  CHECK(json::parse(w.client.post("/api/v1/actors/n2/17/restart").body)
        == json{{"restarted", 17}, {"name", "writer-0"}, {"node", "n2"}});
  CHECK(std::get<net::end_wish>(w.others.asked.back().what).restart);
  w.others.outcome = kind::no_such_actor;
  CHECK(w.client.post("/api/v1/actors/n2/17/kill").status == 404);
  w.others.outcome = kind::not_permitted;
  CHECK(w.client.post("/api/v1/actors/n2/17/kill").status == 403);
  CHECK(w.client.post("/api/v1/actors/n3/17/kill").status == 504);
  CHECK(w.client.post("/api/v1/actors/n4/17/kill").status == 404);
  CHECK(w.client.post("/api/v1/actors/n2/x/kill").status == 400);
  CHECK(w.node.killed.empty());
}

TEST_CASE("peers: a machine is shown where its newest session is") {
  peers_world w;
  w.others.machines = {live_at_n2("T1", false, 9), live_at_n2("T9", true, 3)};
  auto list = w.get("/api/v1/equipment");
  CHECK(list["incomplete_nodes"] == json{"n3"});
  CHECK(list["incomplete"].is_null());
  const auto row = [&list](const std::string& name) -> json {
    for (const auto& one : list["equipment"])
      if (one["name"] == name)
        return one;
    return nullptr;
  };
  CHECK(row("T1")["node"] == "n1"); // connected here: the other one is an older session
  CHECK(row("T9")["node"] == "n2");
  CHECK(row("T9")["state"]["engine_speed_rpm"]["value"] == 2'100);
  w.others.machines = {live_at_n2("T1", true, 9)};
  list = w.get("/api/v1/equipment");
  CHECK(row("T1")["node"] == "n2");    // both connected: the newer claim
  CHECK(row("T1")["frames"] == 1'000); // of that node alone
  const auto one = w.get("/api/v1/equipment/T1");
  CHECK(one["node"] == "n2");
  CHECK(one["faults"] == json{"of n2"});
  CHECK(std::get<net::report_wish>(w.others.asked.back().what).equipment == "T1");
  const auto& listed = w.others.asked.at(w.others.asked.size() - 2);
  CHECK(std::holds_alternative<net::machines_wish>(listed.what));
  CHECK(listed.who.equipment == std::vector<std::string>{"T1"}); // not all machines for one
  for (const auto* name : {"cleared_faults", "ecus", "implements", "own_signals"})
    CHECK_MESSAGE(one.contains(name), name); // n2 is of a version that tells only some
}

TEST_CASE("peers: a list of one named machine asks the other nodes for it alone") {
  peers_world w{with_tokens(
    {{"all", "role = \"viewer\""}, {"some", "role = \"viewer\"\nequipment = [\"T1\", \"T2\"]"}})};
  w.others.machines = {live_at_n2("T1", true, 9)};
  const auto count = [&w](const std::string& target, const std::string& token) {
    const auto body = json::parse(w.client.get(target, bearer(token)).body);
    return body.at(body.contains("machines") ? "machines" : "equipment").size();
  };
  const auto named = [&w] { return w.others.asked.back().who.equipment; };
  using name_list = std::vector<std::string>;
  for (const std::string path : {"/api/v1/equipment", "/api/v1/fleet"}) {
    CHECK(count(path + "?machines=T1", "all") == 1);
    CHECK(named() == name_list{"T1"});
    CHECK(count(path + "?machines=T1", "some") == 1);
    CHECK(named() == name_list{"T1"});
    CHECK(count(path + "?machines=T*", "all") == 2);
    CHECK(named().empty());
    CHECK(count(path + "?machines=T1,T2", "all") == 2);
    CHECK(named().empty());
    CHECK(count(path + "?machines=T9", "some") == 0); // outside of what the token covers
    CHECK(named() == name_list{"T1", "T2"});
    CHECK(count(path + "?machines=T9", "all") == 0);
  }
}

TEST_CASE("peers: the other node is told what the token may see and end") {
  peers_world w{with_tokens({{"viewer", "role = \"viewer\"\nequipment = [\"T1\"]"},
                             {"operator", "role = \"operator\""},
                             {"node", "role = \"admin\"\nfarm = \"*\""}})};
  const auto scope = [&w] { return w.others.asked.back().who; };
  CHECK(w.client.get("/api/v1/actors", bearer("viewer")).status == 200);
  CHECK(scope().farm == "default");
  CHECK(scope().equipment == std::vector<std::string>{"T1"});
  CHECK_FALSE(scope().watch);
  CHECK_FALSE(scope().govern);
  const auto before = w.others.asked.size();
  CHECK(w.client.post("/api/v1/actors/n2/17/kill", bearer("viewer")).status == 403);
  CHECK(w.others.asked.size() == before); // it was not even asked
  CHECK(w.client.post("/api/v1/actors/n2/17/kill", bearer("operator")).status == 200);
  CHECK_FALSE(scope().govern);
  CHECK(w.client.post("/api/v1/actors/n2/17/kill?farm=hill", bearer("node")).status == 200);
  CHECK(scope().farm == "hill");
  CHECK(scope().watch);
  CHECK(scope().govern);
}
