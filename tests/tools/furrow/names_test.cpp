#include "tests/support/data.hpp"
#include "tools/furrow/logs/names.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace {

using furrow::cli::names_options;
using furrow::cli::print_names;

struct names_run {
  int code = 0;
  std::string out;
  std::string problems;
};

names_run names_of(const std::string& log, names_options options = {.json = true}) {
  std::istringstream in{log};
  std::ostringstream out;
  std::ostringstream problems;
  names_run one;
  one.code = print_names(in, out, problems, options);
  one.out = out.str();
  one.problems = problems.str();
  return one;
}

// A loser moves on; another cannot claim; 0x21 is heard and never claims.
const std::string three_ecus = "(1700000000.000000) can0 18EEFF80#0200E0AF00840CA0\n"
                               "(1700000001.500000) can0 18EEFF80#1400E0AF008200A0\n"
                               "(1700000001.600000) can0 18EEFF81#0200E0AF00840CA0\n"
                               "(1700000002.000000) can0 18EEFFFE#4D74300400340220\n"
                               "(1700000003.000000) can1 0CF00421#FFFFFF4027FFFFFF\n";

} // namespace

TEST_CASE("names: lists ECUs with every field of their NAMEs, and their addresses over time") {
  const auto one = names_of(three_ecus);
  CHECK(one.code == 0);
  CHECK(one.problems.empty());
  const auto all = nlohmann::json::parse(one.out);
  REQUIRE(all.size() == 3);
  const auto& sprayer = all[0];
  CHECK(sprayer["bus"] == "can0");
  CHECK(sprayer["name"] == "A00C8400AFE00002");
  CHECK(sprayer["address"] == 0x81);
  CHECK(sprayer["manufacturer"] == 1407);
  CHECK(sprayer["function"] == 132);
  CHECK(sprayer["function_text"] == "machine control");
  CHECK(sprayer["device_class_text"] == "sprayer");
  CHECK(sprayer["arbitrary_address_capable"] == true);
  REQUIRE(sprayer["addresses"].size() == 2);
  CHECK(sprayer["addresses"][0]
        == nlohmann::json{{"address", 0x80}, {"from", 1700000000.0}, {"until", 1700000001.5}});
  CHECK(sprayer["addresses"][1]
        == nlohmann::json{{"address", 0x81}, {"from", 1700000001.6}, {"until", nullptr}});
  CHECK(all[1]["address"] == 0x80);
  CHECK(all[2]["address"].is_null());
  CHECK(all[2]["cannot_claim"] == true);
}

TEST_CASE("names: lists addresses without a claim on request") {
  const auto all = nlohmann::json::parse(names_of(three_ecus, {.json = true, .unnamed = true}).out);
  REQUIRE(all.size() == 4);
  CHECK(all[3]
        == nlohmann::json{{"bus", "can1"},
                          {"name", nullptr},
                          {"address", 0x21},
                          {"frames", 1},
                          {"first_frame", 1700000003.0},
                          {"last_frame", 1700000003.0}});
}

TEST_CASE("names: the table has one row for each time that an ECU had an address") {
  const auto one = names_of(three_ecus, {});
  CHECK(one.code == 0);
  CHECK(
    one.out.find("can0  128      A00C8400AFE00002  1407   machine control  sprayer       2         "
                 "2023-11-14T22:13:20.000000Z  2023-11-14T22:13:21.500000Z\n")
    != std::string::npos);
  CHECK(std::count(one.out.begin(), one.out.end(), '\n') == 5);
}

TEST_CASE("names: a log of another format gives the same result") {
  const auto one = names_of("2021-03-25T15:18:59.963Z,6,60928,35,255,8,07,95,e0,10,03,b4,a0,c2\n");
  const auto all = nlohmann::json::parse(one.out);
  REQUIRE(all.size() == 1);
  CHECK(all[0]["name"] == "C2A0B40310E09507");
  CHECK(all[0]["address"] == 35);
}

TEST_CASE("names: reports an unreadable line by line and column, and continues") {
  const auto one = names_of("(1700000000.000000) can0 18EEFF80#0200E0AF00840CA0\n(17000", {});
  CHECK(one.code == 0);
  CHECK(one.problems.rfind("furrow names: 2:", 0) == 0);
  const auto none = names_of("hello\n");
  CHECK(none.code == 1);
  CHECK(none.problems.find("the input has no frame") != std::string::npos);
  CHECK(none.out.empty());
  CHECK(names_of("").code == 1);
}

TEST_CASE("names: rejects invalid options") {
  CLI::App app;
  int code = 0;
  furrow::cli::add_names(app, code);
  CHECK_THROWS_AS(app.parse("names -o yaml", false), CLI::ValidationError);
}

TEST_CASE("names: the five ECUs of a John Deere 5055E") {
  const auto path = furrow::tests::data_file("j1939/jd5055e/idle10sec.candump.log");
  if (!path)
    return;
  const auto all = nlohmann::json::parse(names_of(furrow::tests::read_file(*path)).out);
  std::map<int, int> functions;
  for (const auto& one : all) {
    CHECK(one["manufacturer"] == 33);
    functions[one["address"]] = one["function"];
  }
  CHECK(functions == std::map<int, int>{{0, 0}, {3, 3}, {6, 14}, {23, 19}, {71, 52}});
}
