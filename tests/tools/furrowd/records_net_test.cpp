// Records and the quarantine over HTTP and by the real `furrow`, on a fake node.
#include "tests/support/http_front.hpp"
#include "tests/support/program.hpp"
#include "tests/tools/furrowd/http/tokens.hpp"
#include "tools/furrowd/access/tokens.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::json;

namespace {

constexpr std::int64_t start_us = 1'777'617'000'000'000;

void furnish_records(fake_node& node, std::size_t count) {
  furnish(node);
  for (std::size_t i = 0; i < count; ++i) {
    can::record_values values(9);
    values[0] = 7.25;
    values[2] = 9.0;
    values[3] = 1.5;
    values[7] = std::string{"wheat"};
    node.database.record_rows.push_back(
      {start_us + static_cast<std::int64_t>(i) * 1'000'000, 3, i + 1, values});
  }
  const auto kind = can::record_kind_yield;
  node.database.quarantined = {{"default", "T1", {3, 17}, start_us, kind, "yield: bad", 2, "{}"},
                               {"default", "T2", {4, 1}, {}, {}, "no frame", 2, "\x01\xAB"},
                               {"hill", "H1", {9, 1}, start_us, 77, "no", 2, "{}"}};
}

struct record_world {
  explicit record_world(std::size_t count = 3, http::http_config config = {})
    : front{(furnish_records(node, count), node), std::move(config)} {}

  template <class... Words>
  program_result operator()(Words... words) {
    return run_program({FURROW_BIN_DIR "/furrow", words...}, {{{"FURROW_AT", front.url()}}});
  }
  json get(const std::string& path, int status = 200) {
    const auto answer = client.get(path);
    CHECK_MESSAGE(answer.status == status, path << ": " << answer.body);
    return json::parse(answer.body);
  }
  fake_node node;
  http_front front;
  raw_client client{front.at()};
};

http::http_config record_tokens() {
  return with_tokens({{"viewer", "role = \"viewer\""},
                      {"operator", "role = \"operator\""},
                      {"admin", "role = \"admin\""},
                      {"t2", "role = \"admin\"\nequipment = [\"T2\"]"},
                      {"hill", "role = \"admin\"\nfarm = \"hill\""}});
}

} // namespace

TEST_CASE("http records: fields of the kind by name, absent ones null, page by page") {
  record_world w{25};
  const std::string path = "/api/v1/records?equipment=T1&kind=yield";
  const auto page = w.get(path + "&limit=10");
  CHECK(page["kind"] == "yield");
  REQUIRE(page["records"].size() == 10);
  CHECK(page["records"][0]
        == json{{"time", "2026-05-01T06:30:00.000000Z"},
                {"mass_flow_kgps", 7.25},
                {"moisture_pct", nullptr},
                {"width_m", 9.0},
                {"speed_mps", 1.5},
                {"latitude_deg", nullptr},
                {"longitude_deg", nullptr},
                {"altitude_m", nullptr},
                {"crop", "wheat"},
                {"quality", nullptr},
                {"stream", 3},
                {"seq", 1}});
  std::uint64_t rows = 0;
  std::string after;
  for (int pages = 0; pages < 5; ++pages) {
    const auto now = w.get(path + "&limit=10" + after);
    rows += now["records"].size();
    if (now["next"].is_null())
      break;
    after = "&after=" + now["next"].get<std::string>();
  }
  CHECK(rows == 25);
  CHECK(w.get(path + "&from=2026-05-01T06:30:03Z&to=2026-05-01T06:30:04Z")["records"].size() == 2);
  CHECK(w.get("/api/v1/records?equipment=T1&kind=77")["kind"] == "77");
  for (const auto* wrong :
       {"?equipment=T1", "?kind=yield", "?equipment=T1&kind=harvest", "?equipment=T1&kind=40000",
        "?equipment=T1&kind=yield&limit=0", "?equipment=T1&kind=yield&limit=10001",
        "?equipment=T1&kind=yield&after=1.2", "?equipment=T1&kind=yield&from=x",
        "?equipment=T1&kind=yield&limit=x"})
    w.get(std::string{"/api/v1/records"} + wrong, 400);
  w.get("/api/v1/records?equipment=H1&kind=yield", 404); // another farm's
  w.node.database.away = true;
  w.get(path, 503);
}

TEST_CASE("http quarantine: items are listed, shown, retried and dropped within the farm") {
  record_world w;
  const auto list = w.get("/api/v1/quarantine")["quarantine"];
  REQUIRE(list.size() == 2);
  CHECK(list[0]["id"] == "3:17");
  CHECK(list[0]["kind"] == "yield");
  CHECK(list[1]["time"].is_null());
  CHECK(w.get("/api/v1/quarantine?equipment=T2")["quarantine"].size() == 1);
  CHECK(w.get("/api/v1/quarantine?limit=1")["next"] == "3:17");
  CHECK(w.get("/api/v1/quarantine/3:17")["body"] == "{}");
  CHECK(w.get("/api/v1/quarantine/4:1")["bytes"] == "01AB");
  w.get("/api/v1/quarantine/9:1", 404);
  w.get("/api/v1/quarantine/3", 400);
  w.node.database.retry_refusal = "yield: still bad";
  const auto kept = json::parse(w.client.post("/api/v1/quarantine/3:17/retry").body);
  CHECK(kept == json{{"id", "3:17"}, {"stored", false}, {"reason", "yield: still bad"}});
  w.node.database.retry_refusal = "";
  const auto stored = json::parse(w.client.post("/api/v1/quarantine/3:17/retry").body);
  CHECK(stored == json{{"id", "3:17"}, {"stored", true}, {"reason", nullptr}});
  CHECK(w.client.post("/api/v1/quarantine/3:17/retry").status == 404);
  CHECK(w.client.post("/api/v1/quarantine/4:1/drop").status == 200);
  CHECK(w.client.post("/api/v1/quarantine/9:1/drop").status == 404);
  CHECK(w.node.database.quarantined.size() == 1);
}

TEST_CASE("http quarantine: roles and machines of a token are enforced") {
  record_world w{3, record_tokens()};
  const auto get = [&](const char* token, const std::string& path) {
    return w.client.get(path, bearer(token)).status;
  };
  const auto post = [&](const char* token, const std::string& path) {
    return w.client.post(path, bearer(token)).status;
  };
  const std::string t1 = "/api/v1/quarantine/3:17";
  CHECK(get("viewer", t1) == 200);
  CHECK(post("viewer", t1 + "/retry") == 403);
  CHECK(post("operator", t1 + "/drop") == 403);
  CHECK(get("t2", t1) == 403);
  CHECK(post("t2", t1 + "/retry") == 403);
  CHECK(post("t2", t1 + "/drop") == 403);
  CHECK(get("hill", t1) == 404);
  CHECK(post("hill", t1 + "/drop") == 404);
  CHECK(get("t2", "/api/v1/quarantine?equipment=T1") == 403);
  CHECK(get("t2", "/api/v1/records?equipment=T1&kind=yield") == 403);
  const auto mine = json::parse(w.client.get("/api/v1/quarantine", bearer("t2")).body);
  REQUIRE(mine["quarantine"].size() == 1);
  CHECK(mine["quarantine"][0]["id"] == "4:1");
  CHECK(w.node.database.quarantined.size() == 3); // nothing of all that did anything
  CHECK(post("operator", t1 + "/retry") == 200);
  CHECK(post("admin", "/api/v1/quarantine/4:1/drop") == 200);
}

TEST_CASE("furrow records: JSON, JSON lines and a table, up to the requested number") {
  record_world furrow{12'000};
  const auto some = furrow("records", "T1", "--kind", "yield", "-o", "json");
  CHECK(some.exit_code == 0);
  CHECK(json::parse(some.out).size() == 1'000);
  const auto all = furrow("records", "T1", "--kind", "yield", "--limit", "0", "-o", "jsonl");
  CHECK(std::count(all.out.begin(), all.out.end(), '\n') == 12'000);
  const auto table = furrow("records", "T1", "--kind", "yield", "--limit", "2").out;
  CHECK(table.starts_with("TIME"));
  CHECK(table.find("MASS FLOW KGPS") != std::string::npos);
  CHECK(std::count(table.begin(), table.end(), '\n') == 3);
  CHECK(furrow("records", "T1", "--kind", "harvest").exit_code == 2);
  CHECK(furrow("records", "T1", "--kind", "sensor", "--from", "someday").exit_code == 2);
  CHECK(furrow("frames", "T1", "--from", "x").exit_code == 2);
  CHECK(furrow("records", "T1", "--kind", "5").out == ""); // no rows, and no blank line
  CHECK(furrow("records", "T9", "--kind", "yield").exit_code == 4);
  CHECK(furrow("records", "T1").exit_code == 2);
}

TEST_CASE(
  "furrow quarantine: list, show, retry and drop, and the exit code tells when items remain") {
  record_world furrow;
  const auto list = furrow("quarantine", "list").out;
  CHECK(list.find("3:17  T1") != std::string::npos);
  CHECK(list.find("yield: bad") != std::string::npos);
  CHECK(furrow("quarantine", "list", "T2").out.find("3:17") == std::string::npos);
  CHECK(json::parse(furrow("quarantine", "show", "3:17", "-o", "json").out)["body"] == "{}");
  CHECK(furrow("quarantine", "show", "3:18").exit_code == 4);
  furrow.node.database.retry_refusal = "still bad";
  const auto kept = furrow("quarantine", "retry", "3:17");
  CHECK(kept.exit_code == 1);
  CHECK(kept.out.find("still bad") != std::string::npos);
  furrow.node.database.retry_refusal = "";
  CHECK(furrow("quarantine", "retry").exit_code == 2);
  CHECK(furrow("quarantine", "retry", "--all", "--equipment", "T1").exit_code == 0);
  CHECK(furrow("quarantine", "drop", "4:1").exit_code == 0);
  CHECK(furrow.node.database.quarantined.size() == 1);
}

TEST_CASE("furrow ledger: items lost on a gateway's disk are shown, and the exit code is not 0") {
  record_world furrow;
  furrow.node.database.rows[1].lost = 0;
  CHECK(furrow("ledger").exit_code == 0);
  CHECK(furrow("ledger").out.find("LOST AT GATEWAY") == std::string::npos);
  furrow.node.database.rows[1].lost_at_gateway = 7;
  const auto shown = furrow("ledger");
  CHECK(shown.exit_code == 1);
  CHECK(shown.out.find("LOST AT GATEWAY") != std::string::npos);
}
