/// `furrow decode` with logs as arguments, one --dbc for each file, and only the messages and signals that are wanted.
#include "tests/support/scratch_folder.hpp"
#include "tools/furrow/logs/decode.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace {

using furrow::tests::scratch_folder;

struct choice_run {
  int code = -1; // the command line was rejected
  std::string out;
  std::string problems;
};

/// Parses the command line, and runs the command with `input` as standard input.
choice_run run_decode(const std::string& line, const std::string& input = "") {
  CLI::App app;
  int code = 0;
  furrow::cli::add_decode(app, code);
  std::istringstream in{input};
  std::ostringstream out;
  std::ostringstream problems;
  auto* const was_in = std::cin.rdbuf(in.rdbuf());
  auto* const was_out = std::cout.rdbuf(out.rdbuf());
  auto* const was_problems = std::cerr.rdbuf(problems.rdbuf());
  choice_run one;
  try {
    app.parse(line, false);
    one.code = code;
  } catch (const CLI::ParseError& error) {
    one.problems = error.what();
  }
  std::cin.rdbuf(was_in);
  std::cout.rdbuf(was_out);
  std::cerr.rdbuf(was_problems);
  one.out = out.str();
  one.problems += problems.str();
  return one;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

const std::string first_dbc = "BO_ 256 TANK: 2 X\n SG_ level : 0|8@1+ (1,0) [0|0] \"l\" X\n"
                              " SG_ flow : 8|8@1+ (1,0) [0|0] \"\" X\n";
const std::string second_dbc = "BO_ 257 PUMP: 1 X\n SG_ speed : 0|8@1+ (1,0) [0|0] \"rpm\" X\n";
const std::string choice_log = "(1700000001.0) can0 100#0A0B\n(1700000002.0) can0 101#0C\n";

} // namespace

TEST_CASE("decode: a word is a log, and each --dbc takes one file") {
  const scratch_folder folder;
  const auto log = folder.write("my.log", choice_log);
  const auto one = folder.write("one.dbc", first_dbc);
  const auto two = folder.write("two.dbc", second_dbc);
  const auto after = run_decode("decode --dbc " + one + " " + log);
  CHECK(after.code == 0);
  CHECK(count_of(after.out, "level: 10 l") == 1);
  CHECK(run_decode("decode " + log + " --dbc " + one).out == after.out);
  CHECK(run_decode("decode --dbc " + one, choice_log).out == after.out);
  CHECK(run_decode("decode - --dbc " + one, choice_log).out == after.out);
  const auto both = run_decode("decode --dbc " + one + " --dbc " + two + " " + log);
  CHECK(count_of(both.out, "speed: 12 rpm") == 1);

  const auto mistaken = run_decode("decode --dbc " + one + " " + two);
  CHECK(mistaken.code == -1);
  CHECK(mistaken.problems.find("write --dbc before each DBC file") != std::string::npos);
}

TEST_CASE("decode: several logs are decoded one after the other, each with its own line numbers") {
  const scratch_folder folder;
  const auto log = folder.write("my.log", choice_log);
  const auto dbc = folder.write("one.dbc", first_dbc);
  const auto twice = run_decode("decode -o jsonl --dbc " + dbc + " " + log + " " + log);
  CHECK(twice.code == 0);
  std::istringstream lines{twice.out};
  std::size_t rows = 0;
  for (std::string line; std::getline(lines, line); ++rows) {
    const auto row = nlohmann::json::parse(line);
    CHECK(row["file"] == log);
    CHECK(row["line"] == 1);
  }
  CHECK(rows == 2);
  const auto missing = run_decode("decode --dbc " + dbc + " /nowhere.log " + log);
  CHECK(missing.code == 1);
  CHECK(missing.problems
        == "furrow decode: /nowhere.log: cannot read: No such file or directory\n");
  CHECK(count_of(missing.out, "level") == 1);
}

TEST_CASE("decode: prints only the wanted messages and signals, and names what no file knows") {
  const scratch_folder folder;
  const auto log = folder.write("my.log", choice_log);
  const auto dbc = folder.write("all.dbc", first_dbc + second_dbc);
  const auto base = "decode " + log + " --dbc " + dbc;
  const auto tank = run_decode(base + " --message TANK");
  CHECK(count_of(tank.out, "flow: 11") == 1);
  CHECK(count_of(tank.out, "PUMP") == 0);
  const auto level = run_decode(base + " --signal level");
  CHECK(count_of(level.out, "level") == 1);
  CHECK(count_of(level.out, "flow") == 0);
  CHECK(count_of(level.out, "PUMP") == 0);
  const auto several = run_decode(base + " --signal TANK.flow --signal PUMP.speed -o jsonl");
  CHECK(count_of(several.out, "\"flow\"") == 1);
  CHECK(count_of(several.out, "\"speed\"") == 1);
  CHECK(count_of(several.out, "level") == 0);
  const auto wrong = run_decode(base + " --signal lvel");
  CHECK(wrong.code == 1);
  CHECK(wrong.out == "");
  CHECK(wrong.problems
        == "furrow decode: no signal \"lvel\" in the DBC files; did you mean \"level\"?\n");
  CHECK(run_decode(base + " --message PUNP").problems
        == "furrow decode: no message \"PUNP\" in the DBC files; did you mean \"PUMP\"?\n");
}
