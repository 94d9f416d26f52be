/// Goal: every command of every program has a manual page that says what `--help` says, and roff reads each page.
/// Method: pages of a small command line with the characters that roff would take for its own; then the real programs:
///   `--help` of every command is read, and each of its options is looked for in the page.
#include "tests/support/data.hpp"
#include "tests/support/program.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tools/manual/footer.hpp"
#include "tools/manual/manual.hpp"
#include "tools/manual/roff.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

using namespace furrow;
using namespace furrow::tests;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct help {
  std::vector<std::string> commands;
  std::vector<std::string> options; // "--database", "-o"
};

/// Reads what CLI11 prints: options are indented, and so are the commands behind "Subcommands:".
help help_of(const std::vector<std::string>& command) {
  auto words = command;
  words.emplace_back("--help");
  const auto answer = run_program(words);
  REQUIRE_MESSAGE(answer.exit_code == 0, answer.errors);
  help out;
  std::istringstream lines{answer.out};
  bool in_commands = false;
  for (std::string line; std::getline(lines, line);) {
    const auto from = line.find_first_not_of(' ');
    if (from == std::string::npos || from == 0 || from > 4) {
      in_commands = line == "Subcommands:" || (in_commands && from != 0 && from < line.size());
      continue;
    }
    const auto word = line.substr(from, line.find_first_of(" {", from) - from);
    if (word.front() == '-' && !in_commands) {
      std::istringstream names{word};
      for (std::string name; std::getline(names, name, ',');)
        out.options.push_back(name);
    } else if (in_commands) {
      out.commands.push_back(word);
    }
  }
  return out;
}

/// Compares the page of a command, and those of its commands, with what the program prints.
void check(const std::vector<std::string>& command,
           const std::string& page,
           const std::filesystem::path& folder,
           const std::string& section,
           std::set<std::string>& expected) {
  const auto file = page + "." + section;
  CAPTURE(file);
  expected.insert(file);
  REQUIRE(std::filesystem::exists(folder / file));
  const auto text = read_file(folder / file);
  const auto wanted = help_of(command);
  CHECK(wanted.options.size() >= 1); // --help itself
  for (const auto& option : wanted.options)
    CHECK_MESSAGE(has(text, manual::bold(option)), option);
  // Every option and argument says what it is for.
  CHECK_MESSAGE(!has(text, "\n.TP\n\\fI\n"), "an argument without a name");
  std::istringstream lines{text};
  std::string term;
  for (std::string line, before; std::getline(lines, line); before = line)
    if (before == ".TP" && line.rfind("\\f", 0) == 0)
      term = line;
    else if (!term.empty()) {
      const bool says = line.rfind(".TP", 0) != 0 && line.rfind(".S", 0) != 0
                        && line.rfind("From ", 0) != 0 && line.rfind("One of: ", 0) != 0
                        && line.rfind("Default: ", 0) != 0 && line != "Required.";
      CHECK_MESSAGE(says, term << " has no description");
      term.clear();
    }
  for (const auto& name : wanted.commands) {
    auto below = command;
    below.push_back(name);
    check(below, page + "-" + name, folder, section, expected);
  }
}

} // namespace

TEST_CASE("manual: characters that roff takes for its own stay what they are") {
  CHECK(manual::escaped(R"(a\b -x 'y' `z` "q" ~ ^)")
        == R"(a\(rsb \-x \(aqy\(aq \(gaz\(ga \(dqq\(dq \(ti \(ha)");
  CHECK(manual::prose(".TH is no command here") == "\\&.TH is no command here\n");
  CHECK(manual::prose("'quoted' at the start") == "\\(aqquoted\\(aq at the start\n");
  CHECK(manual::verbatim("a\n\n  .b\n") == ".nf\na\n\n  .b\n.fi\n");
}

TEST_CASE("manual: prose has a sentence on each line, and commands in bold") {
  CHECK(manual::prose("One. Two, e.g. three. Four.\nFive")
        == "One.\nTwo, e.g. three.\nFour.\nFive\n");
  CHECK(manual::prose("ask `furrow db` for it") == "ask \\fBfurrow db\\fR for it\n");
  CHECK(manual::prose("a single ` stays") == "a single \\(ga stays\n");
  CHECK(manual::prose("a=b,c=d, e") == "a=b,\\:c=d, e\n"); // a place where a line may end
}

TEST_CASE("manual: the text below the options is taken apart into sections") {
  const auto below =
    manual::read_footer("It may be interrupted.\n"
                        "Examples:\n  furrow a \\\n      --b\n"
                        "One more thing.\n"
                        "Exit codes: 0 ok, 1 failed, or more than 1 % is missing,\n"
                        "            75 lost.\n"
                        "Environment: FURROW_AT.");
  CHECK(below.prose == "It may be interrupted.\nOne more thing.\n");
  CHECK(below.examples == "furrow a \\\n    --b\n");
  CHECK(below.environment == "FURROW_AT.\n");
  const auto codes = manual::exit_codes_of(below.exit_codes);
  REQUIRE(codes.size() == 3);
  CHECK(codes[0] == std::pair<std::string, std::string>{"0", "ok"});
  CHECK(codes[1].second == "failed, or more than 1 % is missing");
  CHECK(codes[2] == std::pair<std::string, std::string>{"75", "lost"});
}

TEST_CASE("manual: a page says what an option takes, its limits and its default") {
  CLI::App app{"prog: does things. It does them well.", "prog"};
  int number = 3;
  std::string text;
  bool flag = true;
  auto* run = app.add_subcommand("run", "run it");
  run->add_option("-n,--number", number, "how many")
    ->check(CLI::Range(1, 9))
    ->envname("PROG_N")
    ->capture_default_str();
  auto* format = run->add_option("--format", text, "the form")->check(CLI::IsMember({"a", "b"}));
  run->add_flag("!--no-thing", flag, "leave the thing out")->excludes(format);
  run->add_option("FILE", text, "the file")->required();
  const auto pages = manual::pages_of(app, {"prog", "1.2", 8, "furrow(1)"});
  REQUIRE(pages.size() == 2);
  const auto& page = pages.at("prog-run.8");
  CHECK(has(page, ".TH PROG\\-RUN 8 "));
  CHECK(has(page, "prog\\-run \\- run it\n"));
  CHECK(has(page, "\\fBprog run\\fR [\\fIOPTIONS\\fR] \\fIFILE\\fR\n"));
  CHECK(has(page,
            "\\fB\\-n\\fR, \\fB\\-\\-number\\fR \\fIINT\\fR\nhow many.\nFrom 1 to 9.\nDefault: 3.\n"
            "Environment: PROG_N.\n"));
  CHECK(has(page, "the form.\nOne of: a, b.\n"));
  CHECK(
    has(page, "\\fB\\-\\-no\\-thing\\fR\nleave the thing out.\nNot together with \\-\\-format.\n"));
  CHECK(has(pages.at("prog.8"), "prog \\- does things\n"));
  CHECK(has(pages.at("prog.8"), "It does them well.\n"));
  CHECK(has(pages.at("prog.8"), "\\fBprog\\-run\\fR(8)\nRun it.\n"));
  CHECK(has(pages.at("prog.8"), "SEE ALSO\n\\fBfurrow\\fR(1)\n"));
}

TEST_CASE("manual: every command of every program has a page with each of its options") {
  const std::vector<std::pair<std::string, std::string>> programs{
    {"furrow", "1"}, {"furrowd", "8"}, {"furrow-edge", "1"}, {"furrow-sim", "1"}};
  for (const auto& [name, section] : programs) {
    const scratch_folder place;
    const auto program = std::string{FURROW_BIN_DIR} + "/" + name;
    const auto folder = std::filesystem::path{place.file("man")};
    const auto made = run_program({program, "--man-pages", folder.string()});
    REQUIRE_MESSAGE(made.exit_code == 0, made.errors);
    std::set<std::string> expected;
    check({program}, name, folder, section, expected);
    std::set<std::string> found;
    std::vector<std::string> command{"/usr/bin/groff", "-ww", "-man", "-Tutf8", "-z"};
    for (const auto& file : std::filesystem::directory_iterator{folder}) {
      found.insert(file.path().filename().string());
      command.push_back(file.path().string());
    }
    CHECK(found == expected);
    const auto rendered = run_program(command);
    CHECK(rendered.exit_code == 0);
    CHECK_MESSAGE(rendered.errors.empty(), rendered.errors);
  }
}

TEST_CASE("manual: a folder that cannot be written is one line and exit code 1") {
  const scratch_folder place;
  const auto file = place.write("file", "");
  const auto made =
    run_program({std::string{FURROW_BIN_DIR} + "/furrow-sim", "--man-pages", file + "/man"});
  CHECK(made.exit_code == 1);
  CHECK(has(made.errors, "furrow-sim: cannot write " + file + "/man/furrow-sim"));
}
