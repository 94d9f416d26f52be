/// Telemetry and rollups over HTTP, on a fake node: pages, parameters, and who may see what.
#include "tests/support/http_front.hpp"
#include "tests/tools/furrowd/http/tokens.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::json;

namespace {

struct history_world {
  explicit history_world(http::http_config config = {})
    : front{(furnish(node), node), std::move(config)} {
    for (std::int64_t second = 0; second < 5; ++second) {
      storage::telemetry_point row{1'588'310'400'000'000 + second * 1'000'000, "moving", {}};
      row.values[2] = 1'400 + static_cast<double>(second);
      node.database.telemetry.push_back(row);
      node.database.rollups.push_back(
        {1'588'310'400'000'000 + second * 60'000'000, 600, 700, 1'500, 1'000.25, 900});
    }
  }
  fake_node node;
  http_front front;
  raw_client client{front.at()};
};

http::http_config history_tokens() {
  return with_tokens({{"v1", "role = \"viewer\"\nequipment = [\"T1\"]"},
                      {"h", "role = \"admin\"\nfarm = \"hill\""}});
}

} // namespace

TEST_CASE("history: telemetry comes in pages, and each page says where the next one begins") {
  history_world w;
  std::string after;
  std::vector<double> speeds;
  for (int page = 0; page < 3; ++page) {
    const auto answer = w.client.get("/api/v1/equipment/T1/telemetry" + after);
    REQUIRE(answer.status == 200);
    const auto body = json::parse(answer.body);
    for (const auto& row : body["telemetry"]) {
      speeds.push_back(row["engine_speed_rpm"].get<double>());
      CHECK(row["mode"] == "moving");
      CHECK(row["fuel_level_pct"].is_null());
    }
    REQUIRE(body["next"].is_null() == (page == 2));
    if (page < 2)
      after = "?after=" + body["next"].get<std::string>();
  }
  CHECK(speeds == std::vector<double>{1400, 1401, 1402, 1403, 1404});
  const auto part = json::parse(
    w.client.get("/api/v1/equipment/T1/telemetry?from=2020-05-01T05:20:03Z&to=2020-05-01T05:20:03Z")
      .body);
  REQUIRE(part["telemetry"].size() == 1);
  CHECK(part["telemetry"][0]["time"] == "2020-05-01T05:20:03.000000Z");
}

TEST_CASE("history: a signal by the minute, and clear errors for invalid parameters") {
  history_world w;
  const auto rollup = w.client.get("/api/v1/equipment/T1/rollup?signal=EEC1.engine_speed");
  REQUIRE(rollup.status == 200);
  CHECK(json::parse(rollup.body)["rollup"][0]["mean"] == 1000.25);
  CHECK(json::parse(rollup.body)["next"] == "2020-05-01T05:21:00.000000Z");
  const auto names = w.client.get("/api/v1/equipment/T1/signals");
  REQUIRE(names.status == 200);
  CHECK(json::parse(names.body)["signals"][0]["name"] == "EEC1.engine_speed");
  CHECK(json::parse(names.body)["signals"][0]["unit"] == "rpm");
  CHECK(json::parse(names.body)["signals"][0]["title"].is_null());
  CHECK(w.client.get("/api/v1/equipment/T1/rollup").status == 400);
  const std::string signal = "/api/v1/equipment/T1/rollup?signal=EEC1.engine_speed";
  CHECK(w.client.get(signal + "&bucket=day&zone=Asia/Kolkata").status == 200);
  CHECK(w.node.database.rollup_zone == "Asia/Kolkata");
  CHECK(w.client.get(signal + "&bucket=hour&zone=Asia/Kolkata").status == 400);
  CHECK(w.client.get("/api/v1/equipment/T1/rollup?signal=no").status == 404);
  CHECK(w.client.get("/api/v1/equipment/T1/rollup?signal=EEC1.engine_speed&bucket=week").status
        == 400);
  CHECK(w.client.get("/api/v1/equipment/T1/telemetry?from=yesterday").status == 400);
  CHECK(w.client.get("/api/v1/equipment/T1/telemetry?until=2020-05-01").status == 400);
  CHECK(w.client.get("/api/v1/equipment/no/telemetry").status == 404);
  w.node.database.away = true;
  CHECK(w.client.get("/api/v1/equipment/T1/telemetry").status == 503);
}

TEST_CASE("history: no data of another farm or of a machine that the token does not cover") {
  history_world w{history_tokens()};
  for (const std::string what : {"telemetry", "signals", "rollup?signal=EEC1.engine_speed"}) {
    CAPTURE(what);
    CHECK(w.client.get("/api/v1/equipment/T1/" + what).status == 401);
    CHECK(w.client.get("/api/v1/equipment/T1/" + what, bearer("v1")).status == 200);
    CHECK(w.client.get("/api/v1/equipment/T2/" + what, bearer("v1")).status == 403);
    CHECK(w.client.get("/api/v1/equipment/T1/" + what, bearer("h")).status == 404);
  }
}

TEST_CASE(
  "history: faults of the bus come in pages, of one machine or of all that the token covers") {
  history_world w{history_tokens()};
  const auto fault = [&](const char* machine, std::int32_t spn, bool cleared) {
    w.node.database.bus_faults.push_back({"default",
                                          machine,
                                          "can0",
                                          0,
                                          {},
                                          spn,
                                          3,
                                          1,
                                          2,
                                          cleared ? std::optional<std::int64_t>{3} : std::nullopt,
                                          1,
                                          2,
                                          "red"});
  };
  fault("T1", 100, false);
  fault("T2", 101, false);
  fault("T1", 102, true);
  const auto spns = [&](const std::string& target) {
    const auto body = json::parse(w.client.get("/api/v1/faults" + target, bearer("v1")).body);
    std::string out;
    for (const auto& row : body["faults"])
      out += std::to_string(row["spn"].get<int>()) + ' ';
    return out + body["next"].dump();
  };
  CHECK(spns("") == "100 \"2\""); // the other row of the page is not for this token
  CHECK(spns("?after=2") == "102 null");
  CHECK(spns("?equipment=T1") == "100 102 null");
  CHECK(spns("?equipment=T1&active=true") == "100 null");
  CHECK(w.client.get("/api/v1/faults?equipment=T2", bearer("v1")).status == 403);
  CHECK(w.client.get("/api/v1/faults").status == 401);
  CHECK(json::parse(w.client.get("/api/v1/faults", bearer("h")).body)["faults"].empty());
  for (const std::string wrong : {"active=yes", "from=now", "after=-1", "after=x"})
    CHECK(w.client.get("/api/v1/faults?" + wrong, bearer("v1")).status == 400);
}

TEST_CASE("newest frames: come as text, as many as were asked for, the latest at the end") {
  history_world w;
  w.node.database.frame_count = 150;
  const std::string path = "/api/v1/equipment/T1/frames";
  const auto lines = [](const std::string& text) {
    return std::count(text.begin(), text.end(), '\n');
  };
  CHECK(lines(w.client.get(path).body) == 100);
  CHECK(lines(w.client.get(path + "?last=150").body) == 150);
  CHECK(lines(w.client.get(path + "?last=10000").body) == 150);
  const auto two = w.client.get(path + "?last=2&format=jsonl").body;
  REQUIRE(lines(two) == 2);
  CHECK(json::parse(two.substr(0, two.find('\n')))["seq"] == 149);
  const auto latest = json::parse(two.substr(two.find('\n')));
  CHECK(latest["seq"] == 150);
  CHECK(latest["bus"] == "can0");
  // The same text as the whole log has.
  const auto log = w.client.get("/api/v1/frames?equipment=T1").body;
  const auto tail = w.client.get(path + "?last=5").body;
  CHECK(log.ends_with(tail));
  CHECK(lines(tail) == 5);
  for (const std::string wrong : {"0", "-1", "10001", "many", ""})
    CHECK(w.client.get(path + "?last=" + wrong).status == 400);
  CHECK(w.client.get(path + "?format=xml").status == 400);
  CHECK(w.client.get("/api/v1/equipment/no/frames").status == 404);
  w.node.database.away = true;
  CHECK(w.client.get(path).status == 503);
}
