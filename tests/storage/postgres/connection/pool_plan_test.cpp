// When the pool opens, pings, closes and refuses, in virtual time.
#include "storage/postgres/connection/pool_plan.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace furrow::storage;
using namespace std::chrono_literals;

namespace {

const failure refused_text{errc::retry_later, "connection refused"};

/// A pool whose connections open at once and whose jobs last until they are ended.
struct bench {
  explicit bench(const pool_options& options) : plan{options, 1} {}

  void run_until_quiet() {
    for (int steps = 0; steps < 1'000; ++steps) {
      const auto action = plan.next(now);
      if (!action)
        return;
      carry_out(*action);
    }
    FAIL("the plan never comes to rest");
  }
  void carry_out(const pool_action& action) {
    using enum pool_step;
    if (action.what == run)
      running.push_back(action.slot);
    if (action.what == refuse)
      refusals.push_back(action.why->detail);
    closed += action.what == close ? 1 : 0;
    if (action.what == ping) {
      ++pinged;
      plan.checked(action.slot, stands, now);
    }
    if (action.what != open)
      return;
    ++attempts;
    if (fault)
      plan.open_failed(action.slot, *fault, refused_text, 1ms, now);
    else
      plan.opened(action.slot, now);
  }
  void ask(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      plan.asked(now);
    run_until_quiet();
  }
  void end(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      REQUIRE_FALSE(running.empty());
      plan.freed(running.front(), true, now);
      running.erase(running.begin());
      run_until_quiet();
    }
  }
  /// Wakes at the time that the plan gives, and never otherwise.
  void pass(std::chrono::milliseconds span) {
    const auto until = now + span;
    for (int wakes = 0; plan.wake_at() <= until; ++wakes) {
      REQUIRE(wakes < 10'000); // a plan that spins
      now = std::max(now, plan.wake_at());
      run_until_quiet();
    }
    now = until;
    run_until_quiet();
  }

  pool_plan plan;
  pool_plan::time now{1h};
  std::optional<open_fault> fault;
  bool stands = true;
  std::vector<std::size_t> running;
  std::vector<std::string> refusals;
  unsigned attempts = 0;
  unsigned pinged = 0;
  unsigned closed = 0;
};

pool_options small() {
  pool_options out;
  out.min = 1;
  out.max = 3;
  out.overflow = 2;
  return out;
}

} // namespace

TEST_CASE("pool plan: opens the minimum at the start, and up to the maximum under load") {
  bench b{small()};
  b.run_until_quiet();
  CHECK(b.plan.numbers().open == 1);
  b.ask(1);
  CHECK(b.plan.numbers().open == 1);
  b.ask(4);
  CHECK(b.plan.numbers().open == 3);
  CHECK(b.plan.numbers().in_use == 3);
  CHECK(b.plan.numbers().waiting == 2);
  b.end(2);
  CHECK(b.plan.numbers().waiting == 0);
  CHECK(b.plan.numbers().acquired == 5);
  CHECK(b.plan.numbers().waited == 0); // in virtual time they were free at once
}

TEST_CASE("pool plan: a query that gets a connection within a millisecond has not waited") {
  bench b{small()};
  b.run_until_quiet();
  b.plan.asked(b.now);
  b.now += 200us; // until the thread of the pool comes to it
  b.run_until_quiet();
  CHECK(b.plan.numbers().acquired == 1);
  CHECK(b.plan.numbers().waited == 0);
  b.end(1);
  b.plan.asked(b.now);
  b.now += 1ms;
  b.run_until_quiet();
  CHECK(b.plan.numbers().waited == 1);
  b.plan.was_dead(b.running.front(), b.now, b.now); // it asks again, and is counted once
  b.running.clear();
  CHECK(b.plan.numbers().waited == 0);
  CHECK(b.plan.numbers().acquired == 1);
}

TEST_CASE("pool plan: opens overflow for a job that has waited, and closes it when idle") {
  bench b{small()};
  b.ask(5);
  CHECK(b.plan.numbers().open == 3);
  b.pass(99ms);
  CHECK(b.plan.numbers().overflow == 0);
  b.pass(1ms);
  CHECK(b.plan.numbers().open == 5);
  CHECK(b.plan.numbers().overflow == 2);
  CHECK(b.plan.numbers().overflow_opened == 2);
  CHECK(b.plan.numbers().waited == 2);
  b.ask(1);
  b.pass(1s);
  CHECK(b.plan.numbers().open == 5); // no more than max and overflow
  b.end(6);
  b.pass(2s);
  CHECK(b.plan.numbers().open == 3);
  CHECK(b.plan.numbers().overflow == 0);
}

TEST_CASE("pool plan: closes connections beyond the minimum after the idle time") {
  auto options = small();
  options.idle_after = 60s;
  bench b{options};
  b.ask(3);
  b.end(3);
  CHECK(b.plan.numbers().open == 3);
  b.pass(59s);
  CHECK(b.plan.numbers().open == 3);
  b.pass(1s);
  CHECK(b.plan.numbers().open == 1);
  CHECK(b.plan.numbers().idle_closed == 2);
}

TEST_CASE("pool plan: jobs in sequence use one connection, so that the others can be closed") {
  auto options = small();
  options.idle_after = 10s;
  bench b{options};
  b.ask(3);
  b.end(3);
  for (int second = 0; second < 11; ++second) {
    b.ask(1);
    b.end(1);
    b.pass(1s);
  }
  CHECK(b.plan.numbers().open == 1);
}

TEST_CASE("pool plan: refuses a job that waited too long, with the settings to change") {
  auto options = small();
  options.acquire_timeout = 500ms;
  bench b{options};
  b.ask(6);
  b.pass(499ms);
  CHECK(b.refusals.empty());
  b.pass(1ms);
  REQUIRE(b.refusals.size() == 1);
  CHECK(b.refusals[0]
        == "no connection within 500 ms: 5 of 5 in use (--pool-max, --pool-overflow, "
           "--pool-acquire-timeout)");
  CHECK(b.plan.numbers().timeouts == 1);
  CHECK(b.plan.numbers().waiting == 0);
}

TEST_CASE("pool plan: replaces an old connection when it is free, never during a job") {
  auto options = small();
  options.recycle_after = 100s;
  bench b{options};
  b.ask(1);
  b.pass(200s);
  CHECK(b.closed == 0);
  b.end(1);
  CHECK(b.plan.numbers().recycled == 1);
  CHECK(b.plan.numbers().open == 1); // the minimum is kept
  CHECK(b.plan.numbers().opened == 2);
}

TEST_CASE("pool plan: pings an idle connection before use, and does not use a dead one") {
  auto options = small();
  options.ping_after = 5s;
  options.check_interval = 1h;
  bench b{options};
  b.run_until_quiet();
  b.pass(4s);
  b.ask(1);
  CHECK(b.pinged == 0);
  b.end(1);
  b.pass(5s);
  b.ask(1);
  CHECK(b.pinged == 1);
  b.end(1);
  b.pass(6s);
  b.stands = false;
  b.ask(1);
  CHECK(b.plan.numbers().pings_failed == 1);
  CHECK(b.plan.numbers().opened == 2);
  CHECK(b.running.size() == 1);
  CHECK(b.refusals.empty());
}

TEST_CASE("pool plan: a ping time of zero pings once per use, and then rests") {
  auto options = small();
  options.ping_after = 0ms;
  bench b{options};
  b.run_until_quiet();
  b.pass(10ms);
  b.ask(1);
  CHECK(b.pinged == 1);
  CHECK(b.running.size() == 1);
}

TEST_CASE("pool plan: pings idle connections at the health check's interval") {
  auto options = small();
  options.check_interval = 30s;
  options.idle_after = 1h;
  bench b{options};
  b.ask(3);
  b.end(3);
  b.pass(95s);
  CHECK(b.pinged == 9);
  b.stands = false;
  b.pass(30s);
  CHECK(b.plan.numbers().broken >= 3);
  CHECK(b.plan.numbers().open == 1);
}

TEST_CASE(
  "pool plan: tries an absent database a limited number of times, then fails the waiting jobs") {
  auto options = small();
  options.min = 0;
  options.attempts = 3;
  bench b{options};
  b.fault = open_fault::away;
  b.ask(2);
  CHECK(b.attempts == 1);
  CHECK(b.refusals.empty());
  b.pass(200ms);
  CHECK(b.attempts == 3);
  REQUIRE(b.refusals.size() == 2);
  CHECK(b.refusals[0] == "connection refused");
  b.ask(1); // known to be away: refused at once, without an attempt
  CHECK(b.attempts == 3);
  CHECK(b.refusals.size() == 3);
  b.pass(1h);
  CHECK(b.attempts == 3); // no job waits, so no attempt is made
  b.fault.reset();
  b.ask(1);
  CHECK(b.running.size() == 1);
}

TEST_CASE("pool plan: pauses between attempts grow, with jitter, up to the limit") {
  auto options = small();
  options.acquire_timeout = 1h;
  options.attempts = 1'000;
  options.max = 1;
  pool_plan plan{options, 7};
  pool_plan::time now{1h};
  plan.asked(now);
  std::vector<std::chrono::milliseconds> pauses;
  for (int n = 0; n < 12; ++n) {
    const auto action = plan.next(now);
    REQUIRE(action);
    REQUIRE(action->what == pool_step::open);
    plan.open_failed(action->slot, open_fault::away, refused_text, 1s, now); // a slow failure
    REQUIRE_FALSE(plan.next(now));
    pauses.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(plan.wake_at() - now));
    now = plan.wake_at();
  }
  CHECK(pauses[0] >= 25ms);
  CHECK(pauses[0] <= 50ms);
  CHECK(pauses[5] >= 800ms);
  CHECK(pauses[5] <= 1'600ms);
  for (std::size_t n = 8; n < pauses.size(); ++n) {
    CHECK(pauses[n] >= 2'500ms);
    CHECK(pauses[n] <= 5'000ms);
  }
  CHECK(pauses[9] != pauses[10]);
}

TEST_CASE("pool plan: a server at its connection limit does not cost the open connections") {
  bench b{small()};
  b.ask(1);
  b.fault = open_fault::full;
  b.ask(2);
  CHECK(b.plan.numbers().waiting == 2);
  CHECK(b.refusals.empty());
  b.pass(1s);
  CHECK(b.refusals.empty());
  CHECK(b.plan.numbers().server_full > 1);
  b.end(1); // the open one takes the waiting job
  CHECK(b.plan.numbers().waiting == 1);
  b.fault.reset();
  b.pass(1s);
  CHECK(b.plan.numbers().waiting == 0);
}

TEST_CASE("pool plan: without a connection it waits for a full server, up to the time-out") {
  bench b{small()};
  b.fault = open_fault::full;
  b.ask(1);
  b.pass(4s);
  CHECK(b.refusals.empty());
  b.pass(1s);
  REQUIRE(b.refusals.size() == 1);
  CHECK(b.refusals[0].find("the last attempt to open one: connection refused")
        != std::string::npos);
}

TEST_CASE("pool plan: reports a misconfigured database at once") {
  bench b{small()};
  b.fault = open_fault::misconfigured;
  b.ask(3);
  CHECK(b.refusals.size() == 3);
  CHECK(b.attempts == 1);
}

TEST_CASE("pool plan: another pool's connection ends the pause before an attempt") {
  auto options = small();
  options.min = 0;
  bench b{options};
  b.fault = open_fault::away;
  b.ask(1);
  b.pass(10s);
  REQUIRE(b.refusals.size() == 1);
  b.ask(1);
  b.fault.reset();
  b.plan.database_answers();
  b.ask(1);
  CHECK(b.running.size() == 1);
}

TEST_CASE("pool plan: a job whose connection was dead becomes the next job again") {
  auto options = small();
  options.min = 0;
  bench b{options};
  b.ask(1);
  REQUIRE(b.running.size() == 1);
  const auto asked = b.now;
  b.pass(1ms);
  b.plan.was_dead(b.running[0], asked, b.now);
  b.running.clear();
  b.run_until_quiet();
  CHECK(b.running.size() == 1);
  CHECK(b.plan.numbers().acquired == 1);
  CHECK(b.plan.numbers().broken == 1);
}

TEST_CASE("pool options: name settings that do not fit together as on the command line") {
  auto options = *pool_profile("production");
  CHECK_FALSE(unsound(options));
  CHECK_FALSE(unsound(*pool_profile("development")));
  CHECK_FALSE(pool_profile("staging"));
  options.min = 11;
  CHECK(unsound(options) == "--pool-min 11: more than --pool-max 10");
  options.min = 0;
  options.overflow = 200;
  CHECK(unsound(options) == "--pool-max 10 and --pool-overflow 200: together at most 200");
  options.overflow = 0;
  options.max = 0;
  CHECK(unsound(options));
}
