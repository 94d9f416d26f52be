/// Removal of a machine over HTTP, and one token by its name, on a real store.
#include "storage/identity/identities.hpp"
#include "tests/tools/furrowd/http/stored_world.hpp"
#include "tests/tools/furrowd/http/tokens.hpp"

#include <doctest/doctest.h>

#include <vector>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::json;

namespace {

/// Notes what it is asked for.
class noting_removals : public storage::removal_store {
public:
  std::vector<std::string> removed; // "FARM/NAME by WHO from ADDRESS"
  storage::removal_outcome outcome{"default", 2, 1'200, 5, 60, 9};

  void preview_removal(storage::removal /*what*/,
                       storage::handler<storage::removal_outcome> done) override {
    done(outcome);
  }
  void remove(storage::removal what,
              storage::author by,
              storage::handler<storage::removal_outcome> done) override {
    removed.push_back(what.farm + "/" + what.equipment + " by " + by.who + " from " + by.origin);
    done(outcome);
  }
};

http::http_config rights() {
  return with_tokens({{"v", "role = \"viewer\""},
                      {"o", "role = \"operator\""},
                      {"a", "role = \"admin\""},
                      {"t2", "role = \"admin\"\nequipment = [\"T2\"]"},
                      {"n", "role = \"admin\"\nfarm = \"*\""},
                      {"h", "role = \"admin\"\nfarm = \"hill\""}});
}

} // namespace

TEST_CASE("http removal: an admin of the farm removes a machine, and must name it twice") {
  stored_world w{rights()};
  noting_removals removals;
  w.node.database.kept_removals = &removals;
  const std::string target = "/api/v1/equipment/T1";
  for (const std::string query : {"", "?confirm=", "?confirm=T2", "?confirm=true", "?confirm=t1"}) {
    const auto refused = w.ask("DELETE", target + query, "", bearer("a"));
    CHECK_MESSAGE(refused.status == 400, query);
    CHECK(refused.body.find("\"not_confirmed\"") != std::string::npos);
  }
  for (const char* token : {"v", "o", "t2"})
    CHECK_MESSAGE(w.ask("DELETE", target + "?confirm=T1", "", bearer(token)).status == 403, token);
  CHECK(w.ask("DELETE", target + "?confirm=T1&farm=default", "", bearer("h")).status == 403);
  const auto whose = w.ask("DELETE", target + "?confirm=T1", "", bearer("n"));
  CHECK(whose.status == 400); // of which farm, it must say
  CHECK(whose.body.find("\"farm_needed\"") != std::string::npos);
  CHECK(removals.removed.empty());

  const auto gone = w.ask("DELETE", target + "?confirm=T1", "", bearer("a"));
  REQUIRE(gone.status == 200);
  CHECK(json::parse(gone.body)
        == json::parse(R"({"removed":"T1","streams":2,"frames":1200,"records":5,"telemetry":60,)"
                       R"("rollup":9})"));
  CHECK(w.ask("DELETE", target + "?confirm=T1", "", bearer("h")).status == 200); // its own farm's
  CHECK(w.ask("DELETE", target + "?confirm=T1&farm=hill", "", bearer("n")).status == 200);
  REQUIRE(removals.removed.size() == 3);
  CHECK(removals.removed[0].starts_with("default/T1 by "));
  CHECK(removals.removed[0].ends_with(" from 127.0.0.1"));
  CHECK_FALSE(removals.removed[0].starts_with("default/T1 by  "));
  CHECK(removals.removed[1].starts_with("hill/T1 by "));
  CHECK(removals.removed[2].starts_with("hill/T1 by "));
}

TEST_CASE(
  "http removal: the store says that a machine is unknown, and the audit log keeps who did it") {
  stored_world w;
  CHECK(w.ask("DELETE", "/api/v1/equipment/T9?confirm=T9").status == 404);
  REQUIRE(w.ask("PATCH", "/api/v1/equipment/T9", R"({"maker":"old"})").status == 200);
  const auto gone = w.ask("DELETE", "/api/v1/equipment/T9?confirm=T9");
  REQUIRE_MESSAGE(gone.status == 200, gone.body);
  CHECK(json::parse(gone.body)["frames"] == 0);
  const auto audit = w.ask("GET", "/api/v1/audit?action=equipment%20remove").body;
  CHECK_MESSAGE(audit.find("default/T9") != std::string::npos, audit);
  w.node.database.kept_removals = nullptr;
  CHECK(w.ask("DELETE", "/api/v1/equipment/T9?confirm=T9").status == 501);
}

TEST_CASE("http tokens: one token is shown by its name, without its secret, in its own farm") {
  stored_world w;
  for (const char* farm : {"north", "hill"}) {
    storage::token_row token;
    token.key = {farm, "phone"};
    token.role = farm == std::string{"north"} ? "viewer" : "gateway";
    token.sha256 = daemon::hash_of_token(farm);
    std::promise<bool> added;
    w.node.database.kept_identities->add_token(token, {"me"}, [&](const auto& outcome) {
      added.set_value(outcome && outcome->refused == storage::identity_refusal::none);
    });
    REQUIRE(added.get_future().get());
  }
  const auto got = w.ask("GET", "/api/v1/tokens/phone?farm=north");
  REQUIRE(got.status == 200);
  const auto token = json::parse(got.body);
  CHECK(token["name"] == "phone");
  CHECK(token["role"] == "viewer");
  CHECK(token["farms"] == json::array({"north"}));
  CHECK(got.body.find(daemon::hash_of_token("north")) == std::string::npos);
  CHECK(w.ask("GET", "/api/v1/tokens/phon?farm=north").status == 404);
  CHECK(w.ask("GET", "/api/v1/tokens/phone").status == 404); // the node has none of that name
  const auto missing = w.ask("GET", "/api/v1/tokens/eye?farm=hill");
  CHECK(missing.status == 404);
  CHECK(missing.body.find("hill/eye") != std::string::npos);
}
