/// Tables, wide tables and CSV: what a person and a spreadsheet get of the same rows.
#include "tests/tools/furrow/cli_world.hpp"
#include "tools/furrow/csv.hpp"
#include "tools/furrow/fitted_table.hpp"
#include "tools/furrow/output.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

namespace furrow::cli {

using namespace tests;

TEST_CASE("csv: quotes cells by RFC 4180, and no others") {
  CHECK(cli::csv_cell("plain text") == "plain text");
  CHECK(cli::csv_cell("") == "");
  CHECK(cli::csv_cell("a,b") == "\"a,b\"");
  CHECK(cli::csv_cell("a \"b\"") == "\"a \"\"b\"\"\"");
  CHECK(cli::csv_cell("a\nb") == "\"a\nb\"");
  CHECK(cli::csv_cell("a\rb") == "\"a\rb\"");
  CHECK(cli::csv_line({"a", "", "b,c"}) == "a,,\"b,c\"\r\n");
}

TEST_CASE("csv: columns are the members of all rows, in the order in which they come up") {
  const auto rows = json::parse(R"([{"name": "T1", "state": null, "seen": 1.5, "on": true},
    {"name": "T2", "state": {"speed_mps": {"value": 2, "unit": "m/s", "age_ms": 3},
     "position": {"value": {"latitude_deg": 49.5, "longitude_deg": 8}, "unit": "deg"}},
     "list": [1, 2]}])");
  CHECK(cli::csv_of(rows, {})
        == "name,seen,on,state.speed_mps,state.position.latitude_deg,state.position.longitude_deg,"
           "list\r\n"
           "T1,1.5,true,,,,\r\n"
           "T2,,,2,49.5,8,\"[1,2]\"\r\n");
  CHECK(cli::csv_of(json::array(), {}) == "");
  CHECK(cli::csv_of(json::parse(R"({"a": {"b": null}, "c": "x"})"), {}) == "a.b,c\r\n,x\r\n");
}

TEST_CASE("csv: an object with a list inside is its table, with empty cells for dashes") {
  const cli::table shown{{"NUMBER", "FIRST SEEN"},
                         {{cli::number_cell(json(1)), cli::value_cell(json(nullptr))},
                          {cli::number_cell(json(2)), cli::cell{"-"}}}};
  CHECK(cli::csv_of(json::parse(R"({"up": true, "rows": [{"number": 1}]})"), shown)
        == "number,first_seen\r\n1,\r\n2,-\r\n");
}

TEST_CASE("tables: columns for -o wide are left out of others, and the rest lines up with wide "
          "characters") {
  cli::table shown{{"NAME", "N"}, {{cli::cell{"\u4e95\u95a2"}, cli::number_cell(json(1))}}};
  cli::add_wide_column(shown, json::parse(R"([{"farm": "north"}])"), "FARM", "farm");
  cli::add_wide_column(shown, json::parse(R"([{"farm": "north"}])"), "GONE", "gone");
  CHECK(shown.wide_only == 2);
  CHECK(cli::rendered(shown, false) == "NAME  N  FARM   GONE\n\u4e95\u95a2  1  north  -\n");
  cli::captured now;
  cli::capture(&now);
  cli::show_table(shown);
  cli::show_table(shown, true);
  cli::show_table({{"A"}, {}, "nothing"});
  cli::capture(nullptr);
  CHECK(now.text == "NAME  N\n\u4e95\u95a2  1\n" + cli::rendered(shown, false));
  CHECK(now.notes == "furrow: nothing\n");
}

TEST_CASE("furrow -o csv, -o wide: every list has them") {
  cli_world furrow;
  CHECK(good(furrow("ledger", "T1", "-o", "csv"))
        == "equipment,stream_id,sent,durable,stored,lost,doubled,farm,quarantined,dropped,"
           "lost_at_gateway,expired,elsewhere\r\n"
           "T1,00000000-0000-0000-0000-000000000007,3,3,3,0,0,default,0,0,0,0,0\r\n");
  CHECK(good(furrow("ledger", "T1", "-o", "wide")).find("FARM\n") != std::string::npos);
  CHECK(good(furrow("ledger", "T1")).find("FARM") == std::string::npos);
  const auto fleet = good(furrow("equipment", "-o", "csv"));
  CHECK(fleet.starts_with("name,farm,"));
  CHECK(fleet.find("state.engine_speed_rpm,") != std::string::npos);
  CHECK(fleet.find("1450.5") != std::string::npos);
  CHECK(good(furrow("equipment", "-o", "wide")).find("ISO NAME") != std::string::npos);
  CHECK(good(furrow("equipment", "T1", "-o", "wide")).find("\nFAULTS\n") != std::string::npos);
  CHECK(good(furrow("actors", "-o", "wide")).find("HANDLED") != std::string::npos);
  CHECK(good(furrow("actors", "-o", "csv")).starts_with("node,id,parent,name,"));
  CHECK(
    good(furrow("db", "status", "-o", "csv")).starts_with("number,name,applied,fault\r\n1,base"));
  CHECK(good(furrow("frames", "T1", "-o", "csv", "--can-id", "123")).starts_with("seq,time,"));
  CHECK(good(furrow("-o", "csv", "frames", "T1")).find("0102030405060701") != std::string::npos);
  const auto kinds = good(furrow("frames", "T1", "-o", "csv")); // with and without a direction
  CHECK(std::count(kinds.begin(), kinds.end(), ',') == 4 * 14);
  CHECK(furrow("frames", "T1", "-o", "csv", "--pgn", "1").errors.find("no such frames")
        != std::string::npos);
  CHECK(good(furrow("-o", "wide", "health")).find("READY") != std::string::npos);
  CHECK(good(furrow("version", "-o", "csv")).starts_with("version\r\n"));
  bad(furrow("watch", "T1", "-o", "csv"), 2);
}

} // namespace furrow::cli
