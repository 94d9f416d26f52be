#include "actors/live/actor_meter.hpp"
#include "tests/actors/tree_world.hpp"

#include <doctest/doctest.h>

using namespace furrow;
using namespace furrow::actors;
using namespace std::chrono_literals;

TEST_CASE("actor meter: says what waits, for how long, and what was done") {
  actor_meter meter;
  const auto start = actor_meter::clock::now();
  CHECK(meter.look(start).waiting == 0);
  for (int i = 0; i < 3; ++i)
    meter.arrived();
  auto seen = meter.look(actor_meter::clock::now() + 2s);
  CHECK(seen.waiting == 3);
  CHECK(seen.oldest_us >= 2'000'000);
  CHECK(seen.handled == 0);
  meter.handled(start, start + 5ms); // the marked one: the rest waits since then at least
  seen = meter.look(start + 1s);
  CHECK(seen.waiting == 2);
  CHECK(seen.handled == 1);
  CHECK(seen.busy_us == 5'000);
  CHECK(seen.oldest_us == 995'000);
  meter.handled(start, start);
  meter.handled(start, start);
  seen = meter.look(start + 1s);
  CHECK(seen.waiting == 0);
  CHECK(seen.oldest_us == 0);
}

TEST_CASE_FIXTURE(tests::tree_world,
                  "census: every actor of the tree is metered and says its kind") {
  for (const auto& row : people->rows()) {
    CAPTURE(row.name);
    CHECK_FALSE(row.kind.empty());
    CHECK(row.waiting == 0); // the test runs all messages
  }
  CHECK(row("writer-0").kind == "writer");
  CHECK(row("storage").kind == "supervisor");
  CHECK(row("fleet").handled >= 2); // it was told of the lane and the desk
}

TEST_CASE_FIXTURE(tests::tree_world,
                  "supervisor: an operator's restart is immediate and not counted") {
  for (int round = 0; round < 50; ++round) { // far more than the budget
    REQUIRE(people->restart(row("writer-0").id));
    system.run();
    REQUIRE(row("writer-0").state == "running");
  }
  CHECK(row("writer-0").restarts == 50);
  CHECK(row("storage").restarts == 0);
  CHECK_FALSE(ended());
}
