/// Lists of what a database keeps, and of gateways and nodes, sorted and in pages: over HTTP and by `furrow`.
#include "tests/tools/furrow/cli_world.hpp"
#include "tests/tools/furrowd/http/stored_world.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::ordered_json;

namespace {

constexpr const char* sortable_square =
  R"("boundary":{"type":"Polygon","coordinates":[[[8,49],[8.1,49],[8.1,49.1],[8,49.1],[8,49]]]})";

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    constexpr const char* hex = "0123456789ABCDEF";
    out += std::string{"%"} + hex[static_cast<unsigned char>(c) >> 4U]
           + hex[static_cast<unsigned char>(c) & 15U];
  }
  return out;
}

struct owned_book {
  std::shared_ptr<daemon::gateway_book> book = std::make_shared<daemon::gateway_book>();
};

struct stored_lists : owned_book, stored_world {
  stored_lists() : stored_world{config_with(book)}, people{storage::identities_of(*store)} {}

  static http::http_config config_with(const std::shared_ptr<daemon::gateway_book>& gateways) {
    http::http_config config;
    config.gateways = gateways;
    return config;
  }
  ordered_json get(const std::string& target) const {
    const auto answer = ask("GET", target);
    REQUIRE_MESSAGE(answer.status == 200, target << ": " << answer.body);
    return ordered_json::parse(answer.body);
  }
  /// The member of all rows, page after page.
  std::vector<std::string> paged(const std::string& target,
                                 const std::string& list,
                                 const std::string& member,
                                 std::size_t limit) const {
    std::vector<std::string> out;
    std::string after;
    for (int page = 0; page < 60; ++page) {
      const auto body = get(target + "&limit=" + std::to_string(limit) + after);
      CHECK(body[list].size() <= limit);
      for (const auto& row : body[list])
        out.push_back(row[member].dump());
      const auto& next = body["next"];
      if (next.is_null())
        return out;
      after = next.is_object()
                ? "&after=" + escaped(next["after"]) + "&after_farm=" + escaped(next["after_farm"])
                : "&after=" + escaped(next);
    }
    FAIL("the pages have no end");
    return out;
  }
  /// In every order the pages have the rows of the whole list, each once.
  void check_pages(const std::string& path,
                   const std::string& list,
                   const std::string& member,
                   const std::vector<std::string>& keys) const {
    for (const auto& key : keys)
      for (const std::string sign : {"", "-"}) {
        CAPTURE(key);
        const auto target = path + "?sort=" + sign + key;
        const auto whole = paged(target, list, member, 1'000);
        auto once = whole;
        std::sort(once.begin(), once.end());
        CHECK(std::unique(once.begin(), once.end()) == once.end());
        CHECK(whole.size() >= 3);
        for (const std::size_t limit : {1, 2, 3})
          CHECK(paged(target, list, member, limit) == whole);
      }
    for (const auto* wrong : {"?sort=colour", "?sort=", "?sort=-", "?limit=0", "?limit=x"})
      CHECK_MESSAGE(ask("GET", path + wrong).status == 400, wrong);
    const auto cursor = escaped(R"(["-)" + keys.front() + R"(","x","x"])");
    CHECK(ask("GET", path + "?sort=" + keys.front() + "&after=" + cursor).status == 400);
    CHECK(ask("GET", path + "?sort=" + keys.front() + "&after=x").status == 400);
  }
  void add_user(const std::string& farm, const std::string& name, const std::string& role) const {
    storage::user_row user;
    user.key = {farm, name};
    user.role = role;
    const auto made = await<storage::user_row>([&](auto done) {
      people->add_user(user, "", false, {"test", ""}, std::move(done));
    });
    REQUIRE(made.refused == storage::identity_refusal::none);
  }
  void add_token(const std::string& name, std::optional<std::int64_t> expires_us) const {
    storage::token_row token;
    token.key = {"default", name};
    token.sha256 = std::string(64 - std::min<std::size_t>(name.size(), 64), '0');
    for (const char c : name)
      token.sha256 += "0123456789abcdef"[static_cast<unsigned char>(c) & 15U];
    token.expires_us = expires_us;
    const auto made = await<storage::token_row>([&](auto done) {
      people->add_token(token, {"test", ""}, std::move(done));
    });
    REQUIRE_MESSAGE(made.refused == storage::identity_refusal::none, made.detail);
  }
  template <class Row, class Start>
  static storage::identity_outcome<Row> await(Start start) {
    std::promise<storage::result<storage::identity_outcome<Row>>> said;
    start([&](auto outcome) { said.set_value(std::move(outcome)); });
    auto outcome = said.get_future().get();
    REQUIRE(outcome);
    return *outcome;
  }
  template <class... Words>
  program_result furrow(Words... words) const {
    return furrow_with({{{"FURROW_AT", front->url()}}}, {words...});
  }
  std::string column(const program_result& printed, const char* member) const {
    std::string out;
    const auto rows = ordered_json::parse(good(printed));
    for (const auto& row : rows)
      out += (row[member].is_string() ? row[member].get<std::string>() : row[member].dump()) + " ";
    return out;
  }

  storage::identity_store* people;
};

} // namespace

TEST_CASE("lists: users sort by their members, those who never came last") {
  const stored_lists w;
  w.add_user("", "root", "admin");
  for (const auto* name : {"anna", "ben", "carl"})
    w.add_user("north", name, name[0] == 'b' ? "operator" : "viewer");
  w.add_user("south", "anna", "viewer"); // one name at two farms
  const auto names = w.paged("/api/v1/users?sort=-name", "users", "name", 2);
  CHECK(
    names
    == std::vector<std::string>{R"("root")", R"("carl")", R"("ben")", R"("anna")", R"("anna")"});
  CHECK(w.get("/api/v1/users?sort=role&farm=north")["users"].size() == 3);
  for (const std::size_t limit : {1, 2, 3, 5})
    CHECK(w.paged("/api/v1/users?sort=role", "users", "name", limit).size() == 5);
  CHECK_FALSE(w.get("/api/v1/users?sort=role")["users"][0].contains("key"));
  CHECK(w.column(w.furrow("user", "list", "--sort", "-name", "-o", "json"), "name")
        == "root carl ben anna anna ");
  CHECK(w.column(w.furrow("user", "list", "--sort", "role", "--limit", "2", "-o", "json"), "role")
        == "admin operator ");
  const auto url = "sqlite:" + w.folder.file("stored.db");
  CHECK(
    w.column(w.furrow("user", "list", "--sort", "-name", "-o", "json", "--database", url.c_str()),
             "name")
    == "root carl ben anna anna ");
  bad(w.furrow("user", "list", "--sort", "colour"), 2);
  bad(w.furrow("user", "list", "--sort", "colour", "--database", url.c_str()), 2);
}

TEST_CASE("lists: tokens sort by when they expire, and a thousand of them go on") {
  const stored_lists w;
  for (int i = 0; i < 5; ++i)
    w.add_token("t" + std::to_string(i), i == 2 ? std::optional<std::int64_t>{}
                                                : 1'900'000'000'000'000 - i * 1'000'000'000LL);
  w.check_pages("/api/v1/tokens", "tokens", "name",
                {"name", "role", "expires", "last_used", "created", "created_by"});
  const auto rows = w.get("/api/v1/tokens?sort=expires")["tokens"];
  CHECK(rows[0]["name"] == "t4");
  CHECK(rows[4]["name"] == "t2"); // it never expires
  CHECK(
    w.column(w.furrow("token", "list", "--sort", "expires", "--limit", "2", "-o", "json"), "name")
    == "t4 t3 ");
  // Symptom: limit=5000 gave a thousand of more, and said that they were all.
  for (int i = 0; i < 1'100; ++i)
    w.add_token("n" + std::to_string(i), {});
  CHECK(w.paged("/api/v1/tokens?farm=default", "tokens", "name", 5'000).size() == 1'105);
  CHECK(w.paged("/api/v1/tokens?sort=-name", "tokens", "name", 1'000).size() == 1'105);
}

TEST_CASE("lists: fields sort by crop and area, machines' records by kind") {
  const stored_lists w;
  std::string fields = "[";
  for (int i = 0; i < 6; ++i) {
    auto shape = std::string{sortable_square};
    for (auto at = shape.find("49.1"); at != std::string::npos; at = shape.find("49.1", at + 4))
      shape.replace(at, 4, "49.1" + std::to_string(i / 2));
    fields += (i == 0 ? "" : ",") + std::string{R"({"name":"F)"} + std::to_string(i)
              + R"(","crop":")" + (i % 2 == 0 ? "wheat" : "rye") + "\"," + shape + "}";
  }
  REQUIRE(w.ask("POST", "/api/v1/fields", fields + "]").status == 200);
  w.check_pages("/api/v1/fields", "rows", "name", {"name", "crop", "soil", "season", "area_m2"});
  CHECK(w.paged("/api/v1/fields?sort=-area_m2&crop=rye", "rows", "name", 2)
        == std::vector<std::string>{R"("F5")", R"("F3")", R"("F1")"});
  CHECK(w.column(w.furrow("field", "list", "--sort", "crop", "--limit", "4", "-o", "json"), "name")
        == "F1 F3 F5 F0 ");
  bad(w.furrow("field", "list", "--sort", "crop", "--at-position", "8,49"), 2);
  for (const auto* name : {"M1", "M2", "M3"})
    REQUIRE(w.ask("PATCH", std::string{"/api/v1/equipment/"} + name,
                  name[1] == '2' ? R"({"kind":"baler"})" : "{}")
              .status
            == 200);
  w.check_pages("/api/v1/equipment-records", "rows", "name",
                {"name", "kind", "status", "maker", "model", "serial", "firmware"});
  CHECK(w.get("/api/v1/equipment-records?sort=kind&limit=1")["rows"][0]["name"] == "M2");
}

TEST_CASE("lists: gateways, nodes and DBC files have pages") {
  const stored_lists w;
  for (int i = 0; i < 4; ++i)
    (void)w.book->connected({"127.0.0.1:" + std::to_string(5'000 + i), "default",
                             i < 2 ? "T1" : "T2", "edge", 1'700'000'000'000'000 + i});
  w.book->refused("127.0.0.1:9", "default", "T9", daemon::refusal::no_token, "no token", 1);
  CHECK_FALSE(w.get("/api/v1/gateways").contains("next"));
  w.check_pages("/api/v1/gateways", "connected", "peer",
                {"equipment", "peer", "since", "software"});
  CHECK(w.get("/api/v1/gateways?limit=1")["refused"].size() == 1);
  CHECK(w.column(w.furrow("gateways", "--sort", "-since", "--limit", "2", "-o", "json"), "peer")
        == "127.0.0.1:5003 127.0.0.1:5002 ");
  bad(w.furrow("gateways", "--failed", "--limit", "1"), 2);
  CHECK_FALSE(w.get("/api/v1/nodes").contains("next"));
  CHECK(w.get("/api/v1/nodes?sort=-lag_ms&limit=1")["next"].is_null());
  CHECK(w.ask("GET", "/api/v1/nodes?sort=colour").status == 400);
  CHECK(w.column(w.furrow("nodes", "--sort", "name", "--limit", "1", "-o", "json"), "name")
        == "n1 ");
  for (const std::string name : {"a.dbc", "c.dbc", "b.dbc"}) {
    const auto body =
      "VERSION \"\"\nBO_ 100 M: 8 X\n SG_ " + name.substr(0, 1) + " : 0|8@1+ (1,0) [0|0] \"\" X\n";
    const auto loaded = w.ask("POST", "/api/v1/dbc?for=all&name=" + name, body);
    REQUIRE_MESSAGE(loaded.status / 100 == 2, loaded.body);
  }
  CHECK_FALSE(w.get("/api/v1/dbc").contains("next"));
  w.check_pages("/api/v1/dbc", "dbc", "id", {"id", "name", "for", "farm", "loaded"});
  const auto url = "sqlite:" + w.folder.file("stored.db");
  CHECK(w.column(w.furrow("dbc", "list", "--sort", "-name", "--limit", "2", "-o", "json",
                          "--database", url.c_str()),
                 "name")
        == "c.dbc b.dbc ");
  bad(w.furrow("dbc", "list", "--sort", "colour", "--database", url.c_str()), 2);
}
