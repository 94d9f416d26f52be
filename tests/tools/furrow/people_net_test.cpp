/// What people stumble over: mistyped words, times in words, narrow terminals, empty answers, secrets in the wrong file.
#include "tests/tools/furrow/cli_world.hpp"
#include "tools/furrow/ask/field_file.hpp"
#include "tools/furrow/fitted_table.hpp"
#include "tools/furrow/logs/columns.hpp"
#include "tools/furrow/time_option.hpp"
#include "tools/words/nearest.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;

namespace {

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct time_zone {
  explicit time_zone(const char* name) {
    ::setenv("TZ", name, 1);
    ::tzset();
  }
  ~time_zone() {
    ::unsetenv("TZ");
    ::tzset();
  }
  time_zone(const time_zone&) = delete;
  time_zone& operator=(const time_zone&) = delete;
};

std::string people_file(const std::string& name, const std::string& text) {
  const auto path =
    std::filesystem::temp_directory_path() / ("furrow_people_" + std::to_string(::getpid()) + name);
  std::ofstream{path} << text;
  return path.string();
}

const std::string people_square =
  R"([[[8.40,49.00],[8.401,49.00],[8.401,49.001],[8.40,49.001],[8.40,49.00]]])";

} // namespace

TEST_CASE("furrow: a mistyped command or option is named, with the one that was probably meant") {
  cli_world furrow;
  CHECK(holds(bad(furrow("equipmnt"), 2),
              "furrow has no command \"equipmnt\"; did you mean \"equipment\"?"));
  CHECK(holds(bad(furrow("db", "stauts"), 2),
              "furrow db has no command \"stauts\"; did you mean \"status\"?"));
  CHECK(holds(bad(furrow("frames", "T1", "--form", "now"), 2),
              "unknown option --form; did you mean \"--from\"?"));
  CHECK(holds(bad(furrow("ledger", "--outptu=json"), 2), "did you mean \"--output\"?"));
  CHECK_FALSE(holds(bad(furrow("tractorpulling"), 2), "did you mean"));
  CHECK(holds(bad(furrow("db"), 2), "furrow db needs a command: status, migrate"));
  CHECK(holds(bad(furrow("ledger", "T1", "T2"), 2), "unexpected word \"T2\""));
}

TEST_CASE(
  "nearest: counts swapped, missing and wrong letters, and gives up beyond a third of the word") {
  const std::vector<std::string> known{"ledger", "frames", "db"};
  CHECK(words::nearest("ledgre", known) == "ledger");
  CHECK(words::nearest("Frame", known) == "frames");
  CHECK(words::nearest("bd", known) == "db");
  CHECK_FALSE(words::nearest("xyz", known));
  CHECK_FALSE(words::nearest("", known));
  CHECK_FALSE(words::nearest(std::string(1'000, 'l'), known));
}

TEST_CASE("furrow: --version prints the version, as the command does") {
  CHECK(good(furrow_with({}, {"--version"})) == good(furrow_with({}, {"version"})));
}

TEST_CASE("time option: absolute, local and relative times") {
  constexpr std::int64_t noon = 1'777'636'800'123'456; // 2026-05-01T12:00:00.123456Z
  const time_zone berlin{"Europe/Berlin"};             // UTC+2 in May
  const auto read = [](std::string_view text) {
    return cli::moment_text(text, noon).value_or("no time");
  };
  CHECK(read("2026-05-01T06:30:00Z") == "2026-05-01T06:30:00.000000Z");
  CHECK(read("2026-05-01T08:30:00.25+02:00") == "2026-05-01T06:30:00.250000Z");
  CHECK(read("2026-05-01T08:30:00") == "2026-05-01T06:30:00.000000Z");
  CHECK(read("2026-05-01 08:30") == "2026-05-01T06:30:00.000000Z");
  CHECK(read("2026-01-01T08:30") == "2026-01-01T07:30:00.000000Z");
  CHECK(read("2026-05-01") == "2026-04-30T22:00:00.000000Z");
  CHECK(read("08:30") == "2026-05-01T06:30:00.000000Z");
  CHECK(read("now") == "2026-05-01T12:00:00.123456Z");
  CHECK(read("today") == "2026-04-30T22:00:00.000000Z");
  CHECK(read("yesterday") == "2026-04-29T22:00:00.000000Z");
  CHECK(read("-1h") == "2026-05-01T11:00:00.123456Z");
  CHECK(read("-90s") == "2026-05-01T11:58:30.123456Z");
  CHECK(read("-15min") == "2026-05-01T11:45:00.123456Z");
  CHECK(read("-2d") == "2026-04-29T12:00:00.123456Z");
  CHECK(read("-infinity") == "-infinity");
  for (const auto* text : {"", "noon", "1h", "-1x", "-h", "2026-13-01", "2026-05-01T25:00",
                           "08:30 am", "-99999999999h"})
    CHECK_MESSAGE(read(text) == "no time", text);
}

TEST_CASE("furrow: --from and --to take words for times, in every command that has them") {
  cli_world furrow;
  CHECK(holds(good(furrow("frames", "T1", "--from", "2020-05-01T05:20:00.002Z", "--to", "-1h")),
              "18FEF100#0102030405060703"));
  CHECK(holds(furrow("telemetry", "T1", "--from", "-1h").errors, "no telemetry"));
  for (const auto* command : {"frames", "telemetry", "records", "signals"})
    CHECK(holds(bad(furrow(command, "T1", "--from", "noonish"), 2), "\"noonish\" is not a time"));
}

TEST_CASE("furrow: an empty answer says on standard error what there is none of") {
  cli_world furrow;
  const auto nothing = [](const program_result& run) {
    CHECK(run.exit_code == 0);
    CHECK(run.out == "");
    return run.errors;
  };
  CHECK(holds(nothing(furrow("frames", "T1", "--from", "now")), "no such frames of T1"));
  CHECK(holds(nothing(furrow("records", "T1", "--kind", "yield", "--from", "now")),
              "T1 has no records of kind yield in this time"));
  CHECK(holds(nothing(furrow("telemetry", "T1", "--from", "now")), "no telemetry"));
  CHECK(holds(nothing(furrow("quarantine", "list", "T9")), "no item is in quarantine"));
  CHECK(good(furrow("frames", "T1", "--from", "now", "-o", "json")) == "[]\n");
  furrow.node.live.clear();
  furrow.node.database.equipment.clear();
  CHECK(holds(nothing(furrow("equipment")), "no machine is known yet"));
}

TEST_CASE("furrow frames: as a table and as one JSON array") {
  cli_world furrow;
  const auto shown = good(furrow("frames", "T1", "-o", "table"));
  CHECK(shown.starts_with("       SEQ  TIME "));
  CHECK(holds(
    shown,
    "         3  2020-05-01T05:20:00.003000Z  can0    18FEF100   65265    8  0102030405060703\n"));
  const auto rows = nlohmann::json::parse(good(furrow("frames", "T1", "-o", "json")));
  REQUIRE(rows.size() == 3);
  CHECK(rows[2]["payload"] == "0102030405060703");
}

TEST_CASE("furrow: numbers of people have no exponent, ages no sign, and speeds one unit") {
  CHECK(cli::plain_number(3'000, 3) == "3000");
  CHECK(cli::plain_number(0.25, 3) == "0.25");
  CHECK(cli::plain_number(1'234'567'890, 7) == "1234567890");
  CHECK(cli::plain_number(1450.5, 7) == "1450.5");
  CHECK(cli::plain_number(-0.0001, 2) == "-0.0001");
  CHECK(cli::plain_number(0, 7) == "0");
  cli_world furrow;
  furrow.node.database.measured = busy_activity();
  furrow.node.database.measured->slowest[0].took_s = 3;
  const auto report = furrow("report").out;
  CHECK(holds(report, "3000 ms"));
  CHECK_FALSE(holds(report, "e+"));
  CHECK_FALSE(holds(report, "keep"));
  CHECK(holds(good(furrow("equipment")), "SPEED km/h"));
  const auto one = good(furrow("equipment", "T1"));
  CHECK_FALSE(holds(one, "m/s"));
}

TEST_CASE("furrow: a table is as narrow as the terminal, and says what it leaves out") {
  cli_world furrow;
  program_options options{
    {{"FURROW_AT", furrow.front.url()}, {"COLUMNS", "80"}, {"NO_COLOR", "1"}}};
  options.terminal = true;
  const auto shown = furrow_with(options, {"equipment"});
  CHECK(shown.exit_code == 0);
  std::istringstream lines{shown.out};
  for (std::string line; std::getline(lines, line);) {
    std::erase(line, '\r');
    CHECK_MESSAGE(cli::columns_of(line) <= 80, line);
  }
  CHECK(holds(shown.out, "LAST SEEN"));
  CHECK(holds(shown.errors, "the terminal is too narrow for: "));
  CHECK(holds(shown.errors, "POSITION"));

  const cli::table wide{{"A", "TEXT"}, {{cli::cell{"x"}, cli::cell{std::string(50, 'y') + "ä"}}}};
  const auto narrow = cli::fitted(wide, 30);
  CHECK(narrow.left_out.empty());
  CHECK(narrow.table.rows[0][1].text == std::string(26, 'y') + "…");
  CHECK(cli::fitted(wide, 200).table.rows[0][1].text == wide.rows[0][1].text);
}

TEST_CASE("furrow token new: the secret goes to standard error, the lines for the token file to "
          "standard output") {
  const auto made = furrow_with({}, {"token", "new", "--role", "viewer"});
  CHECK(made.exit_code == 0);
  CHECK(made.out.starts_with("[[token]]\nsha256 = "));
  CHECK_FALSE(holds(made.out, "fur_"));
  CHECK(holds(made.errors, "\nfur_"));
}

TEST_CASE("furrow: a negative count is a usage error") {
  cli_world furrow;
  bad(furrow("records", "T1", "--kind", "yield", "--limit", "-1"), 2);
  bad(furrow("equipment", "--watch", "--times", "-1"), 2);
  bad(furrow("actors", "kill", "-1"), 2);
}

TEST_CASE("furrow db: a command that reads does not make a missing SQLite file") {
  const auto missing = std::filesystem::temp_directory_path()
                       / ("furrow_people_none_" + std::to_string(::getpid()) + ".db");
  const auto url = "sqlite:" + missing.string();
  for (const std::vector<std::string>& command : {std::vector<std::string>{"db", "status"},
                                                  {"db", "seal", "--all"},
                                                  {"db", "stats"},
                                                  {"db", "validate"},
                                                  {"retention", "list"},
                                                  {"dbc", "list"},
                                                  {"db", "audit"},
                                                  {"equipment", "remove", "T1", "--yes"}}) {
    auto words = command;
    words.insert(words.end(), {"--database", url});
    CHECK(holds(bad(furrow_with({}, words), 3), "there is no such database"));
    CHECK_FALSE(std::filesystem::exists(missing));
  }
}

TEST_CASE(
  "field file: collections and several polygons become fields, and swapped coordinates are told") {
  using cli::json;
  const auto fields = [](const std::string& text) {
    return cli::fields_of(json::parse(text), "f.geojson");
  };
  const auto feature = [](const std::string& name, const std::string& type, const std::string& at) {
    return R"({"type":"Feature","properties":{"name":")" + name
           + R"(","crop":"rye"},"geometry":{"type":")" + type + R"(","coordinates":)" + at + "}}";
  };
  const auto collection = fields(
    R"({"type":"FeatureCollection","features":[)" + feature("A", "Polygon", people_square) + ","
    + feature("B", "MultiPolygon", "[" + people_square + "," + people_square + "]") + "]}");
  REQUIRE(collection);
  REQUIRE(collection->size() == 3);
  CHECK((*collection)[0]["name"] == "A");
  CHECK((*collection)[2]["boundary"]["type"] == "Polygon");
  CHECK((*collection)[2]["part"] == 2);
  const auto one = fields(R"({"type":"MultiPolygon","coordinates":[)" + people_square + "]}");
  REQUIRE(one);
  CHECK_FALSE(one->front().contains("part"));
  CHECK(holds(fields(R"({"type":"Point","coordinates":[1,2]})").error().detail, "is \"Point\""));
  CHECK(
    holds(fields(R"({"type":"FeatureCollection","features":[{"type":"Feature","geometry":null}]})")
            .error()
            .detail,
          "feature 1"));

  const auto given =
    json{{"boundary", json::parse(R"({"type":"Polygon","coordinates":)" + people_square + "}")}};
  auto turned = given;
  for (auto& at : turned["boundary"]["coordinates"][0])
    std::swap(at[0], at[1]);
  const std::vector<cli::known_place> places{{"machine T1", 8.5, 49.1}};
  CHECK_FALSE(cli::swapped(given, places));
  CHECK_FALSE(cli::swapped(turned, {}));
  CHECK(holds(cli::swapped(turned, places).value_or(""), "km from machine T1"));
  const auto certain = json::parse(
    R"({"boundary":{"type":"Polygon","coordinates":[[[41.5,-96.1],[41.6,-96.1],[41.6,-96.2],[41.5,-96.1]]]}})");
  CHECK(holds(cli::swapped(certain, {}).value_or(""), "longitude first"));
}

TEST_CASE("furrow completion: offers the values of options and the machines of the node") {
  cli_world furrow;
  const auto script = good(furrow_with({}, {"completion", "bash"}));
  const auto file = people_file(".bash", script);
  const auto complete = [&](const std::string& words, int at) {
    return run_program({"/bin/bash", "-c",
                        "PATH=" FURROW_BIN_DIR ":$PATH; source " + file + "; COMP_WORDS=(" + words
                          + "); COMP_CWORD=" + std::to_string(at)
                          + "; _furrow; echo ${COMPREPLY[@]}"},
                       {{{"FURROW_AT", furrow.front.url()}}})
      .out;
  };
  CHECK(complete("furrow ledger --output j", 3) == "json jsonl\n");
  CHECK(complete("furrow frames T1 -o ''", 4) == "candump asc trc jsonl json csv table wide\n");
  CHECK(complete("furrow token new --role v", 4) == "viewer\n");
  CHECK(complete("furrow completion f", 2) == "fish\n");
  CHECK(complete("furrow ledger T", 2) == "T1 T2\n");
  CHECK(complete("furrow ledger T1 --eq", 3) == "\n");
  CHECK(holds(good(furrow_with({}, {"completion", "fish"})),
              "-l role -r -f -a 'gateway relay viewer operator admin'"));
  std::filesystem::remove(file);
}
