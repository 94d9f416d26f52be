#include "tests/support/data.hpp"
#include "tests/support/dbc_data.hpp"
#include "tests/support/jsonl.hpp"
#include "tools/furrow/logs/dbc.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include <CLI/CLI.hpp>

namespace {

using furrow::cli::check_dbc;
using furrow::tests::data_file;
using furrow::tests::find_dbc;
using furrow::tests::for_each_json_line;
using nlohmann::json;

struct run {
  int code = 0;
  std::string out;
  std::string problems;
};

run check(const std::string& path, bool as_json, bool strict = false) {
  std::ostringstream out;
  std::ostringstream problems;
  run one;
  one.code = check_dbc({path, as_json, strict}, out, problems);
  one.out = out.str();
  one.problems = problems.str();
  return one;
}

} // namespace

TEST_CASE("dbc check: the JSON of every file agrees with cantools") {
  const auto expected = data_file("dbc/expected.dbc_expected.jsonl.gz");
  if (!expected)
    return;
  json file;
  std::size_t messages = 0;
  for_each_json_line(*expected, [&](const json& row) {
    CAPTURE(row.dump().substr(0, 300));
    if (row.contains("status")) {
      const auto path = find_dbc(row["file"]);
      REQUIRE(path);
      const auto strict = check(path->string(), true, true);
      CHECK((strict.code == 0) == (row["status"] == "ok"));
      CHECK(strict.problems.empty() == (row["status"] == "ok"));
      const auto one = check(path->string(), true);
      file = one.code == 0 ? json::parse(one.out) : json{};
      if (row["status"] != "error")
        CHECK(file["messages"].size() == row["messages"].get<std::size_t>());
      return;
    }
    ++messages;
    const auto found =
      std::find_if(file["messages"].begin(), file["messages"].end(), [&](const json& m) {
        return m["id"] == row["id"] && m["extended"] == row["ext"];
      });
    REQUIRE(found != file["messages"].end());
    CHECK((*found)["name"] == row["name"]);
    CHECK((*found)["length"] == row["length"]);
    REQUIRE((*found)["signals"].size() == row["signals"].size());
    for (const auto& signal : row["signals"]) {
      const auto ours =
        std::find_if((*found)["signals"].begin(), (*found)["signals"].end(), [&](const json& s) {
          return s["name"] == signal["name"] && s["start"] == signal["start"]
                 && (s["mux"].is_null() ? json{} : s["mux"]["mux_ids"]) == signal["mux_ids"];
        });
      CAPTURE(signal.dump());
      REQUIRE(ours != (*found)["signals"].end());
      for (const auto* key : {"length", "order", "signed", "float", "unit", "spn", "choices"})
        CHECK((*ours)[key] == signal[key]);
      for (const auto* key : {"scale", "offset", "min", "max"}) { // a double holds 53 bits of them
        const auto& a = (*ours)[key];
        const auto& b = signal[key];
        CHECK((a == b || (a.is_number() && b.is_number() && a.get<double>() == b.get<double>())));
      }
      if (!(*ours)["mux"].is_null()) {
        CHECK((*ours)["mux"]["is_mux"] == signal["is_mux"]);
        CHECK((*ours)["mux"]["mux_signal"] == signal["mux_signal"]);
      } else {
        CHECK_FALSE(signal["is_mux"].get<bool>());
      }
    }
  });
  CHECK(messages == 2114);
}

TEST_CASE("dbc check: the text shows each signal, and each warning with its place") {
  const auto path = find_dbc("issue_184_extended_mux_cascaded.dbc");
  if (!path)
    return;
  const auto one = check(path->string(), false);
  CHECK(one.code == 0);
  CHECK(one.out.find("ext_MUX_cascaded  id 1 (29 bits, PGN 0), 8 bytes\n") != std::string::npos);
  CHECK(
    one.out.find(
      "  muxed_B_0  bit 16, 8 bits, intel, signed, factor 1, offset 0  when muxed_A_2_MUX_B is 0\n")
    != std::string::npos);
  const auto low = check(find_dbc("gm_global_a_lowspeed.dbc")->string(), false);
  CHECK(low.code == 0);
  CHECK(low.out.find("more than 11 bits and no mark for extended") != std::string::npos);
}

TEST_CASE("dbc check: an unreadable file gives one line and exit code 1") {
  const auto one = check("/nowhere.dbc", true);
  CHECK(one.code == 1);
  CHECK(one.out.empty());
  CHECK(one.problems == "furrow dbc check: /nowhere.dbc: cannot read: No such file or directory\n");
  CHECK(check("/dev/null", false).problems == "furrow dbc check: /dev/null: the file is empty\n");
  CHECK(check("/dev/zero", false).code == 1);
}

TEST_CASE("dbc check: a broken statement does not make a file unreadable, and --strict lists all "
          "problems") {
  const struct {
    const char* name;
    std::size_t messages;
    std::size_t warnings;
  } files[] = {{"06-no-semicolon.dbc", 1, 3},
               {"06b-lower-case-m.dbc", 2, 2},
               {"06c-no-semicolon-at-the-end.dbc", 1, 1},
               {"06d-names-that-begin-with-a-digit.dbc", 2, 2}};
  for (const auto& file : files) {
    const auto path = data_file(std::string{"faults/"} + file.name);
    if (!path)
      continue;
    CAPTURE(file.name);
    const auto one = check(path->string(), true);
    CHECK(one.code == 0);
    const auto answer = json::parse(one.out);
    CHECK(answer["messages"].size() == file.messages);
    CHECK(answer["warning_count"] == file.warnings);
    const auto strict = check(path->string(), true, true);
    CHECK(strict.code == 1);
    CHECK(static_cast<std::size_t>(std::count(strict.problems.begin(), strict.problems.end(), '\n'))
          == file.warnings);
    CHECK(strict.problems.starts_with("furrow dbc check: " + path->string() + ':'));
  }
}

TEST_CASE("dbc check: rejects an invalid command line") {
  for (const auto* line : {"dbc", "dbc check", "dbc check a.dbc -o yaml"}) {
    CAPTURE(line);
    CLI::App app;
    int code = 0;
    furrow::cli::add_dbc(app, code);
    CHECK_THROWS_AS(app.parse(line, false), CLI::ParseError);
  }
}
