/// The HTTP front over real sockets, on a fake node: what each route answers, and to whom.
#include "tests/support/http_front.hpp"
#include "tools/json/rfc3339.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::json;

namespace {

struct world {
  explicit world(http::http_config config = {}) : front{(furnish(node), node), std::move(config)} {}
  fake_node node;
  http_front front;
  raw_client client{front.at()};
};

json body_of(const http_answer& answer) {
  CHECK(answer.complete);
  return json::parse(answer.body);
}

const std::string t1_log = "(1588310400.001000) can0 18FEF100#0102030405060701\n"
                           "(1588310400.002000) can0 123#0102 T\n"
                           "(1588310400.003000) can0 18FEF100#0102030405060703\n";

} // namespace

TEST_CASE("http: health is answered in any state of the database") {
  world w;
  w.node.database.silent = true;
  w.node.silent = true;
  const auto answer = w.client.get("/health");
  CHECK(answer.status == 200);
  auto body = body_of(answer);
  CHECK(json_rows::parse_time(body["time"].get<std::string>()).has_value());
  body.erase("time");
  CHECK(
    body
    == json{{"status", "alive"}, {"node", "n1"}, {"version", "0.1.0"}, {"alarms", json::array()}});
}

TEST_CASE("http: ready is 503 with reasons without the database or while draining") {
  world w;
  CHECK(w.client.get("/ready").status == 200);
  w.node.store_up = false;
  auto answer = w.client.get("/ready");
  CHECK(answer.status == 503);
  CHECK(body_of(answer)["reasons"].size() == 1);
  w.front.server().drain();
  answer = w.client.get("/ready");
  CHECK(answer.status == 503);
  CHECK(body_of(answer)["reasons"].size() == 2);
  w.node.store_up = true;
  CHECK(w.client.get("/ready").status == 503);
}

TEST_CASE("http: equipment merges stored and live data") {
  world w;
  const auto list = body_of(w.client.get("/api/v1/equipment"));
  CHECK(list["incomplete"].is_null());
  REQUIRE(list["equipment"].size() == 2);
  const auto& one = list["equipment"][0];
  CHECK(one["name"] == "T1");
  CHECK(one["iso_name"] == "A00284000DE00001");
  CHECK(one["connected"] == true);
  CHECK(one["received_seq"] == 5);
  CHECK(one["durable_seq"] == 3);
  CHECK(one["sent_seq"] == 9);
  CHECK(one["last_frame"] == "2020-05-01T05:20:00.500000Z");
  CHECK(one["state"]["engine_speed_rpm"]["value"] == 1450.5);
  CHECK(one["state"]["engine_speed_rpm"]["pgn"] == 61444);
  CHECK(one["state"]["engine_speed_rpm"]["source"] == 0);
  CHECK(one["state"]["engine_speed_rpm"]["unit"] == "rpm");
  CHECK(one["state"]["engine_speed_rpm"]["age_ms"].get<std::int64_t>() > 0);
  CHECK(one["state"]["mode"]["value"] == "idle");
  CHECK(one["ecu_count"] == 2);
  CHECK(one["fault_count"] == 1);
  CHECK_FALSE(one.contains("faults"));
  CHECK(one["state"]["fuel_level_pct"].is_null());
  const auto& two = list["equipment"][1];
  CHECK(two["name"] == "T2");
  CHECK(two["connected"] == false);
  CHECK(two["received_seq"].is_null());
  CHECK(two["state"].is_null());
  CHECK(two["fault_count"].is_null());
  CHECK(body_of(w.client.get("/api/v1/equipment/T1"))["name"] == "T1");
  const auto none = w.client.get("/api/v1/equipment/H1");
  CHECK(none.status == 404);
  CHECK(body_of(none)["error"]["code"] == "no_such_equipment");
}

TEST_CASE(
  "http: a machine that this node does not hear shows its last state from the database, with "
  "its age") {
  world w;
  storage::telemetry_point kept;
  kept.time_us = 1'588'310'400'000'000;
  kept.mode = "working";
  kept.values[0] = 36;   // km/h over ground
  kept.values[2] = 1450; // rpm
  kept.values[14] = 48.5;
  kept.values[15] = 9.25;
  for (auto& row : w.node.database.equipment)
    if (row.name == "T2")
      row.state = kept;
  for (int look = 0; look < 2; ++look) { // the second one from the cache
    const auto one = body_of(w.client.get("/api/v1/equipment/T2"));
    CHECK(one["connected"] == false);
    CHECK(one["node"].is_null());
    CHECK(one["state_from"] == "store");
    CHECK(one["last_frame"] == "2020-05-01T05:20:00.000000Z");
    CHECK(one["clock_ahead"] == false);
    const auto& state = one["state"];
    CHECK(state["mode"]["value"] == "working");
    CHECK(state["engine_speed_rpm"]["value"] == 1450.0);
    CHECK(state["engine_speed_rpm"]["age_ms"].get<std::int64_t>() > 0);
    CHECK(state["engine_speed_rpm"]["pgn"].is_null());
    CHECK(state["ground_speed_mps"]["value"] == doctest::Approx(10));
    CHECK(state["position"]["value"]["longitude_deg"] == 9.25);
    CHECK(state["gnss"].is_null());
    CHECK(one["faults"].is_null());
  }
  CHECK(body_of(w.client.get("/api/v1/equipment/T1"))["state_from"] == "live");
  CHECK(body_of(w.client.get("/api/v1/equipment/T1"))["node"] == "n1");
}

TEST_CASE(
  "http: a last frame that is more than a day ahead is marked, and gives way to a right one") {
  world w;
  constexpr std::int64_t in_2106_us = 4'294'967'290'000'000;
  for (auto& row : w.node.database.equipment)
    row.last_frame_us = in_2106_us;
  const auto list = body_of(w.client.get("/api/v1/equipment"))["equipment"];
  CHECK(list[0]["last_frame"] == "2020-05-01T05:20:00.500000Z"); // heard here
  CHECK(list[0]["clock_ahead"] == false);
  CHECK(list[1]["last_frame"] == "2106-02-07T06:28:10.000000Z");
  CHECK(list[1]["clock_ahead"] == true);
  CHECK(list[1]["last_frame_age_ms"].get<std::int64_t>() < 0);
}

TEST_CASE("http: one machine comes with its faults, ECUs and implements") {
  world w;
  const auto one = body_of(w.client.get("/api/v1/equipment/T1"));
  REQUIRE(one["faults"].size() == 1);
  const auto& fault = one["faults"][0];
  CHECK(fault["spn"] == 110);
  CHECK(fault["fmi"] == 3);
  CHECK(fault["meaning"] == "voltage too high");
  CHECK(fault["count"] == 5);
  CHECK(fault["ecu"] == "A00C84000DE00001");
  CHECK(fault["lamps"]["red_stop"] == "off");
  CHECK(fault["lamps"]["amber_warning"] == "slow");
  CHECK(fault["first_seen"] == "2020-05-01T05:20:00.000000Z");
  CHECK(fault["cleared"].is_null());
  REQUIRE(one["cleared_faults"].size() == 1);
  CHECK(one["cleared_faults"][0]["spn"] == 190);
  CHECK(one["cleared_faults"][0]["count"].is_null()); // the ECU does not count
  CHECK(one["cleared_faults"][0]["cleared"] == "2020-05-01T05:20:01.000000Z");
  REQUIRE(one["ecus"].size() == 2);
  CHECK(one["ecus"][0]["address"] == 0);
  CHECK(one["ecus"][0]["identity"] == 1);
  CHECK(one["ecus"][0]["since"] == "2020-05-01T05:20:00.000000Z");
  REQUIRE(one["implements"].size() == 1);
  const auto& implement = one["implements"][0];
  CHECK(implement["address"] == 131);
  CHECK(implement["device"]["designator"] == "ABC");
  REQUIRE(implement["elements"].size() == 1);
  CHECK(implement["elements"][0]["designator"] == "Boom");
  CHECK(implement["elements"][0]["properties"][0]["name"] == "Width");
  CHECK(implement["elements"][0]["properties"][0]["value"] == 12.0);
  REQUIRE(implement["values"].size() == 2);
  CHECK(implement["values"][0]["name"] == "mass per area yield");
  CHECK(implement["values"][0]["unit"] == "mg/m²");
  CHECK(implement["values"][0]["value"] == 1e6);
  CHECK(implement["values"][1]["first_section"] == 1);
  CHECK(implement["values"][1]["sections"][1] == "off");
  CHECK(body_of(w.client.get("/api/v1/equipment/T2"))["faults"].is_null());
}

TEST_CASE("http: live machines are shown while the database is away or does not answer") {
  world w;
  w.node.store_up = false;
  w.node.database.away = true;
  auto list = body_of(w.client.get("/api/v1/equipment"));
  REQUIRE(list["equipment"].size() == 1);
  CHECK(list["equipment"][0]["state"]["engine_speed_rpm"]["value"] == 1450.5);
  CHECK(list["incomplete"].get<std::string>().find("connection refused") != std::string::npos);
  w.node.database.silent = true;
  list = body_of(w.client.get("/api/v1/equipment"));
  CHECK(list["equipment"].size() == 1);
  CHECK(w.client.get("/api/v1/equipment/T2").status == 504);
}

TEST_CASE("http: the ledger has the documented names and only the rows of the farm") {
  world w;
  const auto rows = body_of(w.client.get("/api/v1/ledger"))["ledger"];
  REQUIRE(rows.size() == 2);
  CHECK(rows[1]
        == json{{"equipment", "T2"},
                {"stream_id", "00000000-0000-0000-0000-000000000007"},
                {"sent", 10},
                {"durable", 8},
                {"stored", 7},
                {"lost", 1},
                {"doubled", 0},
                {"farm", "default"},
                {"quarantined", 1},
                {"dropped", 0},
                {"lost_at_gateway", 0},
                {"expired", 0},
                {"elsewhere", 0}});
  CHECK(body_of(w.client.get("/api/v1/ledger?equipment=T1"))["ledger"].size() == 1);
  CHECK(w.client.get("/api/v1/ledger?equipment=H1").status == 404);
  w.node.database.away = true;
  const auto away = w.client.get("/api/v1/ledger");
  CHECK(away.status == 503);
  CHECK(away.headers.at("retry-after") == "1");
  CHECK(body_of(away)["error"]["code"] == "database_away");
}

TEST_CASE("http: frames have candump's format, all or filtered") {
  world w;
  const auto all = w.client.get("/api/v1/frames?equipment=T1");
  CHECK(all.status == 200);
  CHECK(all.headers.at("transfer-encoding") == "chunked");
  CHECK(all.complete);
  CHECK(all.body == t1_log);
  const auto lines = [&](const std::string& filter) {
    const auto answer = w.client.get("/api/v1/frames?equipment=T1&" + filter);
    CHECK_MESSAGE(answer.status == 200, filter);
    return std::count(answer.body.begin(), answer.body.end(), '\n');
  };
  CHECK(lines("from=-infinity&to=infinity") == 3);
  CHECK(lines("from=2020-05-01T05:20:00.002Z") == 2);
  CHECK(lines("to=2020-05-01T07:20:00.002%2B02:00") == 2);
  CHECK(lines("from=2020-05-01T05:20:00.002Z&to=2020-05-01T05:20:00.002Z") == 1);
  CHECK(lines("from=infinity") == 0);
  CHECK(lines("can_id=123") == 1);
  CHECK(lines("can_id=18fef100") == 2);
  CHECK(lines("pgn=65265") == 2);
  CHECK(lines("pgn=0xFEF1&from=2020-05-01T05:20:00.002Z") == 1);
  const auto objects = w.client.get("/api/v1/frames?equipment=T1&format=jsonl");
  CHECK(objects.headers.at("content-type") == "application/x-ndjson");
  const auto first = json::parse(objects.body.substr(0, objects.body.find('\n')));
  CHECK(first["can_id"] == "18FEF100");
  CHECK(first["payload"] == "0102030405060701");
}

TEST_CASE("http: a request for a range of bytes is answered whole") {
  world w;
  const std::string target =
    "/api/v1/frames?equipment=T1&from=2020-05-01T05:20:00Z&to=2020-05-01T05:21:00Z";
  const auto whole = w.client.get(target);
  for (const char* range : {"Range: bytes=10-\r\n", "Range: bytes=10-\r\nIf-Range: \"x\"\r\n",
                            "Range: bytes=999999-\r\n", "Range: bytes=x\r\n"}) {
    const auto answer = w.client.get(target, range);
    CHECK(answer.status == 200);
    CHECK(answer.body == whole.body);
    CHECK_FALSE(answer.headers.contains("content-range"));
    CHECK_FALSE(answer.headers.contains("accept-ranges"));
  }
}

TEST_CASE("http: an invalid request for frames fails before the first frame") {
  world w;
  const auto status = [&](const std::string& query) {
    const auto answer = w.client.get("/api/v1/frames" + query);
    CHECK(answer.body.find("\"hint\":\"") != std::string::npos);
    return answer.status;
  };
  CHECK(status("") == 400);
  CHECK(status("?equipment=") == 400);
  CHECK(status("?equipment=T1&from=yesterday") == 400);
  CHECK(status("?equipment=T1&can_id=800") == 400);
  CHECK(status("?equipment=T1&pgn=x") == 400);
  CHECK(status("?equipment=T1&format=xml") == 400);
  CHECK(status("?equipment=T1&form=jsonl") == 400);
  CHECK(status("?equipment=T1&equipment=T2") == 400);
  CHECK(status("?equipment=nobody") == 404);
  CHECK(status("?equipment=H1") == 404);
  w.node.database.away = true;
  CHECK(status("?equipment=T1") == 503);
}

TEST_CASE("http: actors are listed and killed") {
  world w;
  const auto rows = body_of(w.client.get("/api/v1/actors"))["actors"];
  REQUIRE(rows.size() == 3); // not the other farm's
  CHECK(rows[1]
        == json{{"node", "n1"},
                {"id", 2},
                {"parent", 1},
                {"name", "writer-0"},
                {"kind", ""},
                {"state", "running"},
                {"restarts", 2},
                {"detail", "connection lost"},
                {"waiting", 0},
                {"oldest_ms", 0},
                {"handled", 0},
                {"busy_ms", 0}});
  CHECK(body_of(w.client.get("/api/v1/actors/n1/2")) == rows[1]);
  CHECK(body_of(w.client.get("/api/v1/actors/2")) == rows[1]);
  for (const char* unknown : {"/api/v1/actors/n1/9", "/api/v1/actors/4", "/api/v1/actors/n1/4"}) {
    const auto none = w.client.get(unknown); // 4: the other farm's
    CHECK(none.status == 404);
    CHECK(body_of(none)["error"]["code"] == "no_such_actor");
  }
  CHECK(w.client.get("/api/v1/actors/n1/two").status == 400);
  CHECK(w.client.get("/api/v1/actors/n7/2").status == 404);
  CHECK(body_of(w.client.post("/api/v1/actors/n1/2/restart"))
        == json{{"restarted", 2}, {"name", "writer-0"}, {"node", "n1"}});
  CHECK(w.node.restarted == std::vector<std::uint64_t>{2});
  CHECK(body_of(w.client.post("/api/v1/actors/2/kill"))
        == json{{"killed", 2}, {"name", "writer-0"}, {"node", "n1"}});
  CHECK(w.node.killed == std::vector<std::uint64_t>{2});
  CHECK(w.client.post("/api/v1/actors/2/kill").status == 404);
  CHECK(w.client.post("/api/v1/actors/4/kill").status == 404); // the other farm's
  CHECK(w.client.post("/api/v1/actors/two/kill").status == 400);
  CHECK(w.node.killed.size() == 1);
}

TEST_CASE("http: the database's state, migrations and migrating") {
  world w;
  CHECK(body_of(w.client.get("/monitoring/database"))
        == json{{"up", true},
                {"mode", "fake 1"},
                {"detail", ""},
                {"latency_us", 250},
                {"connectivity", nullptr},
                {"pool", nullptr},
                {"performance", nullptr}});
  auto status = body_of(w.client.get("/api/v1/db/status"));
  CHECK(status["health"]["up"] == true);
  CHECK(status["migrations"][1]["applied"] == false);
  status = body_of(w.client.post("/api/v1/db/migrate"));
  CHECK(status["migrations"][1]["applied"] == true);
  w.node.database.away = true;
  status = body_of(w.client.get("/monitoring/database"));
  CHECK(status["up"] == false);
  CHECK(status["latency_us"].is_null());
  status = body_of(w.client.get("/api/v1/db/status"));
  CHECK(status["migrations"].is_null());
  CHECK(status["fault"] == "08006: connection refused");
}

TEST_CASE("http: the database report gives advice from measurements, and none without") {
  world w;
  auto report = body_of(w.client.get("/api/v1/database"));
  CHECK(report["pool"].is_null());
  CHECK(report["statements"].is_null());
  CHECK(report["advice"].empty());
  CHECK(report["slow_statements"].empty());
  w.node.database.measured = busy_activity();
  report = body_of(w.client.get("/api/v1/database"));
  CHECK(report["pool"]["in_use"] == 15);
  CHECK(report["statements"]["success_pct"] == 99);
  CHECK(report["statements"]["latency"]["p99_ms_max"] == 2.5);
  REQUIRE(report["advice"].size() == 1);
  CHECK(report["advice"][0]["setting"] == "--pool-max");
  CHECK(report["alarms"][0]["name"] == "pool");
  CHECK(report["slow_statements"][0]["statement"] == "select '?' from t where a = $1");
  w.node.database.away = true; // it is read from memory
  CHECK(body_of(w.client.get("/api/v1/database"))["pool"]["max"] == 10);
}

TEST_CASE("http: the state of the database has connectivity, pool and performance") {
  world w;
  w.node.database.measured = busy_activity();
  const auto state = body_of(w.client.get("/monitoring/database"));
  CHECK(state["connectivity"]["connections_open"] == 15);
  CHECK(state["connectivity"]["open_failures"] == 0);
  CHECK(state["pool"]["in_use"] == 15);
  CHECK(state["pool"]["timeouts"] == 3);
  CHECK(state["performance"]["average_response_ms"] == 2);
  CHECK(state["performance"]["active_connections"] == 15);
  CHECK(state["performance"]["queries_per_s"].get<double>() == doctest::Approx(400.0 / 60));
}

TEST_CASE("http: health shows every alarm that needs no question to the database") {
  world w;
  auto measured = busy_activity();
  measured.recent.timeouts = 3;
  measured.recent.failed = 40;
  w.node.database.measured = measured;
  w.node.figures.digest_items_behind = 1'000'000;
  w.node.database.silent = true;
  const auto alarms = body_of(w.client.get("/health"))["alarms"].dump();
  for (const char* part : {"--pool-max", "found no connection in time", "took longer than",
                           "statements failed", "--digest-duty"})
    CHECK_MESSAGE(alarms.find(part) != std::string::npos, part << " in " << alarms);
}

TEST_CASE("http: a crowd at the limit and a useless cache are alarms") {
  http::http_config config;
  config.connections = {2, 1};
  config.cache.ttl = std::chrono::milliseconds{60'000};
  world w{config};
  for (int i = 0; i < 120; ++i) // each change over HTTP makes the next answer new
    (void)(w.client.get("/api/v1/ledger"), w.client.post("/api/v1/db/migrate"));
  raw_client second{w.front.at()};
  const auto report = body_of(second.get("/api/v1/database"));
  const auto alarms = report["alarms"].dump();
  CHECK_MESSAGE(alarms.find("not in the cache (--cache-ms)") != std::string::npos, alarms);
  CHECK_MESSAGE(alarms.find("of --http-connections 2 are open") != std::string::npos, alarms);
  CHECK(second.get("/metrics").body.find("furrow_alarm{name=\"http\",owner=\"node\"} 1")
        != std::string::npos);
}

TEST_CASE("http: metrics are what Prometheus accepts") {
  world w;
  w.node.database.measured = busy_activity();
  w.node.figures.failing = {"writer-0 died 3 times"};
  w.node.figures.failing_parts = {"writer-0 of database east died 3 times"};
  w.client.get("/health");
  w.client.get("/nothing");
  const auto answer = w.client.get("/metrics");
  CHECK(answer.headers.at("content-type") == "text/plain; version=0.0.4; charset=utf-8");
  const auto has = [&](const std::string& line) {
    return answer.body.find("\n" + line + "\n") != std::string::npos;
  };
  CHECK(has("furrow_frames_received_total 1000"));
  CHECK(has("furrow_budget_limit_bytes 1048576"));
  CHECK(has("furrow_actors_failing 2"));
  CHECK(has("furrow_store_up 1"));
  CHECK(has("furrow_http_requests_total{class=\"2xx\"} 1"));
  CHECK(has("furrow_http_requests_total{class=\"4xx\"} 1"));
  CHECK(has("furrow_http_connections 1"));
  CHECK(has("furrow_pool_in_use 15"));
  CHECK(has("furrow_pool_timeouts_total 3"));
  CHECK(has("furrow_statement_seconds_bucket{le=\"0.0025\"} 1"));
  CHECK(has("furrow_statement_seconds_bucket{le=\"+Inf\"} 1"));
  CHECK(has("furrow_alarm{name=\"pool\",owner=\"database\"} 1"));
  CHECK(has("furrow_build_info{version=\"0.1.0\"} 1"));
  const auto path = std::string{"/tmp/furrow_metrics_"} + std::to_string(w.front.at().port());
  std::ofstream{path} << answer.body;
  CHECK(std::system(("promtool check metrics < " + path).c_str()) == 0); // tools/setup installs it
  CHECK(std::remove(path.c_str()) == 0);
}

TEST_CASE("http: a wrong method gets the allowed ones, HEAD is GET without a body") {
  world w;
  auto answer = w.client.post("/api/v1/equipment");
  CHECK(answer.status == 405);
  CHECK(answer.headers.at("allow") == "GET, HEAD");
  w.client.send("DELETE /api/v1/actors/2/kill HTTP/1.1\r\nHost: localhost\r\n\r\n");
  answer = w.client.read();
  CHECK(answer.status == 405);
  CHECK(answer.headers.at("allow") == "POST");
  CHECK(w.client.get("/api/v1/actors/2/kill").status == 405); // and not the actor "kill" of node 2
  CHECK(w.client.get("/api/v2/equipment").status == 404);
  CHECK(w.client.get("/%zz").status == 400);
  for (const std::string target : {"/health", "/api/v1/frames?equipment=T1", "/nothing"}) {
    const auto whole = w.client.get(target);
    w.client.send("HEAD " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const auto head = w.client.read(true);
    CHECK(head.status == whole.status);
    CHECK(head.headers == whole.headers);
  }
  CHECK(w.client.get("/health").status == 200); // nothing was left over on the connection
}

TEST_CASE("http: many requests on one connection, sent before the answers are read") {
  world w;
  std::string text;
  for (int i = 0; i < 50; ++i)
    text += i % 2 == 0 ? "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
                       : "GET /api/v1/frames?equipment=T1 HTTP/1.1\r\nHost: localhost\r\n\r\n";
  w.client.send(text);
  for (int i = 0; i < 50; ++i) {
    const auto answer = w.client.read();
    REQUIRE(answer.status == 200);
    CHECK((i % 2 == 0 ? answer.body.starts_with("{\"status\"") : answer.body == t1_log));
  }
  w.client.get("/health", "Connection: close\r\n");
  CHECK(w.client.closed());
}

TEST_CASE("http: HTTP/1.0 gets a stream without chunks that ends with the connection") {
  world w;
  w.client.send("GET /api/v1/frames?equipment=T1 HTTP/1.0\r\n\r\n");
  const auto answer = w.client.read();
  CHECK(answer.status == 200);
  CHECK_FALSE(answer.headers.contains("transfer-encoding"));
  CHECK(answer.body == t1_log);
}
