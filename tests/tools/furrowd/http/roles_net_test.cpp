/// What each role may ask of a node over HTTP, and of which farm and machines.
#include "tests/support/http_front.hpp"
#include "tests/tools/furrowd/http/tokens.hpp"

#include <doctest/doctest.h>

#include <string>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;

namespace {

http::http_config role_tokens() {
  return with_tokens({{"g", "role = \"gateway\""},
                      {"v", "role = \"viewer\""},
                      {"v1", "role = \"viewer\"\nequipment = [\"T1\"]"},
                      {"o", "role = \"operator\""},
                      {"o1", "role = \"operator\"\nequipment = [\"T1\"]"},
                      {"a", "role = \"admin\""},
                      {"n", "role = \"viewer\"\nfarm = \"*\""},
                      {"na", "role = \"admin\"\nfarm = \"*\""},
                      {"h", "role = \"admin\"\nfarm = \"hill\""}});
}

struct role_world {
  fake_node node;
  http_front front{(furnish(node), node), role_tokens()};
  raw_client client{front.at()};

  nlohmann::json read(const std::string& target, const char* token) {
    return nlohmann::json::parse(client.get(target, bearer(token)).body);
  }
};

} // namespace

TEST_CASE(
  "http: with a token file, requests without a token get 401, except health and readiness") {
  role_world w;
  CHECK(w.client.get("/health").status == 200);
  CHECK(w.client.get("/ready").status == 200);
  CHECK(w.client.get("/api/v1/openapi.json").status == 200);
  for (const char* target :
       {"/metrics", "/monitoring/database", "/api/v1/equipment", "/api/v1/ledger",
        "/api/v1/frames?equipment=T1", "/api/v1/actors", "/api/v1/db/status", "/nothing"}) {
    const auto answer = w.client.get(target);
    CHECK_MESSAGE(answer.status == 401, target);
    CHECK(answer.headers.at("www-authenticate").starts_with("Bearer"));
    CHECK_MESSAGE(w.client.get(target, bearer("wrong")).status == 401, target);
    CHECK_MESSAGE(w.client.get(target, "Authorization: Basic dg==\r\n").status == 401, target);
    const int expected = std::string{target} == "/nothing" ? 404 : 200;
    CHECK_MESSAGE(w.client.get(target, bearer("n")).status == expected, target);
  }
}

TEST_CASE(
  "http: roles have their rights: gateways none, operators kill, admins of the node migrate") {
  role_world w;
  for (const char* target : {"/api/v1/equipment", "/api/v1/ledger", "/api/v1/actors"})
    CHECK_MESSAGE(w.client.get(target, bearer("v")).status == 200, target);
  CHECK(w.client.get("/api/v1/ledger", bearer("g")).status == 403);
  CHECK(w.client.post("/api/v1/actors/2/kill", bearer("v")).status == 403);
  CHECK(w.client.post("/api/v1/db/migrate", bearer("o")).status == 403);
  CHECK(w.node.killed.empty());
  CHECK(w.client.post("/api/v1/db/migrate", bearer("a")).status == 403);
  CHECK(w.client.post("/api/v1/actors/3/kill", bearer("o")).status == 200);
  CHECK(w.client.post("/api/v1/actors/2/kill", bearer("na")).status == 200);
  CHECK(w.client.post("/api/v1/db/migrate", bearer("na")).status == 200);
}

TEST_CASE("http: a token gives access to its own farm and its own machines only") {
  role_world w;
  const auto names = [&](const char* token) {
    std::string all;
    const auto list = w.read("/api/v1/equipment", token);
    for (const auto& row : list["equipment"])
      all += row["name"].get<std::string>() + " ";
    return all;
  };
  CHECK(names("v") == "T1 T2 ");
  CHECK(names("v1") == "T1 ");
  CHECK(names("h") == "H1 ");
  CHECK(w.read("/api/v1/ledger", "v1")["ledger"].size() == 1);
  CHECK(w.client.get("/api/v1/ledger?equipment=T2", bearer("v1")).status == 403);
  CHECK(w.client.get("/api/v1/equipment/T2", bearer("v1")).status == 403);
  CHECK(w.client.get("/api/v1/frames?equipment=T2", bearer("v1")).status == 403);
  CHECK(w.client.get("/api/v1/frames?equipment=T1", bearer("h")).status == 404);
  CHECK(w.client.post("/api/v1/actors/3/kill", bearer("h")).status == 404);
  CHECK(w.client.post("/api/v1/actors/2/kill", bearer("o1")).status == 403);
  CHECK(w.client.post("/api/v1/actors/3/kill", bearer("o1")).status == 200);
}
