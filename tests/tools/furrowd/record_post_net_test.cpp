/// Records that programs post over HTTP, on a real SQLite store: stored once, durable when answered, a result for each.
#include "storage/store.hpp"
#include "tests/support/http_front.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/tools/furrowd/http/tokens.hpp"
#include "tools/furrowd/api/bodies/json_slices.hpp"

#include <doctest/doctest.h>

#include <future>
#include <memory>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::json;

namespace {

/// A node whose records are those of a store on disk.
class stored_node final : public fake_node {
public:
  stored_node() {
    storage::store_options options;
    options.url = "sqlite:" + folder_.file("records.db");
    auto opened = storage::open_store(options);
    REQUIRE(opened);
    store_ = std::move(*opened);
    std::promise<bool> migrated;
    store_->migrate([&](const auto& outcome) { migrated.set_value(bool(outcome)); });
    REQUIRE(migrated.get_future().get());
    store = store_.get();
  }

private:
  scratch_folder folder_;
  std::unique_ptr<storage::store> store_;
};

struct post_world {
  explicit post_world(http::http_config config = {}) : front{node, std::move(config)} {}

  json post(const std::string& query,
            const std::string& body,
            int status = 200,
            const std::string& more = "") {
    const auto answer = client.post("/api/v1/records?" + query, more, body);
    CHECK_MESSAGE(answer.status == status, body.substr(0, 200) << ": " << answer.body);
    return json::parse(answer.body);
  }
  json get(const std::string& query) {
    const auto answer = client.get("/api/v1/records?" + query);
    CHECK_MESSAGE(answer.status == 200, answer.body);
    return json::parse(answer.body)["records"];
  }

  stored_node node;
  http_front front;
  raw_client client{front.at()};
};

const std::string sample =
  R"({"kind":"yield","time":"2026-05-01T06:30:00Z","mass_flow_kgps":7.25,"width_m":6,"speed_mps":2})";
const std::string key = "Idempotency-Key: day 1\r\n";

} // namespace

TEST_CASE("record post: one record is stored and read back") {
  post_world w;
  const auto said = w.post("equipment=C1", sample);
  CHECK(said["stored"] == 1);
  CHECK(said["refused"] == 0);
  CHECK(said["records"] == json::parse(R"([{"stored":true,"reason":null}])"));
  const auto rows = w.get("equipment=C1&kind=yield");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0]["time"] == "2026-05-01T06:30:00.000000Z");
  CHECK(rows[0]["mass_flow_kgps"] == 7.25);
}

TEST_CASE("record post: thousands at once, each with its result, in the order of the request") {
  post_world w;
  std::string body = "[";
  constexpr std::size_t count = 4'096;
  for (std::size_t i = 0; i < count; ++i) {
    const auto flow = i % 1'000 == 7 ? "999" : "1"; // more than 200 is refused
    body.append(i == 0 ? "" : ",")
      .append(R"({"time":)")
      .append(std::to_string(1'777'617'000 + i))
      .append(R"(,"mass_flow_kgps":)")
      .append(flow)
      .append(R"(,"width_m":6,"speed_mps":2})");
  }
  const auto said = w.post("equipment=C1&kind=yield", body + "]");
  CHECK(said["stored"] == count - 5);
  CHECK(said["refused"] == 5);
  REQUIRE(said["records"].size() == count);
  CHECK(said["records"][7]["reason"].get<std::string>().find("mass_flow_kgps") == 0);
  CHECK(said["records"][8]["stored"] == true);
  std::size_t kept = 0;
  for (std::string after; after != "null";) {
    const auto page =
      json::parse(w.client.get("/api/v1/records?equipment=C1&kind=yield&limit=1000" + after).body);
    kept += page["records"].size();
    after = page["next"].is_null() ? "null" : "&after=" + page["next"].get<std::string>();
  }
  CHECK(kept == count - 5);
}

TEST_CASE("record post: the same key stores once, and is answered alike") {
  post_world w;
  const auto body = "[" + sample + R"(,{"kind":"yield"},{"kind":"tokens","time":1,"agent":"a"}])";
  const auto first = w.post("equipment=C1", body, 200, key);
  CHECK(first["key"] == "day 1");
  CHECK(first["repeated"] == false);
  CHECK(first["stored"] == 1);
  CHECK(first["records"][1]["reason"] == "time is missing");
  auto again = w.post("equipment=C1", body, 200, key);
  CHECK(again["repeated"] == true);
  again["repeated"] = false;
  CHECK(again == first);
  CHECK(w.get("equipment=C1&kind=yield").size() == 1);
  CHECK(w.post("equipment=C2", sample, 200, key)["repeated"] == false); // keys belong to a machine
}

TEST_CASE("record post: a key that was used for other records is refused, and nothing is stored") {
  post_world w;
  w.post("equipment=C1", sample, 200, key);
  auto other = sample;
  other.replace(other.find("7.25"), 4, "7.26");
  const auto refused = [&](const std::string& query, const std::string& body) {
    const auto said = w.post(query, body, 422, key);
    CHECK(said["error"]["code"] == "key_reused");
    CHECK(said["error"]["message"] == "the key \"day 1\" was used for other records of \"C1\"");
  };
  refused("equipment=C1", other);
  refused("equipment=C1", "[" + sample + "," + sample + "]");
  refused("equipment=C1&kind=tokens", sample);
  CHECK(w.get("equipment=C1&kind=yield").size() == 1);
  CHECK(w.post("equipment=C1", sample, 200, key)["repeated"] == true);
}

TEST_CASE("record post: kinds by number or name, and a body of one's own as it was written") {
  post_world w;
  w.post("equipment=C1", R"({"kind":16386,"time":1,"mass_flow_kgps":1,"width_m":6,"speed_mps":2})");
  w.post("equipment=C1&kind=16386", R"({"time":2.5,"mass_flow_kgps":1,"width_m":6,"speed_mps":2})");
  CHECK(w.get("equipment=C1&kind=yield").size() == 2);
  const std::string own = R"({"a":[1,{"b":123456789012345678901234567890}],"c":1e400})";
  w.post("equipment=C1", R"({"kind":77,"time":3,"body":)" + own + "}");
  w.post("equipment=C1&kind=77", R"([{"time":4,"body":{"x": "\u00e4"}},{"time":5,"body":{}}])");
  const auto rows = w.get("equipment=C1&kind=77");
  REQUIRE(rows.size() == 3);
  CHECK(rows[0]["body"] == own);
  CHECK(rows[0]["body_encoding"] == "text");
  CHECK(rows[1]["body"] == json{{"x", "\u00e4"}});
  CHECK(rows[1]["body_encoding"] == "json");
}

TEST_CASE("record post: what is wrong is named, and nothing is stored of it") {
  post_world w;
  const auto why = [&](const std::string& body, const std::string& query = "equipment=C1") {
    return w.post(query, body, 400)["error"]["message"].get<std::string>();
  };
  CHECK(why("") == "the body is not valid JSON");
  CHECK(why("[") == "the body is not valid JSON");
  CHECK(why("{\"a\":01}") == "the body is not valid JSON");
  CHECK(why("{\"a\":\"\xFF\"}") == "the body is not valid JSON");
  CHECK(why("[]") == "the body has 0 records");
  CHECK(why("7") == "a record is a JSON object");
  CHECK(why("{}").starts_with("kind is missing"));
  CHECK(why(R"({"kind":"boss","time":1})").starts_with("unknown kind"));
  CHECK(why(R"({"kind":"yield"})") == "time is missing");
  CHECK(why(R"({"kind":"yield","time":"yesterday"})").starts_with("invalid time"));
  CHECK(why(R"({"kind":"yield","time":1,"width":1})").find("width") != std::string::npos);
  CHECK(why(R"({"kind":77,"time":1})").find("needs a body") != std::string::npos);
  CHECK(why(R"({"kind":77,"time":1,"body":[]})").find("needs a body") != std::string::npos);
  CHECK(why(R"({"kind":77,"time":1,"body":{},"a":1})").find("\"a\"") != std::string::npos);
  CHECK(why(R"({"kind":32767,"time":1,"body":{}})").find("32767") != std::string::npos);
  CHECK(why(sample, "kind=yield").starts_with("the parameter equipment"));
  CHECK(why(sample, "equipment=a%2Fb").starts_with("the parameter equipment"));
  w.post("equipment=C1", sample); // the machine exists from now on
  CHECK(w.get("equipment=C1&kind=yield").size() == 1);
}

TEST_CASE("record post: a token posts for its own machines, if it may send") {
  post_world w{with_tokens({{"g", "role = \"gateway\"\nequipment = [\"C1\"]"},
                            {"v", "role = \"viewer\""},
                            {"o", "role = \"operator\""},
                            {"r", "role = \"relay\"\nfarm = \"north\""},
                            {"n", "role = \"admin\"\nfarm = \"*\""}})};
  const auto rows_of = [&](const std::string& farm, const std::string& machine) {
    std::promise<std::size_t> found;
    w.node.store->records()->read_records(
      {farm, machine, can::record_kind_yield, {}, {}, 10}, {},
      [&](const auto& page) { found.set_value(page ? page->rows.size() : 0); });
    return found.get_future().get();
  };
  const auto status = [&](const char* token, const std::string& equipment) {
    // A rejected request ends its connection, because its body is not read.
    return raw_client{w.front.at()}
      .post("/api/v1/records?equipment=" + equipment, bearer(token), sample)
      .status;
  };
  CHECK(status("r", "C1&farm=south") == 403); // a site sends for its own farm, and for nothing else
  CHECK(status("r", "C9") == 200);
  CHECK(rows_of("north", "C9") == 1);
  CHECK(rows_of("default", "C9") == 0);
  CHECK(status("g", "C1") == 200);
  CHECK(status("g", "C2") == 403);
  CHECK(status("v", "C1") == 403);
  CHECK(status("o", "C1") == 403);
  CHECK(status("n", "C1") == 403);
}

TEST_CASE("json slices: parts are cut out as they stand") {
  using namespace furrow::http;
  CHECK(*elements_of(" [ 1e400 , {\"a\":[1,2]},\"x,]\\\"\" ] ")
        == std::vector<std::string_view>{"1e400", "{\"a\":[1,2]}", "\"x,]\\\"\""});
  CHECK(elements_of("[]")->empty());
  CHECK_FALSE(elements_of("{}"));
  const auto members = *members_of(R"({ "a\"b" : {"c":"}"} , "d":-0.5e+3})");
  REQUIRE(members.size() == 2);
  CHECK(members[0].first == "a\"b");
  CHECK(members[0].second == R"({"c":"}"})");
  CHECK(members[1].second == "-0.5e+3");
  for (const char* good : {"0", "-1.5E+10", "1e999", "[123456789012345678901234567890]", "\"1-\""})
    CHECK_MESSAGE(is_json(good), good);
  for (const char* bad : {"", "01", "1.", ".5", "+1", "1e", "--1", "1-1", "NaN", "[1,]",
                          "{\"a\" 1}", "\"", "[\"\\\"]", "1 2", "tru", "-"})
    CHECK_MESSAGE(!is_json(bad), bad);
}
