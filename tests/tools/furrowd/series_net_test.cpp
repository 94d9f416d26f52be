/// History in columns and tracks over HTTP, on a fake node: parameters, bodies, and who may see what.
#include "tests/support/http_front.hpp"
#include "tests/tools/furrowd/http/tokens.hpp"
#include "tools/furrowd/api/bodies/machine_json.hpp"
#include "tools/furrowd/api/history/range.hpp"
#include "tools/furrowd/api/history/simplify.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <optional>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::json;

namespace {

constexpr std::int64_t series_start_us = 1'777'617'000'000'000; // 2026-05-01T06:30:00Z
const std::string t1 = "/api/v1/equipment/T1/";
const std::string one_hour = "from=2026-05-01T06:30:00Z&to=2026-05-01T07:30:00Z";

struct series_world {
  explicit series_world(http::http_config config = {})
    : front{(furnish(node), node), std::move(config)} {
    auto& rows = node.database.series_rows;
    for (std::int64_t i = 0; i < 3; ++i)
      rows.time_us.push_back(series_start_us + i * 10'000'000);
    rows.modes = {"moving", "", "idle"};
    auto& points = node.database.signal_points;
    points.bucket_us = 60'000'000;
    points.time_us = {series_start_us};
    points.count = {600};
    points.min = {700};
    points.max = {1'500};
    points.mean = {1'000.25};
    points.last = {900};
  }
  json get(const std::string& target) {
    const auto answer = client.get(target);
    REQUIRE_MESSAGE(answer.status == 200, target << ": " << answer.body);
    return json::parse(answer.body);
  }
  /// The message of the error and its hint.
  std::string refused(const std::string& target) {
    const auto answer = client.get(target);
    REQUIRE_MESSAGE(answer.status == 400, target);
    const auto error = json::parse(answer.body)["error"];
    return error["message"].get<std::string>() + " | " + error["hint"].get<std::string>();
  }
  /// Positions on a straight line, a second apart, with a corner in the middle.
  void drive(std::size_t count, std::size_t gap_at) {
    auto& rows = node.database.series_rows;
    rows = {};
    rows.columns.resize(2);
    for (std::size_t i = 0; i < count; ++i) {
      const auto more = i >= gap_at ? 600 : 0;
      rows.time_us.push_back(series_start_us + (static_cast<std::int64_t>(i) + more) * 1'000'000);
      const auto along = static_cast<double>(i) * 1e-5;
      const auto half = static_cast<double>(count / 2) * 1e-5;
      rows.columns[0].push_back(along < half ? 48 + along : 48 + half);
      rows.columns[1].push_back(along < half ? 8 : 8 + along - half);
    }
  }

  fake_node node;
  http_front front;
  raw_client client{front.at()};
};

} // namespace

TEST_CASE("telemetry series: columns of the same length, by an interval or a number of points") {
  series_world w;
  const auto body =
    w.get(t1 + "telemetry/series?columns=engine_speed_rpm,mode&every=10s&limit=3&" + one_hour);
  CHECK(body["every_s"] == 10);
  CHECK(body["time_us"][0] == series_start_us);
  CHECK(body["columns"].size() == 2);
  CHECK(body["columns"]["mode"] == json::parse(R"(["moving",null,"idle"])"));
  CHECK(body["columns"]["engine_speed_rpm"] == json::parse("[1.5,1.5,1.5]"));
  CHECK(body["next"].is_null());
  const auto& wish = w.node.database.series_wish;
  CHECK(wish.every_us == 10'000'000);
  CHECK(wish.rows_max == 3);
  CHECK(wish.from_us == series_start_us);
  CHECK(wish.to_us == series_start_us + 3'600'000'000);

  w.get(t1 + "telemetry/series?points=100&" + one_hour);
  CHECK(wish.every_us == 37'000'000); // 3,600 s in 100 parts, in whole seconds
  CHECK(wish.columns.size() == 20);
  CHECK(wish.mode);
  CHECK(w.get(t1 + "telemetry/series?every=1s")["every_s"] == 1);
  CHECK(wish.every_us == 0);                                            // every row
  CHECK(wish.to_us - wish.from_us == std::int64_t{86'400} * 1'000'000); // the last day
  w.node.database.series_rows.next_us = series_start_us;
  CHECK(w.get(t1 + "telemetry/series")["next"] == "2026-05-01T06:30:00.000000Z");
  w.node.database.series_rows = {};
  CHECK(w.get(t1 + "telemetry/series?columns=mode")["columns"] == json{{"mode", json::array()}});
}

TEST_CASE("telemetry series: numbers are as short as a float, and absent ones null") {
  series_world w;
  auto& rows = w.node.database.series_rows;
  rows.columns = {{static_cast<double>(12.3F), std::numeric_limits<double>::quiet_NaN(), 1e9}};
  const auto answer = w.client.get(t1 + "telemetry/series?columns=fuel_rate_lph");
  CHECK(answer.body.find("[12.3,null,1000000000") != std::string::npos);
}

TEST_CASE("signal series: buckets or values, with the unit") {
  series_world w;
  const auto body = w.get(t1 + "signals/EEC1.engine_speed?points=600&" + one_hour);
  CHECK(body["signal"] == "EEC1.engine_speed");
  CHECK(body["unit"] == "rpm");
  CHECK(body["bucket_s"] == 60);
  CHECK(body["count"] == json{600});
  CHECK(body["mean"] == json{1'000.25});
  CHECK(body["value"].is_null());
  CHECK(w.node.database.signal_asked.points == 600);
  w.get(t1 + "signals/EEC1.engine_speed?every=90s&" + one_hour);
  CHECK(w.node.database.signal_asked.every_us == 90'000'000);
  CHECK(w.node.database.signal_asked.points == 0); // never single values
  auto& points = w.node.database.signal_points;
  points = {};
  points.time_us = {1, 2};
  points.last = {0.125, 3};
  const auto raw = w.get(t1 + "signals/EEC1.engine_speed");
  CHECK(raw["bucket_s"].is_null());
  CHECK(raw["value"] == json::parse("[0.125,3]"));
  for (const char* name : {"count", "min", "max", "mean", "last"})
    CHECK(raw[name].is_null());
  CHECK(w.client.get(t1 + "signals/no").status == 404);
  CHECK(w.client.get("/api/v1/equipment/no/signals/EEC1.engine_speed").status == 404);
  CHECK(w.client.get(t1 + "signals/" + std::string(300, 'x')).status == 404);
  w.node.database.away = true;
  CHECK(w.client.get(t1 + "signals/EEC1.engine_speed").status == 503);
}

// Symptom: ...613 came as 18446744073709552000.
TEST_CASE("signal series: raw values of whole numbers have all their digits") {
  series_world w;
  auto& points = w.node.database.signal_points;
  points = {};
  points.time_us = {1, 2, 3};
  points.last = {18446744073709551613.0, 5, -9223372036854775807.0};
  points.whole = {{0, {false, 18446744073709551613U}}, {2, {true, 9223372036854775807U}}};
  const auto answer = w.client.get(t1 + "signals/EEC1.engine_speed");
  CHECK(answer.body.find(R"("value":[18446744073709551613,5,-9223372036854775807],)")
        != std::string::npos);
}

TEST_CASE("live view: whole numbers of own signals have all their digits") {
  can::machine_report report;
  const auto add = [&](std::uint64_t raw, double number, std::optional<can::whole_number> whole) {
    report.own_signals.push_back(
      {"BIG.serial", "", "", {raw, number, 0, can::signal_state::value}, whole, 1});
  };
  add(18446744073709551613U, 18446744073709551613.0,
      can::whole_number{false, 18446744073709551613U});
  add(1ULL << 63U, -9223372036854775808.0, can::whole_number{true, 1ULL << 63U});
  add(3, 1.5, {});
  const auto own = http::to_json(report, 2).at("own_signals");
  CHECK(own[0]["value"].dump() == "18446744073709551613");
  CHECK(own[1]["value"].dump() == "-9223372036854775808");
  CHECK(own[2]["value"].dump() == "1.5");
}

TEST_CASE("series: days of a time zone are asked for by name, or as those of the farm") {
  series_world w;
  w.get(t1 + "telemetry/series?every=1d&zone=Europe/Berlin");
  CHECK(w.node.database.series_wish.zone == "Europe/Berlin");
  CHECK(w.node.database.series_wish.every_us == storage::day_length_us);
  w.get(t1 + "signals/EEC1.engine_speed?every=24h&zone=farm");
  CHECK(w.node.database.signal_asked.zone == "farm");
  w.get(t1 + "signals/EEC1.engine_speed?every=1d");
  CHECK(w.node.database.signal_asked.zone.empty());
  for (const std::string path : {"telemetry/series", "signals/EEC1.engine_speed"}) {
    for (const std::string days : {"", "every=2d&", "every=1h&", "points=2&"})
      CHECK(w.refused(t1 + path + "?" + days + "zone=farm").find("add every=1d")
            != std::string::npos);
    CHECK(w.refused(t1 + path + "?every=1d&zone=").find("zone=Europe/Berlin") != std::string::npos);
  }
}

TEST_CASE("series: an invalid parameter is named, with what it may be") {
  series_world w;
  const auto telemetry = t1 + "telemetry/series?";
  CHECK(
    w.refused(telemetry + "columns=nothing").find("columns=\"nothing\" | the columns are: mode,")
    != std::string::npos);
  CHECK(w.refused(telemetry + "columns=").find("the columns are") != std::string::npos);
  CHECK(w.refused(telemetry + "columns=mode,mode").find("each column once") != std::string::npos);
  for (const char* every : {"0s", "10", "s", "1.5s", "-1s", "367d", "99999999999999999999s", "1w"})
    CHECK(w.refused(telemetry + "every=" + every).find("write it as 10s") != std::string::npos);
  CHECK(w.refused(telemetry + "every=10s&points=10").find("exclude") != std::string::npos);
  const auto signal = t1 + "signals/EEC1.engine_speed?";
  CHECK(w.refused(signal + "every=10s&points=10").find("exclude") != std::string::npos);
  CHECK(w.refused(signal + "every=0s").find("write it as 10s") != std::string::npos);
  const std::string buckets = "every=1s&from=2026-05-01T06:30:00Z&to=2026-05-01T09:16:";
  CHECK(w.client.get(signal + buckets + "39.999999Z").status == 200); // 10,000 s
  CHECK(w.refused(signal + buckets + "40Z").find("more than 10000 buckets") != std::string::npos);
  for (const char* wrong : {"points=1", "points=20001", "points=x", "limit=0", "limit=20001"})
    CHECK(w.refused(telemetry + wrong).find("to 20000") != std::string::npos);
  CHECK(w.refused(t1 + "signals/EEC1.engine_speed?points=10001").find("2 to 10000")
        != std::string::npos);
  for (const std::string path : {"telemetry/series", "signals/EEC1.engine_speed", "track"}) {
    CHECK(w.refused(t1 + path + "?from=yesterday").find("from=\"yesterday\"") != std::string::npos);
    CHECK(w.refused(t1 + path + "?to=infinity").find("1970 to 2200") != std::string::npos);
    CHECK(w.refused(t1 + path + "?from=2026-05-02&to=2026-05-01").find("later than")
          != std::string::npos);
  }
  for (const char* wrong :
       {"tolerance_m=-1", "tolerance_m=x", "tolerance_m=nan", "tolerance_m=1e9"})
    CHECK(w.refused(t1 + "track?" + wrong).find("0 to 100000") != std::string::npos);
  CHECK(w.refused(t1 + "track?tolerance_m=1&points=9").find("exclude") != std::string::npos);
}

TEST_CASE("series: no data of another farm or of a machine that the token does not cover") {
  series_world w{with_tokens({{"v1", "role = \"viewer\"\nequipment = [\"T1\"]"},
                              {"h", "role = \"admin\"\nfarm = \"hill\""}})};
  w.node.database.series_rows = {};
  for (const std::string what : {"telemetry/series", "signals/EEC1.engine_speed", "track"}) {
    CAPTURE(what);
    CHECK(w.client.get(t1 + what).status == 401);
    CHECK(w.client.get(t1 + what, bearer("v1")).status == 200);
    CHECK(w.client.get("/api/v1/equipment/T2/" + what, bearer("v1")).status == 403);
    CHECK(w.client.get(t1 + what, bearer("h")).status == 404);
    CHECK(w.client.get(t1 + what + "?farm=default", bearer("h")).status == 403);
  }
}

TEST_CASE("track: a line for each stretch without a gap, simplified on request") {
  series_world w;
  w.drive(100, 100);
  const auto answer = w.client.get(t1 + "track");
  REQUIRE(answer.status == 200);
  CHECK(answer.headers.at("content-type") == "application/geo+json");
  const auto whole = json::parse(answer.body);
  REQUIRE(whole["features"].size() == 1);
  const auto& line = whole["features"][0];
  CHECK(line["geometry"]["type"] == "LineString");
  CHECK(line["geometry"]["coordinates"].size() == 100);
  CHECK(line["geometry"]["coordinates"][1] == json{8, 48.00001}); // longitude first
  CHECK(line["properties"]["equipment"] == "T1");
  CHECK(line["properties"]["from"] == "2026-05-01T06:30:00.000000Z");
  CHECK(line["properties"]["positions"] == 100);
  const auto points_of = [&](const std::string& query) {
    const auto body = w.get(t1 + "track?" + query);
    return body["features"][0]["geometry"]["coordinates"];
  };
  CHECK(points_of("tolerance_m=0.5") == json::parse("[[8,48],[8,48.0005],[8.00049,48.0005]]"));
  CHECK(points_of("points=3") == points_of("tolerance_m=0.5"));
  CHECK(points_of("points=2").size() == 2);
  CHECK(points_of("points=1000").size() == 100);

  w.drive(100, 99); // the last one stands alone after ten minutes
  w.node.database.series_rows.columns[0][40] = std::numeric_limits<double>::quiet_NaN();
  const auto two = w.get(t1 + "track?tolerance_m=0.5");
  REQUIRE(two["features"].size() == 2);
  CHECK(two["features"][0]["properties"]["positions"] == 98);
  CHECK(two["features"][1]["geometry"]["type"] == "Point");
  CHECK(two["features"][1]["geometry"]["coordinates"].size() == 2);

  w.node.database.series_rows = {};
  CHECK(w.get(t1 + "track")["features"].empty());
  // A season is thinned where it is stored.
  w.get(t1 + "track?from=2026-01-01&to=2026-04-11");
  CHECK(w.node.database.series_wish.every_us == 433'000'000);
}

TEST_CASE("track: no position that is left out is farther from the line than the tolerance") {
  std::vector<http::track_position> track;
  for (int i = 0; i < 5'000; ++i) // a spiral: each split is a bad one
    track.push_back({i, 48 + i * 1e-6 * std::sin(i * 0.02), 8 + i * 1e-6 * std::cos(i * 0.02)});
  const auto weights = http::track_weights(track);
  REQUIRE(weights.size() == track.size());
  CHECK(std::isinf(weights.front()));
  CHECK(std::isinf(weights.back()));
  std::size_t kept = 0;
  for (const auto weight : weights)
    kept += weight >= 1 ? 1 : 0;
  CHECK(kept > 20);
  CHECK(kept < 2'000);
  // Positions that all lie at one place, and a zigzag: both end soon.
  CHECK(http::track_weights(std::vector<http::track_position>(20'000)).size() == 20'000);
  for (int i = 0; i < 5'000; ++i)
    track[static_cast<std::size_t>(i)] = {i, i % 2 == 0 ? 48.0 : 48.0 + i * 1e-5, 8 + i * 1e-6};
  CHECK(http::track_weights(track).size() == 5'000);
  CHECK(http::track_weights({}).empty());
  // Across 180 degrees the line is short.
  const std::vector<http::track_position> across{{0, 0, 179.999}, {1, 0, -180}, {2, 0, -179.999}};
  CHECK(http::track_weights(across)[1] < 1);
}

TEST_CASE("token sums over HTTP: have all filters, pages, and only machines of the token") {
  series_world w{with_tokens(
    {{"viewer", "role = \"viewer\""}, {"v1", "role = \"viewer\"\nequipment = [\"T1\"]"}})};
  const std::string path = "/api/v1/token-usage/sums";
  const auto get = [&](const std::string& query, const std::string& token = "viewer") {
    return w.client.get(path + query, bearer(token));
  };
  auto& sums = w.node.database.sums;
  sums.rows = {{series_start_us, "scout", "m", 3, 1202.75, 3, 0.5},
               {series_start_us, "scout", "m-2", 1, 7, 1, std::nullopt}};
  sums.next = storage::token_sums_cursor{series_start_us, "scout \u00e9", "m-2"};
  const auto& asked = w.node.database.sums_asked;
  const auto first = json::parse(get("?from=2026-05-01&to=2026-06-01&by=month&zone=Europe/Berlin"
                                     "&agent=scout&model=m&equipment=T1&limit=2")
                                   .body);
  CHECK(first["sums"][0]
        == json{{"start", "2026-05-01T06:30:00.000000Z"},
                {"agent", "scout"},
                {"model", "m"},
                {"records", 3},
                {"prompt_tokens", 1202.75},
                {"completion_tokens", 3},
                {"cost_usd", 0.5}});
  CHECK(first["sums"][1]["cost_usd"].is_null());
  CHECK(first["sums"][1]["prompt_tokens"].is_number_integer());
  CHECK(asked.by == storage::sum_period::month);
  CHECK(asked.zone == "Europe/Berlin");
  CHECK(asked.from_us == 1'777'593'600'000'000);
  CHECK((asked.agent == "scout" && asked.model == "m" && asked.equipment == "T1"));
  CHECK(asked.limit == 2);
  CHECK(asked.machines.empty());
  CHECK_FALSE(asked.after);
  // `next` as it came begins the next page.
  std::string next;
  for (const char c : first["next"].get<std::string>()) {
    constexpr const char* hex = "0123456789ABCDEF";
    next += std::string{"%"} + hex[static_cast<unsigned char>(c) >> 4U]
            + hex[static_cast<unsigned char>(c) & 15U];
  }
  CHECK(get("?by=whole&after=" + next, "v1").status == 200);
  REQUIRE(asked.after);
  CHECK(asked.after->start_us == series_start_us);
  CHECK(asked.after->agent == "scout \u00e9");
  CHECK(asked.machines == std::vector<std::string>{"T1"});
  CHECK(get("?equipment=T2", "v1").status == 403);
  CHECK(get("?equipment=T9").status == 404);
  CHECK(w.client.get(path).status == 401);
  for (const char* wrong : {"?by=week", "?zone=", "?by=whole&zone=farm", "?from=now", "?limit=0",
                            "?after=x", "?after=%5B1%5D", "?agent=", "?equipment="})
    CHECK_MESSAGE(get(wrong).status == 400, wrong);
}
