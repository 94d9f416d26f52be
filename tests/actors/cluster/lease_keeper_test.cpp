// When a node renews its lease, judges others, and ends.
#include "actors/cluster/lease_keeper.hpp"

#include <doctest/doctest.h>

using namespace furrow::actors;
using namespace std::chrono_literals;
using ask = lease_question;
using state = node_state;

namespace {

struct keeper_world {
  lease_keeper keeper;
  lease_keeper::clock::time_point now{1h};

  /// Asks and answers for that long; answers what `row` says at once.
  void live(std::chrono::milliseconds time, const lease_answer& row = {}) {
    const auto end = now + time;
    while (now < end) {
      const auto asked = keeper.next(now);
      if (asked == ask::judge)
        keeper.judged(now);
      else if (asked != ask::none)
        keeper.answered(row, now);
      now += 10ms;
    }
  }
  /// Nobody answers.
  unsigned silence(std::chrono::milliseconds time) {
    unsigned asked = 0;
    for (const auto end = now + time; now < end; now += 10ms)
      asked += keeper.next(now) != ask::none ? 1 : 0;
    return asked;
  }
};

} // namespace

TEST_CASE("lease: a node joins at once, and then renews once a second") {
  keeper_world world;
  CHECK(world.keeper.state() == state::joining);
  CHECK(world.keeper.next(world.now) == ask::join);
  CHECK(world.keeper.next(world.now) == ask::none); // one question at a time
  world.keeper.answered({}, world.now + 5ms);
  CHECK(world.keeper.state() == state::alive);
  CHECK(world.keeper.wake() == world.now + 1s);
  CHECK(world.keeper.next(world.now + 999ms) == ask::none);
  CHECK(world.keeper.next(world.now + 1s) == ask::beat);
}

TEST_CASE("lease: joining goes on until the database answers") {
  keeper_world world;
  CHECK(world.silence(10s) >= 8); // the deadline and a pause for each
  CHECK(world.keeper.state() == state::joining);
  world.live(1s);
  CHECK(world.keeper.state() == state::alive);
}

TEST_CASE("lease: without an answer for three seconds a node is unsure, works on, and is alive "
          "again with the next answer") {
  keeper_world world;
  world.live(10s);
  const auto last = world.now;
  (void)world.silence(1'500ms);
  CHECK(world.keeper.state() == state::alive);
  (void)world.silence(1'600ms);
  CHECK(world.keeper.state() == state::unsure);
  world.live(500ms);
  CHECK(world.keeper.state() == state::alive);
  CHECK(world.now - last < 5s);
}

TEST_CASE("lease: the age of the lease counts from the question, for the answer may be late") {
  keeper_world world;
  world.live(1s);
  while (world.keeper.next(world.now) != ask::beat)
    world.now += 10ms;
  const auto asked = world.now;
  world.keeper.answered({}, asked + 800ms);
  (void)world.keeper.next(asked + 2'990ms);
  CHECK(world.keeper.state() == state::alive);
  (void)world.keeper.next(asked + 3s);
  CHECK(world.keeper.state() == state::unsure);
}

TEST_CASE("lease: an answer after its deadline is no answer") {
  keeper_world world;
  world.live(1s);
  while (world.keeper.next(world.now) != ask::beat)
    world.now += 10ms;
  world.now += 900ms;
  CHECK(world.keeper.next(world.now) == ask::none); // given up
  world.keeper.answered({true, false}, world.now);
  CHECK(world.keeper.state() == state::alive);
}

TEST_CASE("lease: a node whose row is another's is dead and asks nothing more") {
  keeper_world world;
  world.live(2s);
  world.live(2s, {true, false});
  CHECK(world.keeper.state() == state::dead);
  CHECK(world.silence(10s) == 0);
}

TEST_CASE("lease: a frozen node learns on waking that it is dead") {
  keeper_world world;
  world.live(10s);
  world.now += 1h; // stopped
  const auto asked = world.keeper.next(world.now);
  CHECK(world.keeper.state() == state::unsure);
  CHECK(asked == ask::beat);
  world.keeper.answered({true, false}, world.now);
  CHECK(world.keeper.state() == state::dead);
}

TEST_CASE("lease: a row that is gone is made again") {
  keeper_world world;
  world.live(5s);
  while (world.keeper.next(world.now) != ask::beat)
    world.now += 10ms;
  world.keeper.answered({false, false}, world.now);
  CHECK(world.keeper.state() == state::alive);
  CHECK(world.keeper.next(world.now) == ask::join);
}

TEST_CASE("lease: who has its row already does not join again, as a restarted actor") {
  lease_keeper keeper{{}, true};
  const lease_keeper::clock::time_point now{1h};
  CHECK(keeper.next(now) == ask::beat);
  keeper.answered({true, false}, now); // a newer process has the name
  CHECK(keeper.state() == state::dead);
}

TEST_CASE("lease: only a node whose own lease has not lapsed for four seconds judges") {
  const lease_answer late{true, true, false, true};
  keeper_world world;
  // Joins while another node is late.
  unsigned judged = 0;
  std::chrono::milliseconds first{0};
  for (auto passed = 0ms; passed < 10s; passed += 10ms) {
    const auto asked = world.keeper.next(world.now);
    if (asked == ask::judge) {
      if (judged++ == 0)
        first = passed;
      world.keeper.judged(world.now);
    } else if (asked != ask::none)
      world.keeper.answered(late, world.now);
    world.now += 10ms;
  }
  CHECK(judged > 0);
  CHECK(first >= 4s);
  CHECK(first <= 5s);
  // Its own lease lapses: then again not before four seconds.
  (void)world.silence(4s);
  for (auto passed = 0ms; passed < 3'900ms; passed += 10ms) {
    const auto asked = world.keeper.next(world.now);
    CHECK(asked != ask::judge);
    if (asked != ask::none)
      world.keeper.answered(late, world.now);
    world.now += 10ms;
  }
}

TEST_CASE(
  "lease: a node that another has missed is looked at when its lease ends, not a second later") {
  keeper_world world;
  world.live(10s);
  while (world.keeper.next(world.now) != ask::beat)
    world.now += 10ms;
  lease_answer answer;
  answer.next_late = 300ms; // it has missed two beats
  world.keeper.answered(answer, world.now);
  CHECK(world.keeper.next(world.now + 340ms) == ask::none);
  CHECK(world.keeper.next(world.now + 350ms) == ask::beat);
}

TEST_CASE("lease: judgements neither delay the own lease nor multiply the questions") {
  const lease_answer late{true, true, false, true};
  keeper_world world;
  unsigned beats = 0;
  unsigned judged = 0;
  for (auto passed = 0ms; passed < 20s; passed += 10ms, world.now += 10ms) {
    const auto asked = world.keeper.next(world.now);
    beats += asked == ask::beat ? 1 : 0;
    judged += asked == ask::judge ? 1 : 0;
    if (asked == ask::judge)
      world.keeper.judged(world.now); // refused each time
    else if (asked != ask::none)
      world.keeper.answered(late, world.now);
  }
  CHECK(beats >= 18);
  CHECK(beats <= 20);
  CHECK(judged >= 15);
  CHECK(world.keeper.state() == state::alive);
  while (world.keeper.next(world.now) != ask::judge) {
    world.keeper.answered(late, world.now);
    world.now += 10ms;
  }
  world.now += 900ms; // the judgement hangs
  (void)world.keeper.next(world.now);
  world.live(500ms);
  CHECK(world.keeper.state() == state::alive);
}

TEST_CASE("lease: people drain a node and take that back") {
  keeper_world world;
  world.live(2s);
  world.live(2s, {true, true, true});
  CHECK(world.keeper.state() == state::draining);
  (void)world.silence(4s);
  CHECK(world.keeper.state() == state::unsure);
  world.live(2s);
  CHECK(world.keeper.state() == state::alive);
}

TEST_CASE("lease: a node that ends says so at once") {
  keeper_world world;
  world.live(2s);
  world.keeper.leave(world.now);
  while (world.keeper.next(world.now) != ask::leave)
    world.now += 10ms;
  CHECK(world.keeper.state() == state::draining);
  world.keeper.left();
  CHECK(world.keeper.state() == state::left);
  CHECK(world.silence(5s) == 0);
}

TEST_CASE("lease: a node that ends while a question is under way leaves with the answer") {
  keeper_world world;
  world.live(2s);
  while (world.keeper.next(world.now) != ask::beat)
    world.now += 10ms;
  world.keeper.leave(world.now);
  CHECK(world.keeper.next(world.now) == ask::none);
  world.keeper.answered({}, world.now + 5ms);
  CHECK(world.keeper.next(world.now + 5ms) == ask::leave);
}

TEST_CASE("lease: a node that nobody has heard of leaves without a word") {
  lease_keeper keeper;
  const lease_keeper::clock::time_point now{1h};
  keeper.leave(now);
  CHECK(keeper.next(now) == ask::none);
  CHECK(keeper.state() == state::left);
}
