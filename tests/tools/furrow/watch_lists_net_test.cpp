/// --watch: lists that are printed again and again, on a terminal and elsewhere.
#include "tests/tools/furrow/cli_world.hpp"
#include "tests/tools/furrow/terminal_child.hpp"
#include "tools/furrow/rounds.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <optional>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

terminal_child watch_on_terminal(const cli_world& world, std::vector<std::string> words) {
  words.insert(words.begin(), FURROW_BIN_DIR "/furrow");
  return terminal_child{std::move(words), {{"FURROW_AT", world.front.url()}}};
}

} // namespace

TEST_CASE("intervals: a number with ms, s, min or h, between 50 ms and 1 h") {
  CHECK(cli::parse_interval("2s") == 2s);
  CHECK(cli::parse_interval("2") == 2s);
  CHECK(cli::parse_interval("0.5s") == 500ms);
  CHECK(cli::parse_interval("50ms") == 50ms);
  CHECK(cli::parse_interval("1min") == 60s);
  for (const auto* wrong : {"", "s", "2x", "-1s", "10ms", "2h", "nan", "inf", "1e99", "2 s"})
    CHECK_FALSE(cli::parse_interval(wrong));
}

TEST_CASE("screen: new lines are drawn over the old ones, and lines that do not fit are counted") {
  CHECK(cli::screen_text("A\nb\n", "", 24) == "\x1b[HA\x1b[K\nb\x1b[K\n\x1b[J");
  CHECK(cli::screen_text("A\n", "furrow: away\n", 24)
        == "\x1b[HA\x1b[K\nfurrow: away\x1b[K\n\x1b[J");
  const auto low = cli::screen_text("1\n2\n3\n4\n5\n", "", 4);
  CHECK(low
        == "\x1b[H1\x1b[K\n2\x1b[K\n... 3 more lines; a higher window or -o jsonl shows them"
           "\x1b[K\n\x1b[J");
  CHECK(cli::screen_text("1\n2\n3\n", "", 4).find("more lines") == std::string::npos);
  CHECK(cli::screen_text("1\n2\n3\n", "", 0).find("more lines") == std::string::npos);
}

TEST_CASE("furrow --watch: JSON lines of each round; anything else needs a terminal") {
  cli_world furrow;
  const auto twice = good(furrow("nodes", "--watch=50ms", "--times", "2", "-o", "jsonl"));
  CHECK(std::count(twice.begin(), twice.end(), '\n') == 2);
  CHECK(nlohmann::json::parse(twice.substr(0, twice.find('\n')))["name"] == "n1");
  // The exit code is that of the last round: this ledger has a loss.
  const auto lossy = furrow("ledger", "--watch=50ms", "--times", "2", "-o", "jsonl");
  CHECK(lossy.exit_code == 1);
  CHECK(std::count(lossy.out.begin(), lossy.out.end(), '\n') == 4);
  for (const auto* form : {"table", "wide", "json", "csv"})
    CHECK(bad(furrow("nodes", "--watch", "-o", form), 2).find("-o jsonl") != std::string::npos);
  bad(furrow("nodes", "--watch=1ms", "-o", "jsonl"), 2);
  bad(furrow("nodes", "--times", "2"), 2);
  bad(furrow("ledger", "T9", "--watch", "-o", "jsonl"), 4); // wrong from the start
}

TEST_CASE("furrow --watch: every list has it") {
  cli_world furrow;
  for (const std::vector<std::string>& list : {std::vector<std::string>{"equipment"},
                                               {"gateways"},
                                               {"actors"},
                                               {"actors", "tree"},
                                               {"faults"},
                                               {"health"},
                                               {"signals", "T1"},
                                               {"log", "show"},
                                               {"field", "list"},
                                               {"quarantine", "list"},
                                               {"db", "status"},
                                               {"user", "list"},
                                               {"token", "list"},
                                               {"audit"},
                                               {"context", "ls"},
                                               {"dbc", "list"},
                                               {"db", "audit"},
                                               {"retention", "list"}}) {
    auto words = list;
    words.emplace_back("--help");
    CHECK_MESSAGE(good(furrow_with({}, words)).find("--watch") != std::string::npos, list.back());
  }
}

TEST_CASE("furrow --watch: draws over the last round, and Ctrl-C ends it in good order") {
  cli_world world;
  auto furrow = watch_on_terminal(world, {"nodes", "--watch=100ms"});
  CHECK(furrow.sees("\x1b[?25l"));
  CHECK(furrow.sees("alive"));
  CHECK(furrow.sees("\x1b[H"));
  CHECK(furrow.sees("alive"));
  furrow.type("\x03");
  CHECK(furrow.wait() == 0);
  CHECK(furrow.shown().ends_with("\x1b[?25h"));
  CHECK(furrow.is_restored());
}

TEST_CASE("furrow --watch: a node that goes away is reported, and asked again") {
  std::optional<cli_world> world{std::in_place};
  // The children have inherited the socket that listens: they may connect, and are not answered.
  auto table = watch_on_terminal(*world, {"nodes", "--watch=100ms", "--timeout", "0.5"});
  auto lines =
    watch_on_terminal(*world, {"nodes", "--watch=100ms", "--timeout", "0.5", "-o", "jsonl"});
  CHECK(table.sees("alive"));
  CHECK(lines.sees("\"alive\""));
  world.reset();
  CHECK(lines.sees("asking again every 100ms"));
  CHECK(table.sees("asking again every 100ms"));
  CHECK(table.sees("alive")); // the last rows stay
  lines.signal(SIGTERM);
  table.signal(SIGINT);
  CHECK(lines.wait() == 0);
  CHECK(table.wait() == 0);
}
