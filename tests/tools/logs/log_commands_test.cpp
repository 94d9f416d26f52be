// `furrow convert`, `decode` and `names` read the same logs as furrow-edge, and say the same of what they cannot read.
#include "tests/support/scratch_folder.hpp"
#include "tests/tools/packed.hpp"
#include "tools/furrow/logs/convert.hpp"
#include "tools/furrow/logs/decode.hpp"
#include "tools/furrow/logs/names.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

using namespace furrow;
using namespace furrow::tests;

namespace {

struct command_run {
  int code = 0;
  std::string out;
  std::string problems;
};

/// Replaces the buffer of a stream for as long as it lives.
class swapped_buffer {
public:
  swapped_buffer(std::ios& of, std::streambuf* by) : of_{of}, was_{of.rdbuf(by)} {}
  ~swapped_buffer() { of_.rdbuf(was_); }
  swapped_buffer(const swapped_buffer&) = delete;
  swapped_buffer& operator=(const swapped_buffer&) = delete;

private:
  std::ios& of_;
  std::streambuf* was_;
};

/// `line`: of the command, which reads `input` as standard input.
command_run run(const std::string& line, const std::string& input) {
  CLI::App app;
  command_run made;
  cli::add_convert(app, made.code);
  cli::add_decode(app, made.code);
  cli::add_names(app, made.code);
  std::istringstream in{input};
  std::ostringstream out;
  std::ostringstream problems;
  {
    const swapped_buffer input_of{std::cin, in.rdbuf()};
    const swapped_buffer output_of{std::cout, out.rdbuf()};
    const swapped_buffer problems_of{std::cerr, problems.rdbuf()};
    try {
      app.parse(line, false);
    } catch (const CLI::ParseError& error) {
      problems << error.what();
      made.code = 2;
    }
  }
  std::cin.clear();
  made.out = out.str();
  made.problems = problems.str();
  return made;
}

const std::vector<std::string> commands{"convert --to candump", "decode --catalogue",
                                        "names --unnamed"};

/// Frames of one ECU: its claim, then its engine speed.
std::string engine_log(std::size_t frames) {
  std::string out = "(1700000000.000000) can0 18EEFF00#0200E0AF00840CA0\n";
  for (std::size_t i = 1; i < frames; ++i)
    out += "(1700000000." + std::to_string(100'000 + i) + ") can0 0CF00400#F0FF82601C00F0FF\n";
  return out;
}

bool holds(const std::string& text, const std::string& what) {
  return text.find(what) != std::string::npos;
}

} // namespace

TEST_CASE("log commands: read gzip and zstd as they read the same log unpacked") {
  const auto log = engine_log(60'000);
  for (const auto& command : commands) {
    CAPTURE(command);
    const auto plain = run(command, log);
    CHECK(plain.code == 0);
    CHECK(plain.problems.empty());
    CHECK_FALSE(plain.out.empty());
    for (const auto& packed : {gzipped(log), zstd_packed(log),
                               gzipped(log.substr(0, 700'000)) + gzipped(log.substr(700'000))}) {
      const auto one = run(command, packed);
      CHECK(one.code == 0);
      CHECK(one.problems.empty());
      CHECK((one.out == plain.out));
    }
    const auto cut = run(command, gzipped(log).substr(0, 50'000));
    CHECK(cut.code == 1);
    CHECK(holds(cut.problems, "to its end: it ends in the middle of its packed data"));
    CHECK_FALSE(cut.out.empty()); // what could be read
    auto harmed = zstd_packed(log);
    harmed[harmed.size() / 2] = static_cast<char>(harmed[harmed.size() / 2] ^ 0x55);
    const auto bad = run(command, harmed);
    CHECK(bad.code == 1);
    CHECK(holds(bad.problems, "damaged zstd data"));
  }
  const scratch_folder folder;
  const auto file = folder.write("a.log.gz", gzipped(log));
  CHECK((run("convert --to candump " + file, "").out == log));
  CHECK((run("decode --catalogue " + file, "").out == run("decode --catalogue", log).out));
}

TEST_CASE("log commands: local times have a zone, relative times a start, and times without a date "
          "a warning") {
  const std::string asc = "date Tue Jun 2 13:14:48.000 2026\nbase hex timestamps absolute\n"
                          "   0.500000 1  CF00400x Rx d 8 F0 FF 82 60 1C 00 F0 FF\n";
  const std::string relative = "(000.500000) can0 0CF00400#F0FF82601C00F0FF\n";
  const std::string local = "1780406088.500000"; // as if it were UTC
  const std::string utc = "1780398888.500000";
  const std::string table_local = "2026-06-02T13:14:48.500000Z";
  const std::string table_utc = "2026-06-02T11:14:48.500000Z";
  for (const auto& command : commands) {
    CAPTURE(command);
    const bool table = command.starts_with("names");
    const auto& shown_local = table ? table_local : local;
    const auto& shown_utc = table ? table_utc : utc;
    const auto as_utc = run(command, asc);
    CHECK(holds(as_utc.out, shown_local));
    CHECK(as_utc.problems.empty());
    CHECK(holds(run(command + " --time-zone +02:00", asc).out, shown_utc));
    if (std::filesystem::exists("/usr/share/zoneinfo/Europe/Berlin"))
      CHECK(holds(run(command + " --time-zone Europe/Berlin", asc).out, shown_utc));
    const auto unused = run(command + " --time-zone +02:00", engine_log(2));
    CHECK(unused.code == 0);
    CHECK(holds(unused.problems, "--time-zone has no use"));

    const auto early = run(command, relative);
    CHECK(early.code == 0);
    CHECK(holds(early.out, "0.5"));
    CHECK(holds(early.problems, "the log has times before the year 2000"));
    const auto started = run(command + " --start 2026-06-02T13:14:48Z", relative);
    CHECK(holds(started.out, shown_local));
    CHECK(started.problems.empty());

    CHECK(run(command + " --time-zone Nowhere/Town", relative).code == 2);
    CHECK(run(command + " --time-zone ../../etc/passwd", relative).code == 2);
    CHECK(run(command + " --start yesterday", relative).code == 2);
  }
}

TEST_CASE("log commands: input of which nothing, or more than 1 % of the lines, could not be read "
          "is a failure") {
  for (const auto& command : commands) {
    CAPTURE(command);
    const auto none = run(command, "root:x:0:0:root:/root:/bin/bash\n");
    CHECK(none.code == 1);
    CHECK_FALSE(none.problems.empty());
    const auto two_of_102 = run(command, engine_log(100) + "x\ny\n");
    CHECK(two_of_102.code == 1);
    CHECK(holds(two_of_102.problems, "101:"));
    CHECK_FALSE(two_of_102.out.empty()); // what could be read
    const auto one_of_101 = run(command, engine_log(100) + "x\n");
    CHECK(one_of_101.code == 0);
    CHECK(holds(one_of_101.problems, "101:"));
    // The last line may be half a line: it is named, and does not count beside others.
    const auto half = run(command, engine_log(2) + "(17000");
    CHECK(half.code == 0);
    CHECK(holds(half.problems, "3:"));
    CHECK(run(command, "(17000").code == 1);
  }
}

TEST_CASE("log commands: frames of a bus too many are unreadable lines") {
  std::string log;
  for (int bus = 0; bus < 300; ++bus)
    log += "(1700000000.000000) can" + std::to_string(bus) + " 0CF00400#F0FF82601C00F0FF\n";
  for (const auto* command : {"decode --catalogue", "names --unnamed"}) {
    CAPTURE(command);
    const auto many = run(command, log);
    CHECK(many.code == 1);
    CHECK(holds(many.problems, "257:"));
    CHECK(holds(many.problems, "(lines that cannot be read: 44)"));
  }
}
