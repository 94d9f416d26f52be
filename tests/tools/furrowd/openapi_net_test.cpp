/// Holds the OpenAPI document to the truth: every route is in it and nothing else is, and what the routes
/// answer is what it says.
#include "tests/support/http_front.hpp"
#include "tests/tools/furrowd/http/openapi_document.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::json;

namespace {

bool has_type(const json& value, const json& type) {
  if (type.is_array())
    return std::any_of(type.begin(), type.end(),
                       [&](const auto& one) { return has_type(value, one); });
  return (type == "object" && value.is_object()) || (type == "array" && value.is_array())
         || (type == "string" && value.is_string()) || (type == "boolean" && value.is_boolean())
         || (type == "integer" && value.is_number_integer())
         || (type == "number" && value.is_number()) || (type == "null" && value.is_null());
}

/// The parts of JSON Schema that the document uses; an object may have no keys beyond the stated.
void check(const json& value, const json& wanted, const std::string& where) {
  const auto schema = resolved(wanted);
  if (schema.contains("type"))
    CHECK_MESSAGE(has_type(value, schema["type"]), where << ": " << value.dump());
  if (schema.contains("const"))
    CHECK_MESSAGE(value == schema["const"], where);
  if (schema.contains("enum"))
    CHECK_MESSAGE(std::count(schema["enum"].begin(), schema["enum"].end(), value) == 1, where);
  if (value.is_object() && schema.contains("properties")) {
    for (const auto& name : schema["required"])
      CHECK_MESSAGE(value.contains(name.get<std::string>()), where << " lacks " << name);
    for (const auto& [name, item] : value.items()) {
      CHECK_MESSAGE(schema["properties"].contains(name), where << " has " << name);
      if (schema["properties"].contains(name))
        check(item, schema["properties"][name], where + "." + name);
    }
  }
  if (value.is_array())
    for (const auto& item : value)
      check(item, schema["items"], where + "[]");
}

std::string lower(std::string text) {
  for (auto& c : text)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

} // namespace

TEST_CASE("openapi: the server and the document have the same routes") {
  fake_node node;
  http::metrics metrics{"0"};
  boost::asio::io_context io;
  http::summary_cache cache{io, {std::chrono::milliseconds{0}}, {}};
  http::api api{{}, node.parts(), metrics, cache};
  const auto routes = api.routes();
  std::set<std::string> served;
  for (const auto& route : routes.routes()) {
    served.insert(route.pattern);
    REQUIRE_MESSAGE(openapi()["paths"].contains(route.pattern), route.pattern);
    const auto& path = openapi()["paths"][route.pattern];
    REQUIRE_MESSAGE(path.contains(lower(route.method)), route.pattern);
    const auto& operation = path[lower(route.method)];
    CHECK_MESSAGE(operation.contains("security") == !route.needs, route.pattern);
    if (route.needs) {
      const auto lowest = *route.needs == daemon::permission::read       ? "viewer"
                          : *route.needs == daemon::permission::send     ? "gateway"
                          : *route.needs == daemon::permission::operate  ? "operator"
                          : *route.needs == daemon::permission::watch    ? "node viewer"
                          : *route.needs == daemon::permission::oversee  ? "node operator"
                          : *route.needs == daemon::permission::govern   ? "node admin"
                          : *route.needs == daemon::permission::be_known ? "any"
                                                                         : "admin";
      CHECK_MESSAGE(operation["x-role"] == lowest, route.pattern);
    }
    std::set<std::string> parameters;
    for (const auto& parameter : operation.value("parameters", json::array()))
      if (parameter["in"] == "query")
        parameters.insert(parameter["name"].get<std::string>());
    CHECK_MESSAGE(parameters
                    == std::set<std::string>(route.parameters.begin(), route.parameters.end()),
                  route.pattern);
  }
  CHECK(served.size() == openapi()["paths"].size());
}

TEST_CASE("openapi: the answers of the routes match the document") {
  fake_node node;
  furnish(node);
  node.database.equipment[1].relayed = true; // a member of the brief list that others lack
  http_front front{node};
  raw_client client{front.at()};
  const auto check_answer = [](const http_answer& answer, const std::string& pattern,
                               const std::string& method, int status) {
    REQUIRE_MESSAGE(answer.status == status, pattern);
    const auto& responses = openapi()["paths"][pattern][method]["responses"];
    REQUIRE_MESSAGE(responses.contains(std::to_string(status)), pattern << " " << status);
    const auto stated = resolved(responses[std::to_string(status)]);
    const auto type = answer.headers.at("content-type");
    REQUIRE_MESSAGE(stated["content"].contains(type), pattern << " " << type);
    check(json::parse(answer.body), stated["content"][type]["schema"], pattern);
  };
  for (const std::string path :
       {"/health", "/ready", "/monitoring/database", "/api/v1/equipment", "/api/v1/fleet",
        "/api/v1/ledger", "/api/v1/actors", "/api/v1/database", "/api/v1/db/status",
        "/api/v1/log-levels", "/api/v1/config", "/api/v1/openapi.json"})
    check_answer(client.get(path), path, "get", 200);
  node.database.measured = busy_activity();
  check_answer(client.get("/api/v1/database"), "/api/v1/database", "get", 200);
  check_answer(client.get("/monitoring/database"), "/monitoring/database", "get", 200);
  check_answer(client.get("/api/v1/equipment/T1"), "/api/v1/equipment/{name}", "get", 200);
  check_answer(client.get("/api/v1/equipment/T2"), "/api/v1/equipment/{name}", "get", 200);
  check_answer(client.get("/api/v1/equipment/no"), "/api/v1/equipment/{name}", "get", 404);
  check_answer(client.get("/api/v1/frames"), "/api/v1/frames", "get", 400);
  const std::string machine = "/api/v1/equipment/{name}/";
  node.database.telemetry = {{1'000'000, "idle", {}}, {2'000'000, "", {}}};
  node.database.telemetry[0].values.fill(1.5);
  node.database.rollups = {{60'000'000, 3, 1, 2, 1.5, 2}};
  check_answer(client.get("/api/v1/equipment/T1/telemetry"), machine + "telemetry", "get", 200);
  check_answer(client.get("/api/v1/equipment/no/telemetry"), machine + "telemetry", "get", 404);
  check_answer(client.get("/api/v1/equipment/T1/signals"), machine + "signals", "get", 200);
  check_answer(client.get("/api/v1/equipment/T1/rollup?signal=EEC1.engine_speed"),
               machine + "rollup", "get", 200);
  node.database.series_rows.time_us = {1'000'000, 2'000'000};
  node.database.series_rows.modes = {"idle", ""};
  check_answer(client.get("/api/v1/equipment/T1/telemetry/series"), machine + "telemetry/series",
               "get", 200);
  check_answer(client.get("/api/v1/equipment/T1/telemetry/series?every=x"),
               machine + "telemetry/series", "get", 400);
  check_answer(client.get("/api/v1/equipment/T1/signals/EEC1.engine_speed"),
               machine + "signals/{signal}", "get", 200);
  node.database.signal_points = {60'000'000, {1}, {2}, {1}, {2}, {1.5}, {2}};
  check_answer(client.get("/api/v1/equipment/T1/signals/EEC1.engine_speed"),
               machine + "signals/{signal}", "get", 200);
  node.database.bus_faults = {
    {"default", "T1", "can0", 0, 0xA000000000000007, 110, 0, 1, 2, {}, 1, 3, "amber"},
    {"default", "T1", "1", 3, {}, 520'192, 25, 1, 2, 3, 4, {}, "off"}};
  check_answer(client.get("/api/v1/faults"), "/api/v1/faults", "get", 200);
  check_answer(client.get("/api/v1/faults?active=maybe"), "/api/v1/faults", "get", 400);
  check_answer(client.get("/api/v1/equipment/T1/rollup"), machine + "rollup", "get", 400);
  check_answer(client.post("/api/v1/db/migrate"), "/api/v1/db/migrate", "post", 200);
  check_answer(client.post("/api/v1/actors/2/restart"), "/api/v1/actors/{id}/restart", "post", 200);
  check_answer(client.post("/api/v1/actors/n1/2/restart"), "/api/v1/actors/{node}/{id}/restart",
               "post", 200);
  check_answer(client.post("/api/v1/actors/n9/2/kill"), "/api/v1/actors/{node}/{id}/kill", "post",
               404);
  check_answer(client.post("/api/v1/actors/2/kill"), "/api/v1/actors/{id}/kill", "post", 200);
  check_answer(client.post("/api/v1/actors/2/kill"), "/api/v1/actors/{id}/kill", "post", 404);
  const auto frames = client.get("/api/v1/frames?equipment=T1&format=jsonl").body;
  for (std::size_t at = 0; at < frames.size(); at = frames.find('\n', at) + 1)
    check(json::parse(frames.substr(at, frames.find('\n', at) - at)),
          json{{"$ref", "#/components/schemas/frame"}}, "frame");
  node.database.record_rows = {{1, 1, 7, can::record_values(9)}};
  node.database.quarantined = {
    {"default", "T1", {3, 17}, 5, can::record_kind_yield, "bad", 2, "{}"},
    {"default", "T1", {3, 18}, {}, {}, "bad", 1, "x"}};
  check_answer(client.get("/api/v1/records?equipment=T1&kind=yield"), "/api/v1/records", "get",
               200);
  check_answer(client.get("/api/v1/records?equipment=T1"), "/api/v1/records", "get", 400);
  const std::string sample =
    R"({"kind":"yield","time":1,"mass_flow_kgps":1,"width_m":6,"speed_mps":2})";
  check_answer(client.post("/api/v1/records?equipment=T1", "", sample), "/api/v1/records", "post",
               200);
  check_answer(client.post("/api/v1/records?equipment=T1", "", "{}"), "/api/v1/records", "post",
               400);
  check_answer(client.get("/api/v1/quarantine"), "/api/v1/quarantine", "get", 200);
  for (const std::string id : {"3:17", "3:18"}) {
    const std::string item = "/api/v1/quarantine/{id}";
    const auto path = "/api/v1/quarantine/" + id;
    check_answer(client.get(path), item, "get", 200);
    check_answer(client.post(path + (id == "3:17" ? "/retry" : "/drop")),
                 item + (id == "3:17" ? "/retry" : "/drop"), "post", 200);
    check_answer(client.get(path), item, "get", 404);
  }
  node.store_up = false;
  check_answer(client.get("/ready"), "/ready", "get", 503);
  node.database.away = true;
  check_answer(client.get("/api/v1/db/status"), "/api/v1/db/status", "get", 200);
  check_answer(client.get("/api/v1/ledger"), "/api/v1/ledger", "get", 503);
}
