/// The brief list of all machines over HTTP: what a map and a list of a fleet need, in one answer.
#include "tests/support/eventually.hpp"
#include "tests/support/http_front.hpp"
#include "tests/tools/furrowd/http/tokens.hpp"
#include "tools/furrowd/http/body_form.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t brief_time_us = 1'588'310'400'500'000;

struct brief_world {
  explicit brief_world(http::http_config config = {})
    : front{(furnish(node), furnish_machines(), node), std::move(config)} {}

  /// L1 is live and drives; S1 is stored only, with a state; T1 is live, T2 stored without a state.
  int furnish_machines() {
    actors::live_equipment live;
    live.farm = "default";
    live.equipment = "L1";
    live.connected = true;
    live.faults_active = 3;
    can::live_state state;
    state.last_frame_us = brief_time_us;
    state.position = can::observed<can::position>{{47.25, 8.5}, brief_time_us, 129'025, 0, 0};
    state.course_deg = can::observed<double>{123.5, brief_time_us, 129'026, 0, 0};
    state.ground_speed_mps = can::observed<double>{2.5, brief_time_us, 129'026, 0, 0};
    state.fuel_level_pct = can::observed<double>{60, brief_time_us, 65'276, 0, 0};
    live.state = std::make_shared<const can::live_state>(state);
    node.live.push_back(live);
    storage::telemetry_point kept;
    kept.time_us = brief_time_us - 60'000'000;
    kept.mode = "moving";
    kept.values[0] = 18;    // km/h
    kept.values[14] = 46.5; // latitude
    kept.values[15] = 7.25; // longitude
    node.database.equipment.push_back(
      {"default", "S1", std::nullopt, 1, 4, brief_time_us - 50'000'000, kept});
    return 0;
  }
  json get(const std::string& query = "", const std::string& more = "") {
    const auto answer = client.get("/api/v1/fleet" + query, more);
    REQUIRE_MESSAGE(answer.status == 200, answer.body);
    return json::parse(answer.body);
  }
  std::vector<std::string> names(const std::string& query = "", const std::string& more = "") {
    std::vector<std::string> out;
    const json body = get(query, more);
    for (const auto& row : body["machines"])
      out.push_back(row["name"]);
    return out;
  }
  json row(const std::string& name, const std::string& query = "") {
    const json body = get(query);
    for (const auto& one : body["machines"])
      if (one["name"] == name)
        return one;
    return nullptr;
  }
  fake_node node;
  http_front front;
  raw_client client{front.at()};
};

using name_list = std::vector<std::string>;

} // namespace

TEST_CASE("brief list: a live machine has what a map and a list show, by the names of the stream") {
  brief_world w;
  CHECK(w.row("L1")
        == json{{"name", "L1"},
                {"connected", true},
                {"node", "n1"},
                {"seen", "2020-05-01T05:20:00.500000Z"},
                {"active_faults", 3},
                {"values",
                 {{"position", {{"latitude_deg", 47.25}, {"longitude_deg", 8.5}}},
                  {"course_deg", 123.5},
                  {"ground_speed_mps", 2.5},
                  {"mode", "unknown"}}}});
  const auto body = w.get();
  CHECK(body["incomplete"].is_null());
  CHECK(body["incomplete_nodes"] == json::array());
  CHECK_FALSE(body.contains("next"));
}

TEST_CASE("brief list: a machine that is stored only shows its last state, and what is absent is "
          "not zero") {
  brief_world w;
  const auto stored = w.row("S1");
  CHECK(stored["connected"] == false);
  CHECK(stored["node"].is_null());
  CHECK(stored["active_faults"].is_null());
  CHECK(stored["seen"] == "2020-05-01T05:19:10.500000Z");
  CHECK(stored["values"]
        == json{{"position", {{"latitude_deg", 46.5}, {"longitude_deg", 7.25}}},
                {"ground_speed_mps", 5},
                {"mode", "moving"}});
  const auto never = w.row("T2");
  CHECK(never["seen"].is_null());
  CHECK(never["values"] == json::object());
}

TEST_CASE("brief list: it has the machines, order and pages of the full list") {
  brief_world w;
  const auto full = json::parse(w.client.get("/api/v1/equipment").body);
  name_list all;
  for (const auto& row : full["equipment"]) {
    all.push_back(row["name"]);
    const auto brief = w.row(row["name"]);
    CHECK(brief["connected"] == row["connected"]);
    CHECK(brief["node"] == row["node"]);
    CHECK(brief["seen"] == row["last_frame"]);
    CHECK(brief["active_faults"] == row["fault_count"]);
    for (const auto& [key, value] : brief["values"].items())
      CHECK_MESSAGE(value == row["state"][key]["value"], key);
  }
  CHECK(w.names() == all);
  CHECK(all == name_list{"L1", "S1", "T1", "T2"});
  CHECK(w.names("?sort=-fault_count") == name_list{"L1", "T1", "S1", "T2"});
  const auto page = w.get("?sort=-fault_count&limit=1");
  CHECK(page["machines"].size() == 1);
  CHECK(page["next"] == R"(["-fault_count",3,"L1"])");
  CHECK(w.names("?sort=-fault_count&limit=2&after=%5B%22-fault_count%22,3,%22L1%22%5D")
        == name_list{"T1", "S1"});
}

TEST_CASE("brief list: it shows the machines and values that are asked for") {
  brief_world w;
  CHECK(w.names("?machines=T*,L1") == name_list{"L1", "T1", "T2"});
  CHECK(w.names("?area=8,47,9,48") == name_list{"L1"});
  CHECK(w.names("?area=7,46,9,48") == name_list{"L1", "S1"});
  CHECK(w.names("?area=7,46,9,48&machines=S*") == name_list{"S1"});
  CHECK(w.row("L1", "?signals=fuel_level_pct")["values"] == json{{"fuel_level_pct", 60}});
  CHECK(w.row("L1", "?signals=*_mps,DD1.*")["values"].size() == 2);
  CHECK(w.row("L1", "?signals=none")["values"] == json::object());
  // The full list takes the same machines.
  const auto full = json::parse(w.client.get("/api/v1/equipment?area=8,47,9,48").body);
  REQUIRE(full["equipment"].size() == 1);
  CHECK(full["equipment"][0]["name"] == "L1");
  for (const auto* wrong : {"?view=brief", "?brief=true", "?area=1,2,3", "?area=9,47,8,48",
                            "?sort=colour", "?limit=0", "?after=x"})
    CHECK_MESSAGE(w.client.get(std::string{"/api/v1/fleet"} + wrong).status == 400, wrong);
  CHECK(w.client.get("/api/v1/equipment?signals=mode").status == 400);
}

TEST_CASE("brief list: a machine of a site is marked also while its line is away, and the list can "
          "be of these only") {
  brief_world w;
  for (auto& row : w.node.database.equipment)
    row.relayed = row.name == "S1";
  w.node.live.back().relayed = true; // L1
  CHECK(w.row("L1")["relayed"] == true);
  const auto away = w.row("S1");
  CHECK(away["connected"] == false);
  CHECK(away["relayed"] == true);
  CHECK(away["seen"] == "2020-05-01T05:19:10.500000Z");
  CHECK_FALSE(w.row("T1").contains("relayed")); // rows stay short
  CHECK_FALSE(w.row("T2").contains("relayed"));
  CHECK(w.names("?relayed=true") == name_list{"L1", "S1"});
  CHECK(w.names("?relayed=true&machines=S*") == name_list{"S1"});
  CHECK(w.names("?relayed=true&area=8,47,9,48") == name_list{"L1"});
  CHECK(w.names("?relayed=true&sort=-name&limit=1") == name_list{"S1"});
  CHECK(w.names("?relayed=false") == name_list{"T1", "T2"});
  CHECK(w.client.get("/api/v1/fleet?relayed=yes").status == 400);
  const auto full = json::parse(w.client.get("/api/v1/equipment?relayed=true").body);
  REQUIRE(full["equipment"].size() == 2);
  CHECK(full["equipment"][1]["as_of"] == away["seen"]);
}

TEST_CASE("brief list: a token sees only its machines") {
  brief_world w{with_tokens({{"viewer", "role = \"viewer\"\nequipment = [\"S1\", \"T1\"]"},
                             {"hill", "role = \"viewer\"\nfarm = \"hill\""}})};
  CHECK(w.names("", bearer("viewer")) == name_list{"S1", "T1"});
  CHECK(w.names("?machines=*1", bearer("viewer")) == name_list{"S1", "T1"});
  CHECK(w.names("", bearer("hill")) == name_list{"H1"});
  CHECK(w.client.get("/api/v1/fleet").status == 401);
}

TEST_CASE("brief list: names are escaped, and a client that has the list gets 304") {
  brief_world w;
  w.node.database.equipment.push_back({"default", "T \"2\"\\\x7F", std::nullopt, 1, 0, 7});
  CHECK(w.names() == name_list{"L1", "S1", "T \"2\"\\\x7F", "T1", "T2"});
  const auto first = w.client.get("/api/v1/fleet");
  CHECK(first.body.back() == '\n');
  const auto tag = "If-None-Match: " + first.headers.at("etag") + "\r\n";
  CHECK(w.client.get("/api/v1/fleet", tag).status == 304);
  w.node.live.clear();
  CHECK(w.client.get("/api/v1/fleet", tag).status == 200);
}

TEST_CASE(
  "brief list: without the database it has the live machines, and says why others are missing") {
  brief_world w;
  w.node.database.away = true;
  const auto body = w.get();
  CHECK(body["incomplete"].is_string());
  CHECK(w.names() == name_list{"L1", "T1"});
}

TEST_CASE(
  "brief list: it does not wait for rows that were read a moment ago, and reads them anew") {
  http::http_config config;
  config.cache.ttl = 1ms;
  config.cache.aged = 1h;
  brief_world w{std::move(config)};
  CHECK(w.names().size() == 4);
  w.node.database.equipment.push_back({"default", "T3", std::nullopt, 1, 0, std::nullopt});
  w.node.database.silent = true;
  CHECK(w.names().size() == 4); // nobody asked the database, or waited for it
  CHECK(w.get()["incomplete"].is_null());
  w.node.database.silent = false;
  auto live = w.node.live.front();
  live.equipment = "T4";
  w.node.live.push_back(live);
  CHECK(w.names().back() == "T4"); // what is live is never old
  // A change over HTTP is seen at once.
  w.client.post("/api/v1/actors/3/kill");
  CHECK(w.names() == name_list{"L1", "S1", "T1", "T2", "T3", "T4"});
}

TEST_CASE(
  "brief list: rows that are older than half of what it takes are replaced in the background") {
  http::http_config config;
  config.cache.ttl = 1ms;
  config.cache.aged = 60s;
  brief_world w{std::move(config)};
  CHECK(w.names().size() == 4);
  http::http_config hasty;
  hasty.cache.ttl = 1ms;
  hasty.cache.aged = 200ms;
  brief_world other{std::move(hasty)};
  CHECK(other.names().size() == 4);
  other.node.database.equipment.push_back({"default", "T3", std::nullopt, 1, 0, std::nullopt});
  CHECK(eventually(20s, [&other] { return other.names().size() == 5; }));
  CHECK(w.names().size() == 4);
}

TEST_CASE(
  "brief list: a ticket changes nothing, records leave it the rows at hand, and changes none") {
  http::http_config config;
  config.cache.ttl = 1h;
  config.cache.aged = 1h;
  brief_world w{std::move(config)};
  const auto of_full_list = [&w] {
    return json::parse(w.client.get("/api/v1/equipment").body).at("equipment").size();
  };
  CHECK(w.names().size() == 4);
  w.node.database.equipment.push_back({"default", "T3", std::nullopt, 1, 0, std::nullopt});
  CHECK(w.client.post("/api/v1/stream/tickets").status < 300);
  CHECK(of_full_list() == 4);
  w.client.post("/api/v1/records?equipment=T1&kind=yield", "", "no records");
  CHECK(w.names().size() == 4);
  CHECK(of_full_list() == 5); // the full list is new
  CHECK(w.names().size() == 5);
  w.node.database.equipment.push_back({"default", "T5", std::nullopt, 1, 0, std::nullopt});
  w.client.post("/api/v1/actors/3/kill");
  CHECK(w.names().size() == 6);
}

TEST_CASE("brief list: a change whose handler fails may have been made, and is seen") {
  class failing_node final : public fake_node {
  public:
    bool restart(std::uint64_t /*id*/) override { throw std::runtime_error{"it fails"}; }
  };
  failing_node node;
  furnish(node);
  http::http_config config;
  config.cache.ttl = 1h;
  config.cache.aged = 1h;
  const http_front front{node, std::move(config)};
  raw_client client{front.at()};
  const auto count = [&client] {
    return json::parse(client.get("/api/v1/fleet").body).at("machines").size();
  };
  CHECK(count() == 2);
  node.database.equipment.push_back({"default", "T3", std::nullopt, 1, 0, std::nullopt});
  CHECK(count() == 2);
  CHECK(client.post("/api/v1/actors/3/restart").status == 500);
  CHECK(count() == 3);
}

TEST_CASE("brief list: it does not wait for its turn behind requests that wait for the database") {
  http::http_config config;
  config.cache.ttl = 1h;
  config.cache.aged = 1h;
  config.turns_max = 1;
  config.turn_wait = 200ms;
  brief_world w{std::move(config)};
  CHECK(w.names().size() == 4);
  w.node.database.silent = true;
  raw_client waits{w.front.at()};
  waits.send("GET /api/v1/ledger?equipment=T1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  REQUIRE(eventually(20s, [&w] { return w.node.database.unanswered > 0; }));
  CHECK(w.client.get("/api/v1/ledger?equipment=T1").status == 503);
  CHECK(w.names().size() == 4);
}
