#include "tests/fault/digest_story.hpp"
#include "tests/fault/kill_stories.hpp"
#include "tests/tools/furrowd/node_program.hpp"

#include <doctest/doctest.h>

#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

using namespace furrow::tests;
using namespace std::chrono_literals;

TEST_CASE("fault, sqlite: kill -9 of the node, and it recovers, and nothing is lost or doubled") {
  rig where{"sqlite"};
  replay_with_kills(where, "node", {.node = true, .edge = false}, 1);
}

TEST_CASE(
  "fault, sqlite: kill -9 of the gateway, and it recovers, and nothing is lost or doubled") {
  rig where{"sqlite"};
  replay_with_kills(where, "edge", {.node = false, .edge = true}, 2);
}

TEST_CASE("fault, sqlite: kill -9 of both, and they recover, and nothing is lost or doubled") {
  rig where{"sqlite"};
  replay_with_kills(where, "both", {.node = true, .edge = true}, 3);
}

TEST_CASE(
  "fault, sqlite: a node that was killed shows the last state of a machine that left, with its "
  "age") {
  rig where{"sqlite"};
  last_state_after_a_kill(where);
}

TEST_CASE(
  "fault, sqlite: a node whose disk is full is not ready, says why, and comes back by itself") {
  const auto folder =
    std::filesystem::temp_directory_path() / ("furrow-full-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  if (::mount("none", folder.c_str(), "tmpfs", 0, "size=16m") != 0) {
    MESSAGE("no tmpfs can be mounted here: left out");
    return;
  }
  {
    rig where{"sqlite:" + (folder / "furrow.db").string()};
    where.start_node();
    const auto ready = [&] {
      return node_program::http_get(node_program::port_of(where.http()), "/ready");
    };
    CHECK(ready().status == 200);
    child_process fleet{std::string{FURROW_BIN_DIR} + "/furrow-sim",
                        {"run", "--node", where.gateway(), "--machines", "4", "--rate", "1000",
                         "--seconds", "8", "--until-durable", "--timeout", "60", "-q"},
                        (where.folder() / "sim.out").string()};
    std::ofstream{folder / "ballast"} << std::string(32U << 20U, 'x'); // until it is full
    REQUIRE(eventually(20s, [&] { return ready().status == 503; }));
    CHECK_MESSAGE(ready().body.find("full") != std::string::npos, ready().body);
    const auto until = std::chrono::steady_clock::now() + 3s;
    while (std::chrono::steady_clock::now() < until) {
      CHECK(ready().status == 503);
      pause_a_little();
    }
    CHECK(where.node_output().find("alarm store: ") != std::string::npos);
    REQUIRE(::mount("none", folder.c_str(), "tmpfs", MS_REMOUNT, "size=2g") == 0);
    CHECK(eventually(10s, [&] { return ready().status == 200; }));
    CHECK(fleet.wait(60s) == 0);
    int code = -1;
    where.furrow({"ledger"}, code);
    CHECK(code == 0);
    where.kill_node(SIGTERM);
  }
  ::umount2(folder.c_str(), MNT_DETACH);
}

TEST_CASE("fault, sqlite: actors die one by one, and it recovers, and nothing is lost or doubled") {
  rig where{"sqlite"};
  replay_with_dying_actors(where);
}

TEST_CASE("fault, sqlite: kill -9 of the node during the digest, and it recovers, and nothing is "
          "counted twice or left out") {
  rig where{"sqlite"};
  digest_with_kills(where, nullptr, 4);
}
