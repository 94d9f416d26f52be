// The supervision tree in virtual time: which actor is restarted, when a budget is spent, and which
// supervisor decides then.
#include "tests/actors/tree_world.hpp"

#include <doctest/doctest.h>

using namespace furrow;
using namespace furrow::actors;
using namespace std::chrono_literals;
using tests::tree_world;

namespace {

std::string ids_of(const std::vector<child_spec>& children) {
  std::string out;
  for (const auto& child : children)
    out += (out.empty() ? "" : " ") + child.id;
  return out;
}

} // namespace

TEST_CASE("supervision tree: it is data, with the budgets that ARCHITECTURE.md states") {
  tests::memory_store store{std::make_shared<tests::memory_tables>()};
  node_config config;
  config.lanes = 2;
  const auto tree =
    node_tree({config, &store, std::make_shared<census>(), std::make_shared<wiring>(2)});
  REQUIRE(ids_of(tree) == "storage fleet");
  CHECK(ids_of(tree[0].children) == "claim-desk writer-0 aggregator-0 writer-1 aggregator-1");
  for (const auto& child : tree) {
    CHECK(child.restart.restarts_max == 3);
    CHECK(child.restart.window == 300s);
  }
  for (const auto& child : tree[0].children) {
    CHECK(child.restart.restarts_max == 10);
    CHECK(child.restart.window == 60s);
  }
}

TEST_CASE_FIXTURE(tree_world,
                  "supervisor: storage ends when a writer spends its restarts, and is restarted") {
  for (std::uint32_t kills = 0; kills < 10; ++kills) {
    REQUIRE(kill("writer-0"));
    CHECK(row("writer-0").state == "restarting");
    system.advance(6s); // the longest wait is 5 s
    CHECK(row("writer-0").restarts == kills + 1);
  }
  CHECK(row("storage").restarts == 0);
  REQUIRE(kill("writer-0"));
  CHECK(row("storage").state == "restarting");
  CHECK(row("claim-desk").id == 0); // the children of storage have ended, too
  system.advance(50ms);
  CHECK(row("storage").restarts == 1);
  CHECK(row("writer-0").state == "running");
  CHECK(row("writer-0").restarts == 0);
  CHECK(row("fleet").restarts == 0);
  CHECK_FALSE(ended());
}

TEST_CASE_FIXTURE(tree_world,
                  "supervisor: a writer that runs for a minute gets its restarts back") {
  for (std::uint32_t kills = 0; kills < 20; ++kills) {
    REQUIRE(kill("writer-0"));
    system.advance(12s);
  }
  CHECK(row("storage").restarts == 0);
}

TEST_CASE_FIXTURE(tree_world, "supervisor: storage killed four times ends the root") {
  for (int kills = 0; kills < 3; ++kills) {
    REQUIRE(kill("storage"));
    system.advance(15s);
    CHECK_FALSE(ended());
  }
  REQUIRE(kill("storage"));
  CHECK(ended());
  CHECK(people->rows().size() <= 1); // the root's own row is the node's to remove
}

TEST_CASE_FIXTURE(tree_world, "supervisor: the children end when the root is killed") {
  REQUIRE(kill("node"));
  CHECK(ended());
  CHECK(row("storage").id == 0);
  CHECK(row("fleet").id == 0);
}

// A node once survived 51 kills in 150 s, because the waits before restarts moved the window along.
TEST_CASE_FIXTURE(tree_world, "supervisor: a writer killed every 3 s ends the root within 200 s") {
  auto passed = 0ms;
  while (!ended() && passed < 200s) {
    (void)kill("writer-0");
    system.advance(2'940ms);
    passed += 2'940ms;
  }
  CHECK(ended());
  CHECK(passed > 60s); // storage was restarted three times before
}
