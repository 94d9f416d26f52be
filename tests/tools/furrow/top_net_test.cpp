/// `furrow top` against a node: one round for scripts, and the screen in a terminal.
#include "tests/tools/furrow/cli_world.hpp"
#include "tests/tools/furrow/terminal_child.hpp"

#include <doctest/doctest.h>

#include <csignal>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;

namespace {

terminal_child top_on_terminal(const cli_world& world, std::vector<std::string> words) {
  words.insert(words.begin(), {FURROW_BIN_DIR "/furrow", "top"});
  return terminal_child{std::move(words), {{"FURROW_AT", world.front.url()}}};
}

} // namespace

TEST_CASE("furrow top --once: all panes as tables, one of them, or JSON") {
  cli_world furrow;
  furrow.node.database.measured = busy_activity();
  const auto shown = good(furrow("top", "--once"));
  for (const std::string words : {"NODES\nNODE", "\nACTORS\nACTOR", "\nMACHINES\nMACHINE",
                                  "\nWRITERS\nWRITER", "\nPOOL\nWHAT", "connections in use"})
    CHECK_MESSAGE(shown.find(words) != std::string::npos, words << " in " << shown);
  const auto all = nlohmann::json::parse(good(furrow("top", "--once", "-o", "json")));
  CHECK(all["nodes"][0]["node"] == "n1");
  CHECK(all["machines"].size() == 2);
  CHECK(all["machines"][0]["ack_lag"] == 6);
  CHECK(all["writers"][0]["actor"] == "writer-0");
  CHECK(all["faults"].empty());
  CHECK(good(furrow("top", "--once", "--pane", "machines", "-o", "csv"))
          .starts_with("machine,farm,node,frames_per_s,ack_lag,"));
  bad(furrow("top", "--once", "-o", "csv"), 2);
  bad(furrow("top", "--once", "--pane", "everything"), 2);
  bad(furrow_with({}, {"top", "--once", "--at", "http://127.0.0.1:1"}), 3);
}

TEST_CASE("furrow top --once: without the database, the rest is shown and the fault is named") {
  cli_world furrow;
  furrow.node.store_up = false;
  furrow.node.database.away = true;
  const auto shown = furrow("top", "--once");
  CHECK(shown.exit_code == 0);
  CHECK(shown.out.find("writer-0") != std::string::npos);
  CHECK(shown.errors.find("furrow: machines: ") != std::string::npos);
}

TEST_CASE("furrow top: needs a terminal, and says what to do without one") {
  cli_world furrow;
  CHECK(bad(furrow("top"), 2).find("`furrow top --once`") != std::string::npos);
}

TEST_CASE("furrow top: draws, sorts, shows a row, and leaves the terminal as it was") {
  cli_world world;
  auto top = top_on_terminal(world, {"--pane", "machines"});
  CHECK(top.sees("MACHINES 2"));
  CHECK(top.sees("ACK LAG"));
  CHECK(top.sees("T1"));
  CHECK_FALSE(top.is_restored()); // keys come one by one now
  top.type("s");
  CHECK(top.sees("SENT"));
  top.type("\r");
  CHECK(top.sees("last_seen_age_ms"));
  top.type("\x1b");
  CHECK(top.sees("WRITERS"));
  top.type("q");
  CHECK(top.wait() == 0);
  CHECK(top.shown().find("\x1b[?1049l") != std::string::npos);
  CHECK(top.is_restored());
}

TEST_CASE("furrow top: Ctrl-C ends it in good order; an unknown terminal is refused") {
  cli_world world;
  auto top = top_on_terminal(world, {});
  CHECK(top.sees("NODES 1"));
  top.type("\x03");
  CHECK(top.wait() == 0);
  CHECK(top.is_restored());
  terminal_child strange{{FURROW_BIN_DIR "/furrow", "top"},
                         {{"FURROW_AT", world.front.url()}, {"TERM", "no-such-terminal"}}};
  CHECK(strange.sees("TERM is \"no-such-terminal\""));
  CHECK(strange.wait() == 1);
  auto away =
    terminal_child{{FURROW_BIN_DIR "/furrow", "top"}, {{"FURROW_AT", "http://127.0.0.1:1"}}};
  CHECK(away.sees("cannot connect"));
  CHECK(away.wait() == 3);
}
