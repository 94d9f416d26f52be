#include "tests/fault/digest_story.hpp"
#include "tests/fault/kill_stories.hpp"

#include <doctest/doctest.h>

using namespace furrow::tests;

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

TEST_CASE("fault, sqlite: actors die one by one, and it recovers, and nothing is lost or doubled") {
  rig where{"sqlite"};
  replay_with_dying_actors(where);
}

TEST_CASE("fault, sqlite: kill -9 of the node during the digest, and it recovers, and nothing is "
          "counted twice or left out") {
  rig where{"sqlite"};
  digest_with_kills(where, nullptr, 4);
}
