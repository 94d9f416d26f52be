/// The audit log over HTTP, with a real node on PostgreSQL.
///
/// Goal: nobody changes anything over HTTP without a row that says who, from where, and what was there before and after.
/// Method: the operations come from the node's own OpenAPI document, so that a new one must be tried here, too.
#include "tests/support/pg_cluster.hpp"
#include "tests/tools/furrowd/access/identity_node.hpp"

#include <set>

using namespace furrow;
using namespace furrow::tests;
using namespace std::chrono_literals;

TEST_CASE("identities: every change over HTTP is in the audit log, with who, from where, and what "
          "was before and after") {
  const pg_cluster server;
  const auto database = server.url();
  const auto password = init(database);
  const identity_node at{database, {"--node", "n1"}};
  const auto admin = session_of(at, "admin", password);
  const auto document = json::parse(
    run_program({"/usr/bin/curl", "-sSf", at.url() + "/api/v1/openapi.json"}).out); // in chunks
  std::set<std::string> untried;
  for (const auto& [path, operations] : document.at("paths").items())
    for (const auto& [method, operation] : operations.items())
      if (method != "get" && method != "parameters")
        untried.insert(operation.at("operationId").get<std::string>());
  REQUIRE(untried.size() > 25);
  const std::string of_north = "?farm=north";
  const auto boundary = json::parse(
    R"({"type":"Polygon","coordinates":[[[8.4,49],[8.41,49],[8.41,49.01],[8.4,49.01],[8.4,49]]]})");
  const auto dbc = [](const std::string& unit) {
    return "BO_ 2566844416 OWN: 8 Vector__XXX\n SG_ level : 0|8@1+ (1,0) [0|0] \"" + unit
           + "\" Vector__XXX\n";
  };
  const auto actor = [&] {
    const auto list = at.ask("GET", "/api/v1/actors", admin).body.at("actors");
    for (const auto& one : list)
      if (one.dump().find("digest") != std::string::npos)
        return one.at("id").dump();
    return std::string{};
  };
  struct change {
    std::string operation;
    std::string method;
    std::string target;
    json body;
    std::string noted;
    bool before;
    bool after;
  };
  const std::vector<change> changes{
    {"addUser",
     "POST",
     "/api/v1/users",
     {{"name", "anna"}, {"farm", "north"}},
     "user add",
     false,
     true},
    {"changeUser",
     "PATCH",
     "/api/v1/users/anna" + of_north,
     {{"role", "operator"}},
     "user change",
     true,
     true},
    {"removeUser", "DELETE", "/api/v1/users/anna" + of_north, nullptr, "user remove", true, false},
    {"addToken",
     "POST",
     "/api/v1/tokens",
     {{"name", "t"}, {"farm", "north"}},
     "token new",
     false,
     true},
    {"revokeToken", "DELETE", "/api/v1/tokens/t" + of_north, nullptr, "token revoke", true, false},
    {"add_fields",
     "POST",
     "/api/v1/fields" + of_north,
     {{"name", "F"}, {"boundary", boundary}},
     "field add",
     false,
     true},
    {"change_field",
     "PATCH",
     "/api/v1/fields/F" + of_north,
     {{"crop", "rye"}},
     "field change",
     true,
     true},
    {"remove_field", "DELETE", "/api/v1/fields/F" + of_north, nullptr, "field remove", true, false},
    {"change_equipment",
     "PATCH",
     "/api/v1/equipment/T1" + of_north,
     {{"kind", "tractor"}},
     "equipment add",
     false,
     true},
    {"change_equipment",
     "PATCH",
     "/api/v1/equipment/T1" + of_north,
     {{"kind", "baler"}},
     "equipment change",
     true,
     true},
    {"moveEquipment",
     "POST",
     "/api/v1/equipment/T1/move" + of_north,
     {{"to", "n1"}},
     "equipment move",
     true,
     true},
    {"removeEquipment", "DELETE", "/api/v1/equipment/T1?farm=north&confirm=T1", nullptr,
     "equipment remove", false, false},
    {"change_farm",
     "PATCH",
     "/api/v1/farm" + of_north,
     {{"time_zone", "Europe/Berlin"}},
     "farm change",
     true,
     true},
    {"loadDbc", "POST", "/api/v1/dbc?name=own.dbc&for=all", dbc("%"), "dbc load", false, true},
    {"loadDbc", "POST", "/api/v1/dbc?name=own.dbc&for=all", dbc("l"), "dbc load", false, true},
    {"activateDbc", "POST", "/api/v1/dbc/1/activate", nullptr, "dbc activate", true, true},
    {"removeDbc", "DELETE", "/api/v1/dbc/1", nullptr, "dbc remove", true, false},
    {"weighNode", "PUT", "/api/v1/nodes/n1/weight", {{"weight", 50}}, "node weight", true, true},
    {"drainNode", "POST", "/api/v1/nodes/n1/drain", nullptr, "node drain", true, true},
    {"undrainNode", "POST", "/api/v1/nodes/n1/undrain", nullptr, "node undrain", true, true},
    {"setLogLevels",
     "PUT",
     "/api/v1/log-levels",
     {{"levels", "info,gateway=debug"}},
     "log level",
     true,
     true},
    {"migrate", "POST", "/api/v1/db/migrate", nullptr, "db migrate", false, false},
    {"killActor", "POST", "/api/v1/actors/" + actor() + "/kill", nullptr, "actor kill", false,
     false},
    {"login",
     "POST",
     "/api/v1/login",
     {{"user", "admin"}, {"password", password}},
     "login",
     false,
     false},
    {"changeOwnPassword",
     "PUT",
     "/api/v1/me/password",
     {{"old", password}, {"new", "four long words here"}},
     "user change",
     true,
     true},
  };
  for (const auto& one : changes) {
    CAPTURE(one.operation);
    untried.erase(one.operation);
    const auto answer = at.ask(one.method, one.target, admin, one.body);
    CHECK_MESSAGE(answer.status < 300, answer.body.dump());
    json row;
    const auto noted = eventually(in_force, [&] { // some are noted after the answer
      row = at.ask("GET", "/api/v1/audit?limit=1", admin).body.at("audit").at(0);
      return row.at("action") == one.noted;
    });
    CHECK_MESSAGE(noted, row.dump());
    CHECK(row.at("from") == "127.0.0.1");
    CHECK_MESSAGE(row.at("who") == "admin", row.dump());
    CHECK_MESSAGE(row.at("before").is_object() == one.before, row.dump());
    CHECK_MESSAGE(row.at("after").is_object() == one.after, row.dump());
    if (one.before && one.after)
      CHECK_MESSAGE(row.at("before") != row.at("after"), row.dump());
    CHECK(row.dump().find(password) == std::string::npos);
  }
  // Shown by: the tests of storage (items in quarantine), this file (sessions), and the actors of this node above.
  for (const auto* elsewhere :
       {"retryQuarantined", "dropQuarantined", "logout", "endSession", "endSessions",
        "restartActor", "killActorOfNode", "restartActorOfNode"})
    CHECK(untried.erase(elsewhere) == 1);
  // They change nothing that a person would look for: data of machines, a comparison, a ticket for 30 s.
  CHECK(untried == std::set<std::string>{"compareNewDbc", "createStreamTicket", "postRecords"});
}
