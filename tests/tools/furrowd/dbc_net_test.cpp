/// DBC files and farms over HTTP: what each role loads, sees and changes. The store of the files is a real one.
#include "storage/dbc/dbc_files.hpp"
#include "storage/store.hpp"
#include "tests/support/http_front.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/tools/furrowd/http/tokens.hpp"
#include "tools/furrowd/access/identity_snapshot.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::json;

namespace {

const std::string tank = "BO_ 256 TANK: 8 X\n SG_ level : 0|8@1+ (1,0) [0|255] \"l\" X\n";
const std::string gallons = "BO_ 256 TANK: 8 X\n SG_ level : 0|8@1+ (1,0) [0|255] \"gal\" X\n";

http::http_config dbc_tokens() {
  return with_tokens({{"a", "role = \"admin\"\nfarm = \"north\""},
                      {"v", "role = \"viewer\"\nfarm = \"north\""},
                      {"a1", "role = \"admin\"\nfarm = \"north\"\nequipment = [\"T1\"]"},
                      {"s", "role = \"admin\"\nfarm = \"south\""},
                      {"w", "role = \"admin\"\nfarm = \"west\""},
                      {"na", "role = \"admin\"\nfarm = \"*\""},
                      {"nv", "role = \"viewer\"\nfarm = \"*\""}});
}

/// Machines T1 and T2 of the farm north, T1 and S1 of south.
struct dbc_world {
  explicit dbc_world(http::http_config config = dbc_tokens()) {
    storage::store_options options;
    options.url = "sqlite:" + folder.file("dbc.db");
    auto opened = storage::open_store(options);
    REQUIRE(opened);
    store = std::move(*opened);
    std::promise<bool> migrated;
    store->migrate([&](const auto& outcome) { migrated.set_value(bool(outcome)); });
    REQUIRE(migrated.get_future().get());
    for (const auto& [farm, name] : {std::pair{"north", "T1"}, std::pair{"north", "T2"},
                                     std::pair{"south", "T1"}, std::pair{"south", "S1"}})
      add_machine(farm, name);
    node.database.kept_dbc = store->dbc();
    node.database.kept_audit = storage::audit_of(*store);
    front.emplace(node, std::move(config));
  }
  ~dbc_world() {
    front.reset();
    store.reset();
  }
  dbc_world(const dbc_world&) = delete;
  dbc_world& operator=(const dbc_world&) = delete;

  void add_machine(const std::string& farm, const std::string& name) {
    storage::claim_request claim;
    claim.farm = farm;
    claim.equipment = name;
    claim.stream_id[15] = static_cast<std::uint8_t>(node.database.equipment.size() + 1);
    std::promise<bool> claimed;
    store->claim({claim}, [&](const auto& outcome) { claimed.set_value(bool(outcome)); });
    REQUIRE(claimed.get_future().get());
    node.database.equipment.push_back({farm, name, std::nullopt, 1, 0, std::nullopt});
  }
  [[nodiscard]] http_answer ask(const std::string& method,
                                const std::string& target,
                                const std::string& token,
                                const std::string& body = "") const {
    raw_client client{front->at()}; // a rejected request ends its connection
    client.send(method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                + std::to_string(body.size()) + "\r\n" + bearer(token) + "\r\n" + body);
    return client.read();
  }
  [[nodiscard]] json get(const std::string& target, const std::string& token) const {
    const auto answer = ask("GET", target, token);
    REQUIRE_MESSAGE(answer.status == 200, target << ": " << answer.body);
    return json::parse(answer.body);
  }
  json load(const std::string& query, const std::string& token, const std::string& body) const {
    const auto answer = ask("POST", "/api/v1/dbc?" + query, token, body);
    REQUIRE_MESSAGE(answer.status == 201, query << ": " << answer.body);
    return json::parse(answer.body);
  }
  /// "name for scope" of what the token sees.
  [[nodiscard]] std::set<std::string> seen(const std::string& token,
                                           const std::string& query = "") const {
    std::set<std::string> made;
    const auto answer = get("/api/v1/dbc" + query, token);
    for (const auto& row : answer.at("dbc"))
      made.insert(row.at("name").get<std::string>() + " for " + row.at("for").get<std::string>());
    return made;
  }

  scratch_folder folder;
  std::unique_ptr<storage::store> store;
  fake_node node;
  std::optional<http_front> front;
};

std::string code_of(const http_answer& answer) {
  return json::parse(answer.body).at("error").at("code");
}

std::string message_of(const http_answer& answer) {
  return json::parse(answer.body).at("error").at("message");
}

/// A file of about so many bytes.
std::string large_dbc(std::size_t bytes) {
  std::string text;
  for (unsigned id = 1; text.size() < bytes; ++id) {
    const auto number = std::to_string(id);
    text += "BO_ " + std::to_string(0x80000000U + id) + " MESSAGE_" + number + ": 8 X\n";
    for (int i = 0; i < 8; ++i)
      text += " SG_ signal_" + number + "_" + std::to_string(i) + " : " + std::to_string(i * 8)
              + "|8@1+ (0.5,-40) [0|87.5] \"degC\" X\n";
    text += "\n";
  }
  return text;
}

} // namespace

TEST_CASE("dbc api: a file is loaded, listed, shown, compared, activated and removed") {
  dbc_world w;
  const auto first = w.load("name=tank.dbc", "a", tank);
  CHECK(first.at("id") == 1);
  CHECK(first.at("for") == "farm north");
  CHECK(first.at("farm") == "north");
  CHECK(first.at("equipment").is_null());
  CHECK(first.at("encoding") == "auto");
  CHECK(first.at("active") == true);
  CHECK(first.at("added") == true);
  CHECK(first.at("warnings").empty());
  CHECK(first.at("warning_count") == 0);
  CHECK(w.load("name=tank.dbc&for=north", "a", tank).at("added") == false);
  const auto second = w.load("name=tank.dbc&encoding=cp1252", "a", gallons);
  CHECK(second.at("encoding") == "cp1252");

  const auto rows = w.get("/api/v1/dbc", "v").at("dbc");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].at("id") == second.at("id"));
  CHECK(rows[0].at("active") == true);
  CHECK(rows[1].at("active") == false);

  const auto shown = w.get("/api/v1/dbc/1", "v");
  CHECK(shown.at("sha256") == first.at("sha256"));
  const auto& message = shown.at("content").at("messages").at(0);
  CHECK(message.at("name") == "TANK");
  CHECK(message.at("signals").at(0).at("unit") == "l");
  const auto bytes = w.ask("GET", "/api/v1/dbc/1/file", "v");
  CHECK(bytes.body == tank);
  CHECK(bytes.headers.at("content-type") == "text/plain");
  CHECK(bytes.headers.at("content-disposition")
        == "attachment; filename=\"tank.dbc\"; filename*=UTF-8''tank.dbc");

  const auto compared = w.get("/api/v1/dbc/1/differences?with=2", "v");
  CHECK(compared.at("complete") == true);
  CHECK(
    compared.at("differences")
    == json::parse(R"([{"object":"TANK.level","property":"unit","before":"l","after":"gal"}])"));
  CHECK(w.get("/api/v1/dbc/1/differences?with=1", "v").at("differences").empty());

  const auto activated = w.ask("POST", "/api/v1/dbc/1/activate", "a");
  CHECK(activated.status == 200);
  CHECK(json::parse(activated.body).at("active") == true);
  CHECK(w.ask("DELETE", "/api/v1/dbc/2", "a").status == 200);
  CHECK(w.get("/api/v1/dbc", "v").at("dbc").size() == 1);
  const auto gone = w.ask("GET", "/api/v1/dbc/2", "v");
  CHECK(gone.status == 404);
  CHECK(code_of(gone) == "no_such_dbc");
  CHECK(w.ask("DELETE", "/api/v1/dbc/2", "a").status == 404);
}

// Symptom: the preview of a serial number of 64 bits showed 18446744073709552000.
TEST_CASE("dbc api: the preview of a file has all digits of whole numbers") {
  dbc_world w;
  w.node.database.frame_count = 3;
  w.node.database.make_frame = [](can::frame_block& block, std::uint64_t seq) {
    std::array<std::uint8_t, 8> payload{0, 0, 0, 0, 0, 0, 0, 0x80}; // 2^63, and a little more
    payload[0] = static_cast<std::uint8_t>(seq == 2 ? 9 : seq);
    REQUIRE(block.push(1'700'000'000'000'000 + static_cast<std::int64_t>(seq),
                       can::pack({.id = 256, .length = 8}), payload.data()));
  };
  const auto compared = w.ask("POST", "/api/v1/dbc/compare?name=big.dbc&for=T1&equipment=T1", "a",
                              "BO_ 256 BIG: 8 X\n SG_ serial : 0|64@1+ (1,0) [0|0] \"\" X\n");
  REQUIRE_MESSAGE(compared.status == 200, compared.body);
  const auto after = json::parse(compared.body).at("preview").at("signals").at(0).at("after");
  CHECK(after.at("min").dump() == "9223372036854775809");
  CHECK(after.at("max").dump() == "9223372036854775817");
  CHECK(after.at("last").dump() == "9223372036854775811");
}

TEST_CASE("dbc api: each change is in the audit log once, under the caller's name") {
  dbc_world w;
  w.load("name=tank.dbc&for=T1", "a", tank);
  CHECK(w.ask("POST", "/api/v1/dbc/1/activate", "a").status == 200);
  CHECK(w.ask("DELETE", "/api/v1/dbc/1", "a").status == 200);
  const auto rows = w.get("/api/v1/audit", "a").at("audit");
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].at("action") == "dbc remove");
  CHECK(rows[1].at("action") == "dbc activate");
  CHECK(rows[2].at("action") == "dbc load");
  for (const auto& row : rows) {
    CHECK(row.at("object") == "tank.dbc for north/T1");
    CHECK(row.at("farm") == "north");
    CHECK(row.at("who") == rows[0].at("who"));
    CHECK_FALSE(row.at("who").get<std::string>().empty());
    CHECK(row.at("from") == "127.0.0.1");
  }
}

TEST_CASE(
  "dbc api: a file that cannot be read is refused with the line, other faults with a hint") {
  dbc_world w;
  const auto load = [&](const std::string& query, const std::string& body = tank) {
    return w.ask("POST", "/api/v1/dbc" + query, "a", body);
  };
  const auto bad = load("?name=bad.dbc", "\nBO_ nonsense\n");
  CHECK(bad.status == 400);
  CHECK(code_of(bad) == "bad_dbc");
  CHECK(message_of(bad).starts_with("bad.dbc:2:5: "));
  CHECK(code_of(load("")) == "missing_parameter");
  CHECK(code_of(load("?name=")) == "missing_parameter");
  CHECK(code_of(load("?name=a%2Fb")) == "bad_parameter");
  CHECK(code_of(load("?name=a.dbc&encoding=latin1")) == "bad_parameter");
  CHECK(code_of(load("?name=a.dbc", "")) == "empty_body");
  const auto machine = load("?name=a.dbc&for=T9");
  CHECK(machine.status == 404);
  CHECK(code_of(machine) == "no_such_equipment");
  const auto farm = w.ask("POST", "/api/v1/dbc?name=a.dbc", "w", tank);
  CHECK(farm.status == 404);
  CHECK(code_of(farm) == "no_such_farm");
  for (const char* id : {"0", "-1", "x", "99999999999"})
    CHECK(code_of(w.ask("GET", "/api/v1/dbc/" + std::string{id}, "a")) == "bad_parameter");
  CHECK(code_of(w.ask("GET", "/api/v1/dbc/9", "a")) == "no_such_dbc");
  w.load("name=tank.dbc", "a", tank);
  CHECK(code_of(w.ask("GET", "/api/v1/dbc/1/differences", "a")) == "missing_parameter");
  CHECK(code_of(w.ask("GET", "/api/v1/dbc/1/differences?with=7", "a")) == "no_such_dbc");
  CHECK(w.get("/api/v1/dbc", "a").at("dbc").size() == 1);
}

TEST_CASE("dbc api: warnings say where a file was repaired, the first twenty of them") {
  dbc_world w;
  auto text = tank;
  for (int i = 0; i < 30; ++i)
    text += "CM_ SG_ 999 nobody \"x\";\n";
  const auto loaded = w.load("name=tank.dbc", "a", text);
  CHECK(loaded.at("warning_count") == 30);
  REQUIRE(loaded.at("warnings").size() == 20);
  CHECK(loaded.at("warnings").at(0).at("line") == 3);
  CHECK(w.get("/api/v1/dbc/1", "v").at("content").at("warnings").size() == 30);
}

TEST_CASE("dbc api: a farm sees the files for all and its own, and none of another farm") {
  dbc_world w;
  w.load("name=all.dbc&for=all", "na", tank);
  w.load("name=n.dbc", "a", tank);
  w.load("name=t1.dbc&for=T1", "a", tank); // T1 of its own farm: south has one too
  w.load("name=t2.dbc&for=north/T2", "a", tank);
  w.load("name=s.dbc&for=south", "s", tank);
  w.load("name=s1.dbc&for=S1", "na", tank);
  using names = std::set<std::string>;
  CHECK(w.seen("v")
        == names{"all.dbc for all", "n.dbc for farm north", "t1.dbc for north/T1",
                 "t2.dbc for north/T2"});
  CHECK(w.seen("s") == names{"all.dbc for all", "s.dbc for farm south", "s1.dbc for south/S1"});
  CHECK(w.seen("a1") == names{"all.dbc for all", "n.dbc for farm north", "t1.dbc for north/T1"});
  CHECK(w.seen("nv").size() == 6);
  CHECK(w.seen("nv", "?farm=south") == w.seen("s"));
  const auto listed = w.ask("GET", "/api/v1/dbc", "nv");
  CHECK(listed.headers.count("furrow-assumed-farm") == 0);

  for (const std::string target :
       {"/api/v1/dbc/5", "/api/v1/dbc/5/file", "/api/v1/dbc/5/differences?with=2",
        "/api/v1/dbc/2/differences?with=5"})
    CHECK_MESSAGE(w.ask("GET", target, "a").status == 404, target);
  CHECK(w.ask("POST", "/api/v1/dbc/5/activate", "a").status == 404);
  CHECK(w.ask("DELETE", "/api/v1/dbc/5", "a").status == 404);
  CHECK(w.ask("GET", "/api/v1/dbc/4", "a1").status == 404); // another machine
  CHECK(w.ask("POST", "/api/v1/dbc?name=x.dbc&for=south", "a", tank).status == 404);
  CHECK(w.ask("POST", "/api/v1/dbc?name=x.dbc&for=south/S1", "a", tank).status == 404);
  CHECK(w.ask("POST", "/api/v1/dbc?name=x.dbc&for=S1", "a", tank).status == 404);
  const auto two = w.ask("POST", "/api/v1/dbc?name=x.dbc&for=T1", "na", tank);
  CHECK(two.status == 404);
  CHECK(message_of(two).find("more than one") != std::string::npos);
  CHECK(w.seen("nv").size() == 6);
}

TEST_CASE("dbc api: each kind of file has those who may change it") {
  dbc_world w;
  w.load("name=all.dbc&for=all", "na", tank);
  w.load("name=n.dbc", "a", tank);
  w.load("name=t1.dbc&for=T1", "a1", tank);
  const auto load = [&](const std::string& scope, const std::string& token) {
    return w.ask("POST", "/api/v1/dbc?name=x.dbc" + scope, token, tank).status;
  };
  CHECK(load("", "v") == 403);
  CHECK(load("", "nv") == 403);
  CHECK(load("&for=all", "a") == 403);
  CHECK(load("", "a1") == 403); // the whole farm
  CHECK(load("&for=T2", "a1") == 403);
  for (const auto& [id, token] :
       {std::pair{"1", "a"}, std::pair{"1", "v"}, std::pair{"2", "a1"}, std::pair{"2", "v"}}) {
    const auto file = std::string{"/api/v1/dbc/"} + id;
    CHECK_MESSAGE(w.ask("POST", file + "/activate", token).status == 403, id << token);
    CHECK_MESSAGE(w.ask("DELETE", file, token).status == 403, id << token);
  }
  CHECK(w.seen("nv").size() == 3);
  CHECK(w.ask("DELETE", "/api/v1/dbc/3", "a1").status == 200);
  CHECK(w.ask("DELETE", "/api/v1/dbc/2", "na").status == 200);
  CHECK(w.ask("DELETE", "/api/v1/dbc/1", "na").status == 200);
}

TEST_CASE("dbc api: a large file is loaded, announced or in chunks, and given back whole") {
  dbc_world w;
  const auto text = large_dbc(2U << 20U);
  w.load("name=large.dbc", "a", text);
  CHECK(w.ask("GET", "/api/v1/dbc/1/file", "v").body == text);
  const auto shown = w.get("/api/v1/dbc/1", "v").at("content");
  CHECK(shown.at("messages").size() > 1'000);
  CHECK(shown.at("messages").back().at("signals").size() == 8);

  raw_client chunked{w.front->at()};
  chunked.send("POST /api/v1/dbc?name=chunked.dbc HTTP/1.1\r\nHost: localhost\r\n"
               "Transfer-Encoding: chunked\r\n"
               + bearer("a") + "\r\n");
  for (std::size_t at = 0; at < text.size(); at += 0x10000) {
    const auto piece = text.substr(at, 0x10000);
    char size[20];
    const auto end = std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    chunked.send(std::string(size, static_cast<std::size_t>(end)) + piece + "\r\n");
  }
  chunked.send("0\r\n\r\n");
  CHECK(chunked.read().status == 201);

  // More differences than are told.
  const auto other = w.load("name=other.dbc", "a", tank);
  const auto compared = w.get("/api/v1/dbc/1/differences?with=" + other.at("id").dump(), "v");
  CHECK(compared.at("differences").size() > 1'000);
}

TEST_CASE("farms: a token of a farm gets its own, one of the node every farm with a machine") {
  dbc_world w;
  const auto farms = [&](const std::string& token, const std::string& query = "") {
    return w.get("/api/v1/farms" + query, token).at("farms");
  };
  CHECK(farms("v") == json::parse(R"([{"name":"north","machines":2}])"));
  CHECK(farms("a1") == json::parse(R"([{"name":"north","machines":1}])"));
  CHECK(farms("w") == json::parse(R"([{"name":"west","machines":0}])"));
  CHECK(farms("nv")
        == json::parse(R"([{"name":"north","machines":2},{"name":"south","machines":2}])"));
  CHECK(farms("nv", "?farm=south") == json::parse(R"([{"name":"south","machines":2}])"));
  w.node.database.away = true;
  CHECK(w.ask("GET", "/api/v1/farms", "nv").status == 503);
}

TEST_CASE("farms: a farm whose database is away is listed with the reason, and the others with "
          "their machines") {
  daemon::identity_snapshot::entry two_farms;
  two_farms.grants.farm = "north";
  two_farms.grants.farms = {"north", "south"};
  two_farms.grants.role = daemon::role::viewer;
  two_farms.grants.kind = daemon::credential_kind::token;
  two_farms.grants.hash = daemon::hash_of_secret("t2");
  auto config = dbc_tokens();
  config.access->replace_identities(std::make_shared<const daemon::identity_snapshot>(
    std::vector{two_farms}, true, std::chrono::hours{1}));
  dbc_world w{config};
  CHECK(w.get("/api/v1/farms", "t2").at("farms")
        == json::parse(R"([{"name":"north","machines":2},{"name":"south","machines":2}])"));
  w.node.database.away_farms = {"north"};
  CHECK(w.get("/api/v1/farms", "t2").at("farms")
        == json::parse(R"([{"name":"north","machines":null,"fault":"its database is away"},
                           {"name":"south","machines":2}])"));
  w.node.database.away_farms.insert("south");
  CHECK(w.ask("GET", "/api/v1/farms", "t2").status == 503);
}

TEST_CASE("farms: the list of the node is kept for the time that the cache allows") {
  auto config = dbc_tokens();
  config.cache = http::cache_limits{std::chrono::milliseconds{60'000}};
  dbc_world w{config};
  const auto before = w.get("/api/v1/farms", "nv");
  w.node.database.equipment.clear();
  CHECK(w.get("/api/v1/farms", "nv") == before);
}
