/// Two farms on one node: what a token of one of them reaches. Every route is tried, also those that a later change adds.
#include "tests/support/http_front.hpp"
#include "tests/tools/furrowd/http/tokens.hpp"
#include "tools/furrowd/api/api.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::json;

namespace {

/// Names of the farm that nobody else may read. "H1" is its machine.
const std::vector<std::string> secrets{"hill", "H1", "hill-item"};

struct tenants_world {
  tenants_world()
    : front{(furnish(node), furnish_hill(), node),
            with_tokens({{"viewer", "role = \"viewer\""},
                         {"operator", "role = \"operator\""},
                         {"admin", "role = \"admin\""},
                         {"hill", "role = \"viewer\"\nfarm = \"hill\""},
                         {"node", "role = \"viewer\"\nfarm = \"*\""},
                         {"operator of the node", "role = \"operator\"\nfarm = \"*\""},
                         {"admin of the node", "role = \"admin\"\nfarm = \"*\""}})} {}

  int furnish_hill() {
    node.actor_rows[1].detail = "restarted after a batch of hill/H1";
    node.database.quarantined = {
      {"hill", "H1", {9, 17}, 5, can::record_kind_yield, "hill-item", 2, "{}"}};
    node.database.measured = busy_activity();
    return 0;
  }

  http_answer ask(const http::route& route, const std::string& token, const std::string& query) {
    auto target = route.pattern;
    for (const auto& [part, value] :
         {std::pair{"/actors/{id}", "/actors/4"}, std::pair{"/actors/{node}/{id}", "/actors/n1/4"},
          std::pair{"/quarantine/{id}", "/quarantine/9:17"}, std::pair{"{name}", "H1"},
          std::pair{"{signal}", "EEC1.engine_speed"}})
      if (const auto at = target.find(part); at != std::string::npos)
        target.replace(at, std::string_view{part}.size(), value);
    const std::string body = route.method == "GET" ? "" : R"({"equipment":"H1","name":"H1"})";
    raw_client asker{front.at()}; // a rejected request ends its connection
    // The live stream has no end: stream/stream_net_test.cpp reads it.
    const bool endless = route.pattern == "/api/v1/stream";
    asker.send((endless ? "HEAD" : route.method) + " " + target + query
               + " HTTP/1.1\r\nHost: localhost\r\n" + "Content-Length: "
               + std::to_string(body.size()) + "\r\n" + bearer(token) + "\r\n" + body);
    return asker.read(endless);
  }

  fake_node node;
  http_front front;
  raw_client client{front.at()};
};

std::vector<http::route> all_routes() {
  static fake_node node;
  static http::metrics metrics{"0"};
  static boost::asio::io_context io;
  static http::summary_cache cache{io, {std::chrono::milliseconds{0}}, {}};
  static http::api api{{}, node.parts(), metrics, cache};
  return api.routes().routes();
}

/// Everything that a route takes, so that it answers with data where it has any for this caller.
std::string full_query(const http::route& route) {
  std::string query;
  for (const auto& name : route.parameters) {
    const std::string value = name == "equipment"  ? "H1"
                              : name == "kind"     ? "yield"
                              : name == "signal"   ? "EEC1.engine_speed"
                              : name == "position" ? "8.4,49"
                                                   : "";
    if (!value.empty())
      query += (query.empty() ? "?" : "&") + name + "=" + value;
  }
  return query;
}

} // namespace

TEST_CASE("tenants: no route shows or changes anything of another farm, whatever the role") {
  tenants_world w;
  std::size_t tried = 0;
  for (const auto& route : all_routes())
    for (const std::string token : {"viewer", "operator", "admin"}) {
      const auto where = route.method + " " + route.pattern + " as " + token;
      const auto own = full_query(route);
      for (const auto& query :
           {own, std::string{}, own + (own.empty() ? "?" : "&") + "farm=hill"}) {
        const auto answer = w.ask(route, token, query);
        ++tried;
        REQUIRE_MESSAGE(answer.status != 0, where << query);
        CHECK_MESSAGE((answer.status < 500 || answer.status == 501), where << query);
        if (query.find("farm=hill") != std::string::npos)
          CHECK_MESSAGE(answer.status >= 400, where << query);
        if (answer.status == 200 && route.needs)
          for (const auto& secret : secrets)
            CHECK_MESSAGE(answer.body.find('"' + secret) == std::string::npos,
                          where << query << ": " << answer.body);
      }
    }
  CHECK(tried > 200);
  for (const auto& batch : w.node.database.inserted)
    CHECK(batch.farm == "default");
  CHECK(w.node.killed.empty());
  CHECK(w.node.restarted.empty());
  CHECK(w.node.actor_rows.size() == 4);
  CHECK(w.node.database.quarantined.size() == 1);
  CHECK_FALSE(w.node.database.migrations[1].applied);
}

TEST_CASE("tenants: figures of the whole node need a token of the node") {
  tenants_world w;
  for (const char* target :
       {"/metrics", "/monitoring/database", "/api/v1/database", "/api/v1/db/status"}) {
    for (const char* token : {"viewer", "operator", "admin", "hill"})
      CHECK_MESSAGE(w.client.get(target, bearer(token)).status == 403, target << " " << token);
    CHECK_MESSAGE(w.client.get(target, bearer("node")).status == 200, target);
  }
}

TEST_CASE("tenants: the settings of a node are for its operators and admins") {
  tenants_world w;
  const char* target = "/api/v1/config";
  for (const char* token : {"viewer", "operator", "admin", "hill", "node"})
    CHECK_MESSAGE(w.client.get(target, bearer(token)).status == 403, token);
  for (const char* token : {"operator of the node", "admin of the node"})
    CHECK_MESSAGE(w.client.get(target, bearer(token)).status == 200, token);
  CHECK(w.client.get(target).status == 401);
}

TEST_CASE("tenants: nobody but an admin of the node kills what all farms share") {
  tenants_world w;
  for (const char* token : {"operator", "admin", "operator of the node"})
    for (const char* id : {"1", "2"}) { // the root, a writer
      const auto answer =
        w.client.post("/api/v1/actors/" + std::string{id} + "/kill", bearer(token));
      CHECK_MESSAGE(answer.status == 403, token << " " << id);
      CHECK(answer.body.find("farm = \\\"*\\\"") != std::string::npos);
    }
  CHECK(w.client.post("/api/v1/actors/4/kill", bearer("operator")).status == 404);
  CHECK(w.node.killed.empty());
  CHECK(w.client.post("/api/v1/actors/3/kill", bearer("operator")).status == 200);
  CHECK(w.client.post("/api/v1/actors/2/kill", bearer("admin of the node")).status == 200);
  CHECK(w.node.killed == std::vector<std::uint64_t>{3, 2});
}

TEST_CASE("tenants: a shared actor's history is for tokens of the node") {
  tenants_world w;
  CHECK(w.client.get("/api/v1/actors", bearer("viewer")).body.find("restarted after")
        == std::string::npos);
  CHECK(w.client.get("/api/v1/actors", bearer("node")).body.find("restarted after")
        != std::string::npos);
}

TEST_CASE("tenants: a token of the node names the farm that it asks about") {
  tenants_world w;
  const auto names = [&](const std::string& query, const char* token) {
    std::string all;
    const auto list = json::parse(w.client.get("/api/v1/equipment" + query, bearer(token)).body);
    for (const auto& row : list["equipment"])
      all += row["name"].get<std::string>() + " ";
    return all;
  };
  CHECK(names("", "node") == "T1 T2 ");
  CHECK(names("?farm=hill", "node") == "H1 ");
  CHECK(names("?farm=hill", "hill") == "H1 ");
  CHECK(w.client.get("/api/v1/equipment?farm=", bearer("node")).status == 400);
  CHECK(w.client.get("/api/v1/equipment?farm=default", bearer("hill")).status == 403);
  CHECK(w.client.get("/health?farm=hill", bearer("node")).status
        == 400); // an open route has no farm
  CHECK(w.client.post("/api/v1/actors/4/kill?farm=hill", bearer("operator of the node")).status
        == 200);
}
