/// Lists over HTTP, sorted and in pages.
#include "tests/support/http_front.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::json;

namespace {

struct lists_world {
  lists_world() : front{(furnish(node), furnish_fleet(), node)} {}

  /// M00 to M24 beside T1, which is live, and T2. Each third has never been heard.
  int furnish_fleet() {
    for (int i = 0; i < 25; ++i) {
      storage::equipment_row row{
        "default", (i < 10 ? "M0" : "M") + std::to_string(i), std::nullopt, 1, 7, std::nullopt};
      if (i % 3 != 0)
        row.last_frame_us = 1'588'310'400'000'000 + (i * 7 % 25) * std::int64_t{1'000'000};
      node.database.equipment.push_back(row);
    }
    return 0;
  }
  json get(const std::string& target) {
    const auto answer = client.get(target);
    REQUIRE_MESSAGE(answer.status == 200, target << ": " << answer.body);
    return json::parse(answer.body);
  }
  std::vector<std::string> names(const std::string& query) {
    std::vector<std::string> out;
    const auto body = get("/api/v1/equipment" + query);
    for (const auto& row : body["equipment"])
      out.push_back(row["name"]);
    return out;
  }
  /// All pages, one after the other.
  std::vector<std::string> paged(const std::string& sort, std::size_t limit) {
    std::vector<std::string> out;
    std::string after;
    for (int page = 0; page < 40; ++page) {
      const auto body =
        get("/api/v1/equipment?sort=" + sort + "&limit=" + std::to_string(limit) + after);
      CHECK(body["equipment"].size() <= limit);
      for (const auto& row : body["equipment"])
        out.push_back(row["name"]);
      if (body["next"].is_null())
        return out;
      after = "&after=";
      for (const char c : body["next"].get<std::string>()) {
        constexpr const char* hex = "0123456789ABCDEF";
        after += std::string{"%"} + hex[static_cast<unsigned char>(c) >> 4U]
                 + hex[static_cast<unsigned char>(c) & 15U];
      }
    }
    FAIL("the pages have no end");
    return out;
  }
  fake_node node;
  http_front front;
  raw_client client{front.at()};
};

} // namespace

TEST_CASE("lists: machines stay as they were without parameters, and have no pages") {
  lists_world w;
  const auto whole = w.get("/api/v1/equipment");
  CHECK(whole["equipment"].size() == 27);
  CHECK_FALSE(whole.contains("next"));
  CHECK(w.get("/api/v1/equipment?limit=27")["next"].is_null());
  CHECK(w.names("?limit=2") == std::vector<std::string>{"M00", "M01"});
  // A row of a page has all members, as a row of the whole list.
  const auto page = w.get("/api/v1/equipment?sort=-name&limit=2")["equipment"];
  for (std::size_t i = 0; i < page.size(); ++i) {
    const auto& row = whole["equipment"][26 - i];
    CHECK(page[i]["name"] == row["name"]);
    CHECK(page[i].size() == row.size());
    for (const auto* member : {"last_frame", "connected", "node", "stored_durable_seq"})
      CHECK_MESSAGE(page[i][member] == row[member], member);
    CHECK(page[i]["state"].size() == row["state"].size()); // its ages differ
  }
}

TEST_CASE("lists: a machine of a site is marked also while its line is away, with the time of its "
          "newest frame") {
  lists_world w;
  for (auto& row : w.node.database.equipment)
    row.relayed = row.name == "M00" || row.name == "M01"; // M00 has never been heard
  const auto list = w.get("/api/v1/equipment");
  for (const auto& one : list["equipment"]) {
    CHECK(one["relayed"] == (one["name"] == "M00" || one["name"] == "M01"));
    CHECK(one["as_of"] == (one["name"] == "M01" ? one["last_frame"] : json(nullptr)));
  }
  const auto one = w.get("/api/v1/equipment/M01");
  CHECK(one["connected"] == false);
  CHECK(one["relayed"] == true);
  CHECK(one["as_of"] == "2020-05-01T05:20:07.000000Z");
}

TEST_CASE("lists: machines sort by their members, the absent ones last in both orders") {
  lists_world w;
  auto names = w.names("");
  CHECK(std::is_sorted(names.begin(), names.end()));
  std::reverse(names.begin(), names.end());
  CHECK(w.names("?sort=-name") == names);
  CHECK(w.names("?sort=-connected&limit=1") == std::vector<std::string>{"T1"});
  for (const std::string sort : {"last_frame", "-last_frame"}) {
    const json rows = w.get("/api/v1/equipment?sort=" + sort)["equipment"];
    REQUIRE(rows.size() == 27);
    for (std::size_t i = 1; i < rows.size(); ++i) {
      const auto& one = rows[i - 1]["last_frame"];
      const auto& next = rows[i]["last_frame"];
      if (next.is_null())
        CHECK((!one.is_null() || rows[i - 1]["name"] < rows[i]["name"]));
      else
        CHECK((sort[0] == '-' ? next <= one : one <= next));
    }
    CHECK(rows.back()["last_frame"].is_null());
  }
}

TEST_CASE("lists: pages of machines have each machine once, in the order of the whole list") {
  lists_world w;
  for (const std::string sort :
       {"name", "-name", "last_frame", "-last_frame", "fault_count", "-connected"})
    for (const std::size_t limit : {1, 4, 9, 27, 100})
      CHECK_MESSAGE(w.paged(sort, limit) == w.names("?sort=" + sort), sort << " " << limit);
}

TEST_CASE("lists: pages by every key are the whole list in this order, row by row") {
  lists_world w;
  // Some of them are live, with numbers that differ and numbers that do not.
  for (std::size_t i = 0; i < 12; ++i) {
    auto live = w.node.live.front();
    live.equipment = "M" + std::to_string(10 + i);
    live.connected = i % 3 != 0;
    live.received_seq = i * 7 % 12;
    live.durable_seq = i / 2;
    live.sent_seq = 9'007'199'254'740'993U + i; // beyond what a double holds
    live.frames = i * 5 % 12;
    live.ecus = i % 4;
    live.faults_active = i % 2;
    w.node.live.push_back(live);
  }
  const json whole = w.get("/api/v1/equipment")["equipment"];
  for (const std::string key :
       {"name", "last_frame", "connected", "node", "fault_count", "ecu_count", "received_seq",
        "durable_seq", "sent_seq", "frames", "stored_durable_seq"})
    for (const std::string sign : {"", "-"}) {
      std::vector<json> rows(whole.begin(), whole.end());
      std::sort(rows.begin(), rows.end(), [&](const json& left, const json& right) {
        const auto& one = left[key];
        const auto& other = right[key];
        if (one.is_null() != other.is_null())
          return other.is_null();
        if (one != other)
          return sign.empty() ? one < other : other < one;
        return left["name"] < right["name"];
      });
      std::vector<std::string> names;
      for (const auto& row : rows)
        names.push_back(row["name"]);
      CAPTURE(sign + key);
      CHECK(w.names("?sort=" + sign + key) == names);
      for (const std::size_t limit : {1, 5, 26, 28})
        CHECK(w.paged(sign + key, limit) == names);
    }
}

TEST_CASE("lists: a wrong sort, limit or cursor is refused with what it can be") {
  lists_world w;
  const auto refused = [&](const std::string& target) {
    const auto answer = w.client.get(target);
    CHECK_MESSAGE(answer.status == 400, target);
    return answer.body;
  };
  for (const std::string list : {"/api/v1/equipment", "/api/v1/ledger"})
    for (const char* wrong : {"?limit=0", "?limit=10001", "?limit=x", "?after=x", "?after=%5B%5D",
                              "?sort=", "?sort=-", "?sort=colour"})
      refused(list + wrong);
  CHECK(refused("/api/v1/equipment?sort=colour").find("use one of name, ") != std::string::npos);
  // The cursor of another order: ["name","M00","M00"]
  refused("/api/v1/equipment?sort=-name&after=%5B%22name%22,%22M00%22,%22M00%22%5D");
  CHECK(w.names("?sort=name&after=%5B%22name%22,%22M00%22,%22M00%22%5D&limit=1")
        == std::vector<std::string>{"M01"});
}

TEST_CASE("lists: the ledger sorts by what is lost") {
  lists_world w;
  const auto rows = w.get("/api/v1/ledger?sort=-lost&limit=1");
  REQUIRE(rows["ledger"].size() == 1);
  CHECK(rows["ledger"][0]["equipment"] == "T2");
  CHECK(rows["next"].is_string());
  CHECK_FALSE(w.get("/api/v1/ledger").contains("next"));
  CHECK(w.get("/api/v1/ledger?equipment=T1&sort=lost")["next"].is_null());
}
