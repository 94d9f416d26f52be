#include "actors/log/descriptor_sink.hpp"
#include "actors/log/line_limit.hpp"
#include "actors/log/log.hpp"
#include "tests/support/eventually.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// Takes the log of the test program while it lives.
struct log_taken {
  std::vector<std::string> lines;
  bool takes = true;

  explicit log_taken(log::line_format format) {
    log::start({format, "n1", {}, [this](std::string_view line) {
                  if (takes)
                    lines.emplace_back(line);
                  return takes;
                }});
  }
  log_taken(const log_taken&) = delete;
  log_taken& operator=(const log_taken&) = delete;
  ~log_taken() {
    log::start({log::line_format::text, {}, {}, log::descriptor_sink{STDERR_FILENO}});
    (void)log::set_levels("info");
  }
};

} // namespace

TEST_CASE("log: a line has its module, event, node and what it is about") {
  log_taken taken{log::line_format::json};
  log::warn(log::store, "log_test_away", {.farm = "hill", .equipment = "T1", .error = "refused"},
            "the database {} does not answer", 7);
  log::debug(log::store, "log_test_hidden", {}, "not written");
  REQUIRE(taken.lines.size() == 1);
  CHECK(taken.lines[0].back() == '\n');
  auto line = json::parse(taken.lines[0]);
  line.erase("time");
  CHECK(line
        == json{{"level", "warning"},
                {"module", "store"},
                {"event", "log_test_away"},
                {"node", "n1"},
                {"farm", "hill"},
                {"equipment", "T1"},
                {"error", "refused"},
                {"msg", "the database 7 does not answer"}});
  REQUIRE_FALSE(log::set_levels("error,store=debug"));
  log::debug(log::store, "log_test_shown", {}, "written");
  log::warn(log::http, "log_test_hidden", {}, "not written");
  CHECK(taken.lines.size() == 2);
}

TEST_CASE("log: a storm of an event is limited, its neighbours are not, and the count is told") {
  log_taken taken{log::line_format::json};
  for (int i = 0; i < 2'500; ++i)
    log::info(log::gateway, "log_test_storm", {}, "stranger {}", i);
  const auto written = taken.lines.size();
  CHECK(written >= 50);
  CHECK(written < 100); // 50 and 5 a second
  log::info(log::gateway, "log_test_neighbour", {}, "one");
  log::info(log::http, "log_test_storm", {}, "of another module");
  CHECK(taken.lines.size() == written + 2);
  REQUIRE(tests::eventually(10s, [&] { // after 200 ms there is room for a line
    log::look();
    return taken.lines.size() == written + 3;
  }));
  const auto told = json::parse(taken.lines.back());
  CHECK(told.at("event") == "lines_left_out");
  CHECK(told.at("module") == "gateway");
  CHECK(told.at("count").get<std::size_t>() + written == 2'500);
  CHECK(told.at("msg")
        == fmt::format("{} lines like log_test_storm were left out", 2'500 - written));
}

TEST_CASE("line limit: fills again with time, and tells the count once") {
  log::line_limit limit{3, 2};
  log::line_limit::time_point now{1h};
  for (int i = 0; i < 3; ++i)
    CHECK(limit.admit(now) == 0);
  for (int i = 0; i < 7; ++i)
    CHECK_FALSE(limit.admit(now));
  CHECK(limit.left_out(now) == 0); // not yet
  CHECK(limit.left_out(now += 500ms) == 7);
  CHECK(limit.left_out(now) == 0);
  CHECK(limit.admit(now) == 0);
  CHECK_FALSE(limit.admit(now));
  CHECK(limit.admit(now += 500ms) == 1);
}

TEST_CASE("log: lines that nobody takes are dropped and counted") {
  log_taken taken{log::line_format::text};
  taken.takes = false;
  for (int i = 0; i < 10; ++i)
    log::info(log::node, "log_test_lost", {}, "lost");
  taken.takes = true;
  log::info(log::node, "log_test_found", {}, "found");
  REQUIRE(taken.lines.size() == 2);
  CHECK(taken.lines[0].find("10 lines of the log were lost: nobody read standard error")
        != std::string::npos);
  CHECK(taken.lines[1].find("found") != std::string::npos);
}

TEST_CASE("log: a long message is cut so that a pipe takes the line whole, and JSON stays valid") {
  for (const auto format :
       {log::line_format::json, log::line_format::logfmt, log::line_format::text}) {
    log_taken taken{format};
    const std::string hostile(100'000, '\x01'); // six bytes each in JSON
    log::info(log::node, "log_test_long", {.error = hostile}, "{}", hostile);
    REQUIRE(taken.lines.size() == 1);
    CHECK(taken.lines[0].size() <= log::line_bytes_max);
    CHECK(taken.lines[0].size() > 500);
    if (format == log::line_format::json)
      CHECK_FALSE(json::parse(taken.lines[0], nullptr, false).is_discarded());
  }
}

TEST_CASE("log: a program that cannot go on says so in one line of its format") {
  {
    log_taken taken{log::line_format::text};
    log::complain("furrowd", "cannot listen");
    CHECK(taken.lines == std::vector<std::string>{"furrowd: cannot listen\n"});
  }
  log_taken taken{log::line_format::json};
  log::complain("furrowd", "cannot listen");
  REQUIRE(taken.lines.size() == 1);
  CHECK(json::parse(taken.lines[0]).at("event") == "failed");
  CHECK(json::parse(taken.lines[0]).at("msg") == "cannot listen");
}

TEST_CASE("log: text takes the form of the journal only when the descriptor is connected to it") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  struct stat found {};
  REQUIRE(::fstat(ends[1], &found) == 0);
  const auto stream = fmt::format("{}:{}", found.st_dev, found.st_ino);
  const auto form_with = [&](const std::string& value, const char* format) {
    ::setenv("JOURNAL_STREAM", value.c_str(), 1);
    const auto form = log::shape_of(format, ends[1]);
    ::unsetenv("JOURNAL_STREAM");
    return form;
  };
  CHECK(form_with(stream, "text") == log::line_format::journal);
  CHECK(form_with(stream + "1", "text") == log::line_format::text);
  CHECK(form_with("", "text") == log::line_format::text);
  CHECK(form_with(stream, "json") == log::line_format::json);
  CHECK(form_with(stream, "logfmt") == log::line_format::logfmt);
  CHECK_FALSE(form_with(stream, "xml"));
  ::close(ends[0]);
  ::close(ends[1]);
}
