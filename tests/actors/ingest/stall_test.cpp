// A node that stores nothing says so, also where the database answers: all streams are held, or all appends are fenced.
#include "tests/actors/ingest/gateways_world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace furrow;
using namespace furrow::actors;
using namespace std::chrono_literals;

namespace {

struct stall_world : tests::gateways_world {
  std::vector<tests::visitor> all{greet("farm", "T1", 1), greet("farm", "T2", 2)};
  std::vector<std::uint64_t> next{1, 1};

  /// A machine that is not adrift sends five frames. After a rewind the gateway goes on behind what is durable.
  void send(std::size_t machine) {
    auto& from = all[machine];
    next[machine] = from.heard->durable + 1;
    send_frames(from, next[machine]);
  }
  void hold(std::set<std::string> machines) {
    const std::lock_guard lock{tables->mutex};
    tables->held = std::move(machines);
  }
  /// Another node claims the stream of the machine.
  void claim_elsewhere(std::size_t machine) {
    const std::lock_guard lock{tables->mutex};
    ++tables->streams.at(machine).epoch;
  }
  std::chrono::seconds stalled() { return people->home(0).stall.since(system.now()); }
  std::size_t held() { return people->home(0).stall.streams_held(); }
};

} // namespace

TEST_CASE_FIXTURE(stall_world,
                  "stall: goes on while another transaction holds all streams, and "
                  "ends when some items are stored") {
  send(0);
  send(1);
  REQUIRE(all[1].heard->durable == 5);
  const auto committed = people->counters.batches_committed.load();
  hold({"T1", "T2"});
  for (int seconds = 0; seconds < 60; ++seconds) {
    send(0);
    send(1);
    system.advance(1s);
  }
  CHECK(stalled() >= 59s);
  CHECK(held() == 2);
  CHECK(people->counters.batches_committed == committed);
  CHECK(people->counters.store_up); // the database answers
  hold({});
  system.advance(1s);
  CHECK(held() == 0);
  CHECK(stalled() > 59s); // nothing is stored yet
  send(0);
  CHECK(all[0].heard->durable == 10);
  CHECK(stalled() == 0s);
  send(1);
  CHECK(all[1].heard->durable == 10);
}

TEST_CASE_FIXTURE(stall_world,
                  "stall: does not grow while one stream is held and another one is stored") {
  hold({"T1"});
  auto longest = 0s;
  for (int seconds = 0; seconds < 60; ++seconds) {
    send(0);
    send(1);
    system.advance(1s);
    longest = std::max(longest, stalled());
  }
  CHECK(held() == 1);
  CHECK(all[1].heard->durable == 300);
  CHECK(longest <= 2s);
}

TEST_CASE_FIXTURE(stall_world, "stall: ends when the gateways of held streams leave") {
  hold({"T1"});
  send(0);
  system.advance(40s);
  CHECK(stalled() >= 40s);
  caf::anon_send(all[0].target->end(), detach_notice{all[0].session});
  system.advance(1s);
  CHECK(held() == 0);
  system.advance(stall_watch::dropped_kept);
  CHECK(stalled() == 0s);
}

TEST_CASE_FIXTURE(stall_world,
                  "stall: a held stream is not forgotten with a claim desk that dies") {
  hold({"T1"});
  send(0);
  system.advance(20s);
  REQUIRE(kill("claim-desk"));
  system.advance(20s);
  CHECK(held() == 1);
  CHECK(stalled() >= 40s);
}

TEST_CASE_FIXTURE(stall_world,
                  "stall: an append that only finds newer claims stores nothing, and is none") {
  send(0);
  const auto committed = people->counters.batches_committed.load();
  claim_elsewhere(0);
  send(0);
  CHECK(all[0].heard->rewinds == 1);
  CHECK(people->counters.batches_committed == committed);
  CHECK(stalled() == 0s);
  send(0);
  REQUIRE(all[0].heard->durable == 10);
  // A failed append before it stays failed: nothing shows that the database stores.
  people->store_failed(store_work::append, {storage::errc::retry_later, "disk full"}, system.now());
  claim_elsewhere(0);
  send(0);
  CHECK_FALSE(people->counters.store_up);
  send(0);
  CHECK(people->counters.store_up);
}

TEST_CASE_FIXTURE(stall_world, "stall: goes on while a writer that stores nothing keeps dying") {
  for (int deaths = 0; deaths < 3; ++deaths) {
    CHECK(stalled() >= 40s * deaths); // also while nothing waits, until the gateway sends again
    tables->set_silent(true);
    send(0);
    system.advance(38s);
    tables->set_silent(false); // for the claim that follows
    REQUIRE(kill("writer-0"));
    system.advance(2s);
  }
  send(0);
  CHECK(all[0].heard->durable == 5);
  CHECK(stalled() == 0s);
}
