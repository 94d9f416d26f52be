#include "tests/fault/digest_story.hpp"
#include "tests/fault/kill_stories.hpp"
#include "tests/support/pg_cluster.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <string>

using namespace furrow::tests;

namespace {

pg_cluster& cluster() {
  static pg_cluster one;
  return one;
}

/// A database of its own for each story.
std::string fresh(const std::string& name) {
  return cluster().make_database(name);
}

} // namespace

TEST_CASE(
  "fault, postgresql: kill -9 of the node, and it recovers, and nothing is lost or doubled") {
  rig where{fresh("kill_node")};
  replay_with_kills(where, "node", {.node = true, .edge = false}, 11);
}

TEST_CASE(
  "fault, postgresql: kill -9 of the gateway, and it recovers, and nothing is lost or doubled") {
  rig where{fresh("kill_edge")};
  replay_with_kills(where, "edge", {.node = false, .edge = true}, 12);
}

TEST_CASE("fault, postgresql: kill -9 of both, and they recover, and nothing is lost or doubled") {
  rig where{fresh("kill_both")};
  replay_with_kills(where, "both", {.node = true, .edge = true}, 13);
}

TEST_CASE(
  "fault, postgresql: the server is stopped at once and started, and nothing is lost or doubled") {
  rig where{fresh("kill_server")};
  replay_with_kills(where, "server",
                    {.node = false,
                     .edge = false,
                     .database =
                       [] {
                         cluster().stop_immediate();
                         cluster().start();
                       }},
                    14);
}

TEST_CASE(
  "fault, postgresql: the node dies in each window of an append, and nothing is lost or doubled") {
  int number = 0;
  for (const std::string window : {"append.before_begin", "append.in_copy", "append.after_cas",
                                   "append.commit_sent", "append.committed"}) {
    rig where{fresh("window" + std::to_string(++number))};
    replay_with_failpoint(where, window);
  }
}

TEST_CASE(
  "fault, postgresql: actors die one by one, and it recovers, and nothing is lost or doubled") {
  rig where{fresh("actors")};
  replay_with_dying_actors(where);
}

TEST_CASE("fault, postgresql: kill -9 of the node during the digest, beside another digest, and it "
          "recovers, and nothing is counted twice or left out") {
  const auto database = fresh("digest");
  rig where{database};
  rig beside{database};
  beside.always({"--node", "n2"}); // of two with one name the older one ends
  digest_with_kills(where, &beside, 15);
}

TEST_CASE("fault, postgresql: a node that was killed shows the last state of a machine that left, "
          "with its age") {
  rig where{fresh("last_state")};
  last_state_after_a_kill(where);
}

TEST_CASE("fault, postgresql: a gateway whose machine has a name that the database cannot hold is "
          "rejected with the reason, and the log says so once") {
  cluster().exec("create database latin encoding 'LATIN1' template template0 lc_collate 'C' "
                 "lc_ctype 'C'",
                 "postgres");
  rig where{cluster().url("latin")};
  where.start_node();
  const auto log = where.folder() / "one.log";
  std::ofstream{log} << "(1777617600.000000) can0 0CF00400#FFFFFFE02EFFFFFF\n";
  for (int again = 0; again < 3; ++again) {
    where.start_edge("T\u20ac", log);
    CHECK(where.edge_end(std::chrono::seconds{20}) == 1);
    CHECK_MESSAGE(where.edge_output().find("LATIN1") != std::string::npos, where.edge_output());
  }
  where.start_edge("T\u00fc", log); // its neighbour can be held
  CHECK(where.edge_end(std::chrono::seconds{20}) == 0);
  const auto told = where.node_output();
  const std::string line = "T\u20ac: refused: ";
  const auto first = told.find(line);
  CHECK(first != std::string::npos);
  CHECK(told.find(line, first + 1) == std::string::npos);
  where.kill_node(SIGTERM);
}
