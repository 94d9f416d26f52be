/// Fields and equipment records over HTTP and by the `furrow` program, on a real SQLite store.
#include "storage/farm/repositories.hpp"
#include "storage/identity/identities.hpp"
#include "tests/support/http_front.hpp"
#include "tests/support/program.hpp"
#include "tools/furrowd/access/tokens.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::json;

namespace {

const std::string square =
  R"({"type":"Polygon","coordinates":[[[8.4,49],[8.402,49],[8.402,49.0015],[8.4,49.0015],[8.4,49]]]})";

struct repository_world {
  explicit repository_world(const std::string& tokens = {}) {
    std::string name = (std::filesystem::temp_directory_path() / "furrow-repos-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder = name;
    storage::store_options options;
    options.url = "sqlite:" + (folder / "store.db").string();
    auto opened = storage::open_store(options);
    REQUIRE(opened);
    store = std::move(*opened);
    std::promise<bool> migrated;
    store->migrate([&](const auto& outcome) { migrated.set_value(bool(outcome)); });
    REQUIRE(migrated.get_future().get());
    node.database.kept = store->farm();
    node.database.kept_audit = storage::audit_of(*store);
    http::http_config config;
    if (!tokens.empty()) {
      auto table = daemon::token_table::parse(tokens, "tokens");
      REQUIRE(table);
      config.access = std::make_shared<daemon::authority>(std::move(*table));
    }
    front.emplace(node, std::move(config));
    client.emplace(front->at());
  }
  ~repository_world() {
    client.reset();
    front.reset();
    store.reset();
    std::filesystem::remove_all(folder);
  }
  repository_world(const repository_world&) = delete;
  repository_world& operator=(const repository_world&) = delete;

  http_answer ask(const std::string& method,
                  const std::string& target,
                  const std::string& body = "",
                  const std::string& more = "") {
    client->send(method + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: "
                 + std::to_string(body.size()) + "\r\n" + more + "\r\n" + body);
    return client->read();
  }
  program_result furrow(std::vector<std::string> words) const {
    words.insert(words.begin(), FURROW_BIN_DIR "/furrow");
    return run_program(std::move(words), {{{"FURROW_AT", front->url()}}});
  }
  std::string file(const std::string& text) const {
    const auto path = folder / "field.geojson";
    std::ofstream{path} << text;
    return path.string();
  }

  std::filesystem::path folder;
  std::unique_ptr<storage::store> store;
  fake_node node;
  std::optional<http_front> front;
  std::optional<raw_client> client;
};

std::string code_of(const http_answer& answer) {
  return json::parse(answer.body)["error"]["code"].get<std::string>();
}

std::string field_body(const std::string& name) {
  return R"({"name":")" + name + R"(","crop":"wheat","boundary":)" + square + "}";
}

} // namespace

TEST_CASE(
  "http fields: a field is created, read, changed in the version that was read, and removed") {
  repository_world repository_world;
  CHECK(repository_world.ask("POST", "/api/v1/fields", field_body("F 1")).status == 200);
  CHECK(code_of(repository_world.ask("POST", "/api/v1/fields", field_body("F 1"))) == "exists");
  auto got = repository_world.ask("GET", "/api/v1/fields/F%201");
  REQUIRE(got.status == 200);
  const auto field = json::parse(got.body);
  CHECK(field["crop"] == "wheat");
  CHECK(field["version"] == 1);
  CHECK(field["area_m2"].get<double>() == doctest::Approx(24'409).epsilon(0.001));
  CHECK(json::parse(
          repository_world.ask("PATCH", "/api/v1/fields/F%201", R"({"crop":"rye","version":1})")
            .body)["version"]
        == 2);
  const auto late =
    repository_world.ask("PATCH", "/api/v1/fields/F%201", R"({"crop":"maize","version":1})");
  CHECK(late.status == 409);
  CHECK(code_of(late) == "conflict");
  // A client can send back the object that it read.
  got = repository_world.ask("GET", "/api/v1/fields/F%201");
  CHECK(repository_world.ask("PATCH", "/api/v1/fields/F%201", got.body).status == 200);
  const auto at =
    json::parse(repository_world.ask("GET", "/api/v1/fields-at?position=8.401,49.001").body);
  CHECK(at["rows"].size() == 1);
  CHECK(
    json::parse(repository_world.ask("GET", "/api/v1/fields-at?position=8.403,49.001").body)["rows"]
      .empty());
  CHECK(repository_world.ask("DELETE", "/api/v1/fields/F%201?version=1").status == 409);
  CHECK(repository_world.ask("DELETE", "/api/v1/fields/F%201").status == 200);
  CHECK(repository_world.ask("DELETE", "/api/v1/fields/F%201").status == 404);
  CHECK(repository_world.ask("GET", "/api/v1/fields/F%201").status == 404);
}

TEST_CASE("http fields: with each=true an invalid item of a list alone is left out") {
  repository_world w;
  REQUIRE(w.ask("POST", "/api/v1/fields", field_body("F 1")).status == 200);
  const std::string list = "[" + field_body("F 2") + R"(,{"name":"bad","size":1},)"
                           + field_body("F 1") + R"(,{"name":"","boundary":)" + square + "},"
                           + field_body("F 3") + ",7]";
  CHECK(w.ask("POST", "/api/v1/fields", list).status == 400);
  CHECK(w.ask("POST", "/api/v1/fields?each=false", list).status == 400);
  CHECK(w.ask("POST", "/api/v1/fields?each=1", list).status == 400);
  CHECK(w.ask("GET", "/api/v1/fields/F%202").status == 404); // all or nothing
  const auto made = w.ask("POST", "/api/v1/fields?each=true", list);
  REQUIRE_MESSAGE(made.status == 200, made.body);
  const auto said = json::parse(made.body);
  CHECK(said["changed"] == 3);
  REQUIRE(said["results"].size() == 6);
  for (std::size_t i = 0; i < 6; ++i) {
    const auto& one = said["results"][i];
    const bool sound = i == 0 || i == 2 || i == 4;
    CHECK(one["index"] == i);
    CHECK_MESSAGE(one["status"] == (sound ? 200 : 400), one.dump());
    CHECK(one["error"].is_null() == sound);
  }
  for (const char* name : {"F%202", "F%203"})
    CHECK(w.ask("GET", std::string{"/api/v1/fields/"} + name).status == 200);
  CHECK(json::parse(w.ask("GET", "/api/v1/fields/F%201").body)["version"] == 2);
  std::string many = "[7";
  for (int i = 0; i < 1'000; ++i)
    many += ",7";
  CHECK(w.ask("POST", "/api/v1/fields?each=true", many + "]").status == 400);
  CHECK(w.ask("POST", "/api/v1/fields?each=true", "[]").status == 400);
  const auto none = json::parse(w.ask("POST", "/api/v1/fields?each=true", "[7]").body);
  CHECK(none["changed"] == 0);
}

// Symptom: PATCH with 1e400 was "not valid JSON", and 30 digits came back as 17.
TEST_CASE("http fields: numbers of attributes are handed on digit by digit") {
  repository_world repository_world;
  REQUIRE(repository_world.ask("POST", "/api/v1/fields", field_body("F 1")).status == 200);
  const std::string attributes =
    R"({"big":1e400,"long":123456789012345678901234567890,"plain":2.5})";
  for (const auto& [target, reading] :
       {std::pair{"/api/v1/fields/F%201", "/api/v1/fields/F%201"},
        std::pair{"/api/v1/equipment/T1", "/api/v1/equipment-records/T1"}}) {
    CAPTURE(target);
    const auto changed =
      repository_world.ask("PATCH", target, "{\"attributes\":" + attributes + "}");
    REQUIRE(changed.status == 200);
    for (const auto& answer : {changed, repository_world.ask("GET", reading)}) {
      CHECK(answer.body.find("\"big\":1e400") != std::string::npos);
      CHECK(answer.body.find("\"long\":123456789012345678901234567890") != std::string::npos);
      CHECK(answer.body.find("\"plain\":2.5") != std::string::npos);
    }
  }
  CHECK(repository_world.ask("GET", "/api/v1/fields").body.find("\"big\":1e400")
        != std::string::npos);
  const auto shown = repository_world.furrow({"field", "show", "F 1", "-o", "json"});
  CHECK(shown.exit_code == 0);
  CHECK(shown.out.find("\"long\":123456789012345678901234567890") != std::string::npos);
  for (const std::string wrong :
       {R"({"crop":1e400})", R"({"name":1e400})", R"({"version":123456789012345678901234567890})",
        R"({"attributes":{"n":1e501}})", R"({"attributes":{"n":01}})"})
    CHECK(repository_world.ask("PATCH", "/api/v1/fields/F%201", wrong).status == 400);
}

TEST_CASE("http fields: a list is applied as a whole or not at all, and is read in pages") {
  repository_world repository_world;
  CHECK(repository_world
          .ask("POST", "/api/v1/fields",
               "[" + field_body("A") + "," + field_body("B") + "," + field_body("C") + "]")
          .status
        == 200);
  const auto first =
    json::parse(repository_world.ask("GET", "/api/v1/fields?limit=2&crop=wheat").body);
  CHECK(first["rows"].size() == 2);
  CHECK(first["next"] == "B");
  const auto second =
    json::parse(repository_world.ask("GET", "/api/v1/fields?limit=2&after=B").body);
  CHECK(second["rows"].size() == 1);
  CHECK(second["next"].is_null());
  CHECK(repository_world
          .ask("POST", "/api/v1/fields", "[" + field_body("D") + R"(,{"name":"E","boundary":{}}])")
          .status
        == 400);
  CHECK(repository_world.ask("GET", "/api/v1/fields/D").status == 404);
}

TEST_CASE("http fields: invalid input is rejected in one line") {
  repository_world repository_world;
  CHECK(code_of(repository_world.ask("POST", "/api/v1/fields", "{")) == "bad_body");
  CHECK(code_of(repository_world.ask("POST", "/api/v1/fields", std::string(100'000, '[')))
        == "bad_body");
  CHECK(code_of(repository_world.ask("POST", "/api/v1/fields", "[5]")) == "bad_body");
  CHECK(code_of(repository_world.ask("POST", "/api/v1/fields", R"({"name":"F","colour":1})"))
        == "unknown_member");
  CHECK(code_of(repository_world.ask("POST", "/api/v1/fields", R"({"name":"F","crop":1})"))
        == "bad_member");
  CHECK(code_of(repository_world.ask("POST", "/api/v1/fields", R"({"name":"F"})"))
        == "invalid_value");
  CHECK(code_of(repository_world.ask("POST", "/api/v1/fields",
                                     R"({"name":"a\u0000b","boundary":)" + square + "}"))
        == "invalid_value");
  CHECK(code_of(repository_world.ask("GET", "/api/v1/fields?limit=0")) == "bad_parameter");
  CHECK(code_of(repository_world.ask("GET", "/api/v1/fields-at?position=200,1"))
        == "bad_parameter");
  CHECK(code_of(repository_world.ask("GET", "/api/v1/fields-at?position=8.4")) == "bad_parameter");
  CHECK(code_of(repository_world.ask("PATCH", "/api/v1/equipment/T1", R"({"kind":"tank"})"))
        == "invalid_value");
  CHECK(code_of(repository_world.ask("PATCH", "/api/v1/equipment/T1", R"({"iso_name":"1"})"))
        == "bad_member");
  // Without a store that keeps them.
  repository_world.node.database.kept = nullptr;
  http_front bare{repository_world.node};
  raw_client client{bare.at()};
  CHECK(client.get("/api/v1/fields").status == 501);
}

TEST_CASE("http fields: the token determines rights and farm") {
  const auto entry = [](const char* token, const char* farm, const std::string& rest) {
    return "[[token]]\nsha256 = \"" + daemon::hash_of_token(token) + "\"\nfarm = \"" + farm + "\"\n"
           + rest + "\n";
  };
  repository_world repository_world{
    entry("v", "default", "role = \"viewer\"") + entry("o", "default", "role = \"operator\"")
    + entry("h", "hill", "role = \"admin\"")
    + entry("t", "default", "role = \"operator\"\nequipment = [\"T1\"]")
    + entry("a", "default", "role = \"admin\"")};
  const auto as = [](const char* token) {
    return std::string{"Authorization: Bearer "} + token + "\r\n";
  };
  CHECK(repository_world.ask("POST", "/api/v1/fields", field_body("F"), as("o")).status == 200);
  CHECK(repository_world.ask("GET", "/api/v1/fields/F", "", as("v")).status == 200);
  CHECK(repository_world.ask("PATCH", "/api/v1/fields/F", R"({"crop":""})", as("t")).status == 403);
  CHECK(repository_world.ask("GET", "/api/v1/fields/F", "", as("h")).status == 404);
  CHECK(repository_world.ask("DELETE", "/api/v1/fields/F", "", as("h")).status == 404);
  CHECK(
    repository_world.ask("PATCH", "/api/v1/equipment/T1", R"({"kind":"tractor"})", as("t")).status
    == 200);
  CHECK(
    repository_world.ask("PATCH", "/api/v1/equipment/T2", R"({"kind":"tractor"})", as("t")).status
    == 403);
  const auto client_of_viewer =
    repository_world.ask("PATCH", "/api/v1/fields/F", R"({"crop":""})", as("v"));
  CHECK(client_of_viewer.status == 403);
  // What was changed is in the audit log, once, with the address of the client.
  raw_client admin{repository_world.front->at()}; // the refusal has ended the other connection
  const auto noted = admin.get("/api/v1/audit", as("a"));
  REQUIRE(noted.status == 200);
  const auto rows = json::parse(noted.body)["audit"];
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["action"] == "equipment add");
  CHECK(rows[0]["object"] == "default/T1");
  CHECK(rows[0]["after"]["kind"] == "tractor");
  CHECK(rows[1]["action"] == "field add");
  CHECK(rows[1]["from"] == "127.0.0.1");
  CHECK(rows[1]["who"].get<std::string>().starts_with("token file "));
}

TEST_CASE("furrow field: creates a field from a file, changes, shows and removes it") {
  repository_world repository_world;
  const auto file = repository_world.file(
    R"({"type":"Feature","properties":{"name":"Upper","crop":"rye"},"geometry":)" + square + "}");
  CHECK(repository_world.furrow({"field", "add", file, "--season", "2026"}).exit_code == 0);
  auto shown = repository_world.furrow({"field", "show", "Upper", "-o", "json"});
  CHECK(json::parse(shown.out)["season"] == "2026");
  CHECK(json::parse(shown.out)["crop"] == "rye");
  CHECK(repository_world.furrow({"field", "list"}).out.find("2.4") != std::string::npos);
  CHECK(repository_world
          .furrow({"field", "update", "Upper", "--crop", "maize", "--attribute", "slope=3 %"})
          .exit_code
        == 0);
  shown = repository_world.furrow({"field", "list", "--at-position", "8.401,49.001", "-o", "json"});
  CHECK(json::parse(shown.out)[0]["attributes"]["slope"] == "3 %");
  const auto late =
    repository_world.furrow({"field", "update", "Upper", "--crop", "x", "--version", "1"});
  CHECK(late.exit_code == 1);
  CHECK(
    late.errors
    == "furrow: field \"Upper\" has version 2 now: read it again (another change came first)\n");
  CHECK(repository_world.furrow({"field", "remove", "Upper"}).exit_code == 0);
  CHECK(repository_world.furrow({"field", "show", "Upper"}).exit_code == 4);
  CHECK(repository_world.furrow({"field", "add", repository_world.file("{")}).exit_code == 1);
  CHECK(repository_world.furrow({"field", "add", repository_world.file(square)}).exit_code
        == 2); // no name
}

TEST_CASE("furrow equipment set: changes the record of a machine and shows it") {
  repository_world repository_world;
  const auto set = repository_world.furrow({"equipment", "set", "T1", "--kind", "tractor",
                                            "--maker", "Fendt", "--address", "28", "-o", "json"});
  CHECK(set.exit_code == 0);
  CHECK(json::parse(set.out)["kind"] == "tractor");
  CHECK(json::parse(set.out)["address"] == 28);
  const auto bad = repository_world.furrow({"equipment", "set", "T1", "--kind", "tank"});
  CHECK(bad.exit_code == 1);
  CHECK(bad.errors.find("kind is \"tank\", but it is one of unknown, tractor")
        != std::string::npos);
  CHECK(json::parse(repository_world.furrow({"equipment", "set", "T1", "-o", "json"}).out)["maker"]
        == "Fendt");
}

TEST_CASE("http farm: has UTC until a time zone is given that the database knows") {
  const auto entry = [](const char* token, const std::string& rest) {
    return "[[token]]\nsha256 = \"" + daemon::hash_of_token(token) + "\"\n" + rest + "\n";
  };
  repository_world repository_world{entry("o", "role = \"operator\"")
                                    + entry("v", "role = \"viewer\"")
                                    + entry("one", "role = \"operator\"\nequipment = [\"T1\"]")
                                    + entry("hill", "role = \"admin\"\nfarm = \"hill\"")};
  const auto ask = [&](const std::string& token, const std::string& body = {}) {
    // A refused request with a body ends its connection.
    repository_world.client.emplace(repository_world.front->at());
    return repository_world.ask(body.empty() ? "GET" : "PATCH", "/api/v1/farm", body,
                                "Authorization: Bearer " + token + "\r\n");
  };
  auto shown = ask("v");
  REQUIRE(shown.status == 200);
  CHECK(json::parse(shown.body)["name"] == "default");
  CHECK(json::parse(shown.body)["time_zone"] == "UTC");
  CHECK(ask("v", R"({"time_zone":"Europe/Berlin"})").status == 403);
  CHECK(ask("one", R"({"time_zone":"Europe/Berlin"})").status == 403);
  shown = ask("o", R"({"time_zone":"Europe/Berlin","title":"Hof"})");
  REQUIRE(shown.status == 200);
  CHECK(json::parse(shown.body)["time_zone"] == "Europe/Berlin");
  CHECK(ask("o", shown.body).status == 200); // what was read can be sent back
  const auto wrong = ask("o", R"({"time_zone":"Europe/Berln"})");
  CHECK(wrong.status == 400);
  CHECK(
    json::parse(wrong.body)["error"]["message"]
    == "farm \"default\": time_zone is \"Europe/Berln\", but it is a name of the IANA time zone "
       "database, such as Europe/Berlin");
  CHECK(ask("o", R"({"time_zone":1})").status == 400);
  CHECK(ask("o", R"({"name":"hill"})").status == 400);
  CHECK(ask("o", R"({"crop":"wheat"})").status == 400);
  CHECK(ask("o", R"({"title":"late","version":1})").status == 409);
  CHECK(json::parse(ask("hill").body)["time_zone"] == "UTC");
  CHECK(json::parse(ask("one").body)["title"] == "Hof");
}

TEST_CASE("furrow farm: shows the farm and changes its time zone") {
  repository_world repository_world;
  const auto set =
    repository_world.furrow({"farm", "update", "--time-zone", "Asia/Kolkata", "-o", "json"});
  CHECK(set.exit_code == 0);
  CHECK(json::parse(set.out)["time_zone"] == "Asia/Kolkata");
  CHECK(repository_world.furrow({"farm", "show"}).out.find("Asia/Kolkata") != std::string::npos);
  const auto wrong = repository_world.furrow({"farm", "update", "--time-zone", "Mars/Crater"});
  CHECK(wrong.exit_code == 1);
  CHECK(wrong.errors.find("time_zone is \"Mars/Crater\"") != std::string::npos);
}
