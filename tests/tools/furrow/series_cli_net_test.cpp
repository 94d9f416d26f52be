/// `furrow signals` and `furrow telemetry`, thinned: the real program against the HTTP front on a fake node.
#include "tests/tools/furrow/cli_world.hpp"

#include <doctest/doctest.h>

#include <limits>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::ordered_json;

namespace {

constexpr std::int64_t series_cli_start_us = 1'777'617'000'000'000; // 2026-05-01T06:30:00Z

struct series_cli_world : cli_world {
  series_cli_world() {
    auto& points = node.database.signal_points;
    points.bucket_us = 600'000'000;
    points.time_us = {series_cli_start_us, series_cli_start_us + 600'000'000};
    points.count = {6'000, 5'999};
    points.min = {700, 0};
    points.max = {1'500, 1.5};
    points.mean = {1'000.25, 1};
    points.last = {900, 0.125};
    auto& rows = node.database.series_rows;
    rows.time_us = {series_cli_start_us, series_cli_start_us + 10'000'000};
    rows.modes = {"moving", ""};
  }
};

} // namespace

TEST_CASE("furrow signals: prints a signal by intervals, or as many values as a chart is wide") {
  series_cli_world furrow;
  const auto& asked = furrow.node.database.signal_asked;
  CHECK(good(furrow("signals", "T1", "EEC1.engine_speed", "--every", "10m"))
        == "TIME                         COUNT  MIN   MAX     MEAN   LAST\n"
           "2026-05-01T06:30:00.000000Z   6000  700  1500  1000.25    900\n"
           "2026-05-01T06:40:00.000000Z   5999    0   1.5        1  0.125\n");
  CHECK(asked.every_us == 600'000'000);
  CHECK(asked.to_us - asked.from_us == std::int64_t{86'400} * 1'000'000);
  const auto rows = ordered_json::parse(
    good(furrow("signals", "T1", "--signal", "EEC1.engine_speed", "--points", "2000", "--from",
                "2026-05-01T06:30:00Z", "--to", "2026-05-01T07:30:00Z", "-o", "json")));
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].dump()
        == R"({"time":"2026-05-01T06:30:00.000000Z","count":6000,"min":700,"max":1500,)"
           R"("mean":1000.25,"last":900})");
  CHECK(asked.points == 2'000);
  CHECK(asked.every_us == 0);
  CHECK(asked.from_us == series_cli_start_us);

  auto& points = furrow.node.database.signal_points;
  points = {};
  points.time_us = {series_cli_start_us};
  points.last = {0.125};
  CHECK(good(furrow("signals", "T1", "EEC1.engine_speed", "--points", "10"))
        == "TIME                         VALUE\n"
           "2026-05-01T06:30:00.000000Z  0.125\n");
  CHECK(good(furrow("signals", "T1", "EEC1.engine_speed", "--points", "10", "-o", "csv"))
        == "time,value\r\n2026-05-01T06:30:00.000000Z,0.125\r\n");
  CHECK(good(furrow("signals", "T1", "EEC1.engine_speed", "--points", "10", "-o", "jsonl"))
        == "{\"time\":\"2026-05-01T06:30:00.000000Z\",\"value\":0.125}\n");
  points = {};
  const auto none = furrow("signals", "T1", "EEC1.engine_speed", "--points", "10");
  CHECK(none.exit_code == 0);
  CHECK(none.errors == "furrow: there are no values of this signal in this time\n");
}

TEST_CASE("furrow signals: raw values of whole numbers have all their digits in every form") {
  series_cli_world furrow;
  auto& points = furrow.node.database.signal_points;
  points = {};
  points.time_us = {series_cli_start_us};
  points.last = {18446744073709551613.0};
  points.whole = {{0, {false, 18446744073709551613U}}};
  for (const auto* form : {"table", "csv", "json", "jsonl"}) {
    CAPTURE(form);
    const auto text =
      good(furrow("signals", "T1", "EEC1.engine_speed", "--points", "10", "-o", form));
    CHECK(text.find("18446744073709551613") != std::string::npos);
  }
}

TEST_CASE("furrow equipment: whole numbers of own signals have all their digits in every form") {
  cli_world furrow;
  can::machine_report report;
  report.own_signals.push_back(
    {"BIG.serial",
     "",
     "",
     {18446744073709551613U, 18446744073709551613.0, 0, can::signal_state::value},
     can::whole_number{false, 18446744073709551613U},
     series_cli_start_us});
  furrow.node.reports["default/T1"] = report;
  for (const auto* form : {"table", "csv", "json"}) {
    CAPTURE(form);
    const auto text = good(furrow("equipment", "T1", "-o", form));
    CHECK(text.find("18446744073709551613") != std::string::npos);
  }
}

TEST_CASE("furrow telemetry: prints chosen columns, one row in each interval") {
  series_cli_world furrow;
  const auto& wish = furrow.node.database.series_wish;
  CHECK(good(furrow("telemetry", "T1", "--every", "10s", "--columns", "speed_kmh,mode"))
        == "TIME                         MODE    SPEED km/h\n"
           "2026-05-01T06:30:00.000000Z  moving         1.5\n"
           "2026-05-01T06:30:10.000000Z  -              1.5\n");
  CHECK(wish.every_us == 10'000'000);
  CHECK(good(furrow("telemetry", "T1", "--columns", "battery_v", "-o", "csv"))
        == "time,battery_v\r\n2026-05-01T06:30:00.000000Z,1.5\r\n"
           "2026-05-01T06:30:10.000000Z,1.5\r\n");
  CHECK(wish.every_us == 0);
  const auto whole = good(furrow("telemetry", "T1", "--points", "100", "--from", "-1h"));
  CHECK(whole.starts_with("TIME                         MODE    SPEED km/h  ENGINE rpm"));
  CHECK(wish.every_us == 37'000'000);
  CHECK(good(furrow("telemetry", "T1", "--every", "10s", "--columns", "mode", "-o", "jsonl"))
        == "{\"time\":\"2026-05-01T06:30:00.000000Z\",\"mode\":\"moving\"}\n"
           "{\"time\":\"2026-05-01T06:30:10.000000Z\",\"mode\":null}\n");
  furrow.node.database.series_rows = {};
  const auto none = furrow("telemetry", "T1", "--every", "1h", "--columns", "mode");
  CHECK(none.exit_code == 0);
  CHECK(none.errors == "furrow: there is no telemetry of this machine in this time\n");
}

TEST_CASE("furrow signals, telemetry: --zone says where days begin") {
  series_cli_world furrow;
  auto& database = furrow.node.database;
  good(furrow("signals", "T1", "EEC1.engine_speed", "--every", "1d", "--zone", "Europe/Berlin"));
  CHECK(database.signal_asked.zone == "Europe/Berlin");
  good(furrow("telemetry", "T1", "--every", "1d", "--zone", "farm"));
  CHECK(database.series_wish.zone == "farm");
  CHECK(furrow("signals", "T1", "EEC1.engine_speed", "--bucket", "day", "--zone", "Asia/Kolkata")
          .exit_code
        == 0); // of which there are none here
  CHECK(database.rollup_zone == "Asia/Kolkata");
  const auto says = [](const std::string& line, const char* part) {
    return line.find(part) != std::string::npos;
  };
  CHECK(says(bad(furrow("signals", "T1", "--zone", "farm"), 2), "--bucket day or --every 1d"));
  CHECK(says(bad(furrow("signals", "T1", "EEC1.engine_speed", "--zone", "farm"), 2),
             "--zone needs --bucket day or --every 1d"));
  CHECK(says(bad(furrow("telemetry", "T1", "--zone", "farm"), 2), "add --every 1d"));
  CHECK(says(bad(furrow("telemetry", "T1", "--zone", "farm", "--every", "1h"), 2), "every=1d"));
}

TEST_CASE("furrow signals, telemetry: a wrong use is one line, with exit code 2") {
  series_cli_world furrow;
  const auto says = [](const std::string& line, const char* part) {
    return line.find(part) != std::string::npos;
  };
  const auto signal = [&](auto... words) {
    return bad(furrow("signals", "T1", "EEC1.engine_speed", words...), 2);
  };
  const auto telemetry = [&](auto... words) { return bad(furrow("telemetry", "T1", words...), 2); };
  CHECK(says(signal("--points", "0"), "--points: Value 0 not in range 2 to 10000"));
  CHECK(says(signal("--points", "10001"), "not in range 2 to 10000"));
  CHECK(says(signal("--points", "10", "--every", "5m"), "--points excludes --every"));
  CHECK(says(signal("--bucket", "hour", "--every", "5m"), "--bucket excludes --every"));
  CHECK(says(signal("--every", "fortnight"), "write it as 10s, 5m, 1h or 2d"));
  CHECK(says(signal("--every", "1s"), "more than 10000 buckets"));
  CHECK(says(signal("--every", "1h", "--from", "-infinity"), "1970 to 2200"));
  CHECK(says(bad(furrow("signals", "T1", "--points", "10"), 2), "need a SIGNAL"));
  CHECK(says(telemetry("--points", "0"), "--points: Value 0 not in range 2 to 20000"));
  CHECK(says(telemetry("--points", "9", "--every", "5m"), "--points excludes --every"));
  CHECK(says(telemetry("--every", "0s"), "write it as 10s, 5m, 1h or 2d"));
  CHECK(says(telemetry("--columns", "height"), "columns=\"height\" (the columns are: mode, speed"));
  CHECK(says(telemetry("--columns", "mode,mode"), "name each column once"));
  CHECK(says(signal("--signal", "EEC1.engine_speed"), "SIGNAL excludes --signal"));
  bad(furrow("signals", "T9", "EEC1.engine_speed", "--points", "10"), 4);
  bad(furrow("signals", "T1", "EEC1.no_such", "--points", "10"), 4);
  bad(furrow("telemetry", "T9", "--every", "10s"), 4);
}

TEST_CASE("furrow usage: prints the sums of all pages, by day, by month or as a whole") {
  cli_world furrow;
  auto& sums = furrow.node.database.sums;
  sums.rows = {{series_cli_start_us, "scout", "m", 3, 1202.75, 3, 0.5},
               {series_cli_start_us, "scout", "m-2", 1, 7, 1, std::nullopt}};
  CHECK(good(furrow("usage"))
        == "START                        AGENT  MODEL  RECORDS   PROMPT  COMPLETION  COST USD\n"
           "2026-05-01T06:30:00.000000Z  scout  m            3  1202.75           3      0.50\n"
           "2026-05-01T06:30:00.000000Z  scout  m-2          1        7           1         -\n");
  CHECK(furrow.node.database.sums_asked.by == storage::sum_period::day);
  CHECK(good(furrow("usage", "T1", "--by", "whole", "--agent", "scout", "--from",
                    "2026-05-01T00:00:00Z", "-o", "csv"))
          .starts_with("start,agent,model,records,prompt_tokens,completion_tokens,cost_usd\r\n"
                       ",scout,m,3,1202.75,3,0.5\r\n"));
  CHECK(furrow.node.database.sums_asked.equipment == "T1");
  CHECK(good(furrow("usage", "--by", "month", "--zone", "farm")).find("COST") != std::string::npos);
  CHECK(furrow.node.database.sums_asked.zone == "farm");
  bad(furrow("usage", "T9"), 4);
  bad(furrow("usage", "--by", "week"), 2);
  bad(furrow("usage", "--by", "whole", "--zone", "farm"), 2);
  sums.rows.clear();
  CHECK(furrow("usage").errors.find("no records of token usage") != std::string::npos);
}
