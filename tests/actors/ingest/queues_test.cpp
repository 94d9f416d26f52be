#include "actors/ingest/append_queue.hpp"
#include "actors/ingest/claim_queue.hpp"
#include "actors/supervision/restart_policy.hpp"

#include <doctest/doctest.h>

using namespace furrow;
using namespace furrow::actors;
using namespace std::chrono_literals;

namespace {

std::shared_ptr<held_append> append_of(std::int32_t stream, std::size_t frames) {
  auto held = std::make_shared<held_append>();
  held->append.claim.stream = stream;
  held->append.to = frames;
  can::frame_block block;
  const std::uint8_t payload[8] = {};
  for (std::size_t i = 0; i < frames; ++i)
    REQUIRE(block.push(0, can::pack({.id = 1, .length = 8}), payload));
  held->append.frames.push_back({1, std::move(block)});
  return held;
}

claim_wish_entry<int> wish(int origin, std::uint8_t stream, std::uint64_t ticket) {
  claim_wish_entry<int> entry;
  entry.origin = origin;
  entry.ticket = ticket;
  entry.request.stream_id[0] = stream;
  return entry;
}

} // namespace

TEST_CASE("append queue: gives appends in order, up to the limit and at least one") {
  append_queue<int> queue{1'000, 0ms};
  queue.add(1, append_of(1, 5'000), {}); // above the limit by itself
  queue.add(2, append_of(2, 1), {});
  queue.add(3, append_of(3, 1), {});
  auto first = queue.take({});
  REQUIRE(first.tickets.size() == 1);
  CHECK(first.tickets[0].origin == 1);
  CHECK(first.batch->at(0).claim.stream == 1);
  auto second = queue.take({});
  CHECK(second.tickets.size() == 2);
  CHECK(queue.empty());
}

TEST_CASE("append queue: dropping all appends returns the origin of each") {
  append_queue<int> queue{1'000, 0ms};
  queue.add(1, append_of(1, 1), {});
  queue.add(2, append_of(2, 1), {});
  const auto gone = queue.let_go();
  CHECK(gone.size() == 2);
  CHECK(gone[1].claim.stream == 2);
  CHECK(queue.empty());
}

TEST_CASE("append queue: gathers between transactions, but not on an idle lane or when full") {
  append_queue<int> queue{1'000, 20ms};
  const append_queue<int>::clock::time_point start{1h};
  queue.add(1, append_of(1, 1), start);
  CHECK(queue.wait(start) == 0ms); // no transaction before it: no wait
  CHECK(queue.take(start).tickets.size() == 1);
  queue.add(2, append_of(2, 1), start + 5ms);
  CHECK(queue.wait(start + 5ms) == 15ms);
  CHECK(queue.wait(start + 20ms) == 0ms);
  queue.add(3, append_of(3, 5'000), start + 5ms);
  CHECK(queue.wait(start + 5ms) == 0ms); // full
  CHECK(queue.take(start + 5ms).tickets.size() == 1);
  CHECK(queue.take(start + 5ms).tickets.size() == 1);
  queue.add(4, append_of(4, 1), start + 6ms);
  CHECK(queue.wait(start + 6ms) == 19ms); // the full transaction has begun
}

TEST_CASE("append queue: patient appends gather until the least patient one is due") {
  append_queue<int> queue{10'000, 20ms};
  const append_queue<int>::clock::time_point start{1h};
  const auto patient = [](std::int32_t stream, std::chrono::milliseconds patience) {
    auto held = append_of(stream, 1);
    held->patience = patience;
    return held;
  };
  queue.add(1, patient(1, 250ms), start);
  CHECK(queue.wait(start) == 250ms); // also on an idle lane
  queue.add(2, patient(2, 100ms), start + 50ms);
  CHECK(queue.wait(start + 50ms) == 100ms);
  queue.add(3, patient(3, 0ms), start + 60ms); // somebody waits for this one
  CHECK(queue.wait(start + 60ms) == 0ms);
  CHECK(queue.take(start + 60ms).tickets.size() == 3);
  queue.add(4, patient(4, 0ms), start + 65ms);
  CHECK(queue.wait(start + 65ms) == 15ms); // as far as the lane's own pause
  queue.add(5, append_of(5, 5'000), start + 66ms);
  CHECK(queue.wait(start + 66ms) == 0ms); // full
}

TEST_CASE("claim queue: many wishes become one call, and there is one call at a time") {
  claim_queue<int> queue{100ms, 1s};
  for (std::uint8_t i = 0; i < 200; ++i)
    queue.add(wish(i, i, 1));
  CHECK(queue.take().size() == 200);
  queue.add(wish(1, 250, 1));
  CHECK(queue.take().empty());
  std::vector<storage::claim_outcome> outcomes(200);
  CHECK(queue.succeeded(outcomes).size() == 200);
  CHECK(queue.take().size() == 1);
}

TEST_CASE("claim queue: a newer wish of a stream replaces an older one, waiting or in a call") {
  claim_queue<int> queue{100ms, 1s};
  queue.add(wish(1, 7, 1));
  queue.add(wish(2, 7, 1));
  CHECK(queue.take().size() == 1);
  queue.add(wish(3, 7, 5));
  std::vector<storage::claim_outcome> outcomes(1);
  CHECK(queue.succeeded(outcomes).empty()); // the wish was replaced
  CHECK(queue.take().size() == 1);
  const auto done = queue.succeeded(outcomes);
  REQUIRE(done.size() == 1);
  CHECK(done[0].wish.origin == 3);
}

TEST_CASE("claim queue: a wish that is withdrawn is not asked for, and nobody gets its answer") {
  claim_queue<int> queue{100ms, 1s};
  queue.add(wish(1, 1, 7));
  queue.add(wish(2, 2, 7));
  queue.add(wish(3, 3, 7));
  const auto of = [](int origin) {
    return [origin](const claim_wish_entry<int>& one) { return one.origin == origin; };
  };
  queue.withdraw(of(1));
  REQUIRE(queue.take().size() == 2);
  queue.withdraw(of(2));
  // The call holds two names: which one the database rejects is not known.
  CHECK(queue.failed(storage::errc::reject_row, 0).refused.empty());
  REQUIRE(queue.take().size() == 1);
  const auto done = queue.succeeded(std::vector<storage::claim_outcome>(1));
  REQUIRE(done.size() == 1);
  CHECK(done[0].wish.origin == 3);
  CHECK(queue.empty());
}

TEST_CASE("claim queue: a stream that is held is kept, told once, and waited for by nobody") {
  claim_queue<int> queue{100ms, 1s};
  queue.add(wish(1, 1, 1));
  queue.add(wish(2, 2, 1));
  REQUIRE(queue.take().size() == 2);
  std::vector<storage::claim_outcome> outcomes(2);
  outcomes[0].held = true;
  auto done = queue.succeeded(outcomes);
  REQUIRE(done.size() == 2);
  CHECK(done[0].outcome.held);
  CHECK(queue.empty()); // the desk is free for others
  REQUIRE(queue.holds());
  for (int again = 0; again < 3; ++again) {
    queue.ask_held();
    CHECK_FALSE(queue.holds());
    REQUIRE(queue.take().size() == 1);
    outcomes.resize(1);
    CHECK(queue.succeeded(outcomes).empty()); // told already
  }
  queue.add(wish(3, 1, 2)); // a newer session of the same stream
  CHECK_FALSE(queue.holds());
  REQUIRE(queue.take().size() == 1);
  outcomes[0].held = false;
  done = queue.succeeded(outcomes);
  REQUIRE(done.size() == 1);
  CHECK(done[0].wish.origin == 3);
}

TEST_CASE("claim queue: waits longer after each failure, reports the delay once, and starts anew "
          "after a success") {
  claim_queue<int> queue{100ms, 1s};
  queue.add(wish(1, 1, 1));
  std::vector<std::chrono::milliseconds> waits;
  for (int i = 0; i < 6; ++i) {
    REQUIRE(queue.take().size() == 1);
    const auto failed = queue.failed(storage::errc::retry_later, 1.0);
    CHECK(failed.delayed.size() == (i == 0 ? 1U : 0U));
    waits.push_back(failed.wait);
  }
  CHECK(waits
        == std::vector<std::chrono::milliseconds>{100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms});
  REQUIRE(queue.take().size() == 1);
  CHECK(queue.succeeded(std::vector<storage::claim_outcome>(1)).size() == 1);
  queue.add(wish(1, 1, 2));
  REQUIRE(queue.take().size() == 1);
  CHECK(queue.failed(storage::errc::retry_later, 1.0).wait == 100ms);
}

TEST_CASE("claim queue: a wish that the database rejects does not affect other wishes") {
  claim_queue<int> queue{100ms, 1s};
  for (std::uint8_t i = 0; i < 3; ++i)
    queue.add(wish(i, i, 1));
  REQUIRE(queue.take().size() == 3);
  CHECK(queue.failed(storage::errc::reject_row, 0).refused.empty());
  int refused = 0;
  int settled = 0;
  for (int i = 0; i < 3; ++i) {
    const auto call = queue.take();
    REQUIRE(call.size() == 1);
    if (call[0].stream_id[0] == 1)
      refused += static_cast<int>(queue.failed(storage::errc::reject_row, 0).refused.size());
    else
      settled += static_cast<int>(queue.succeeded(std::vector<storage::claim_outcome>(1)).size());
  }
  CHECK(refused == 1);
  CHECK(settled == 2);
  CHECK(queue.empty());
}

TEST_CASE("restart account: waits double, and the budget is spent within the window and restored "
          "after it") {
  restart_account account;
  const restart_policy policy{3, 10s, 50ms, 5s};
  const restart_account::time_point start{};
  CHECK(account.next(policy, start) == 50ms);
  CHECK(account.next(policy, start + 1s) == 100ms);
  CHECK(account.next(policy, start + 2s) == 200ms);
  CHECK_FALSE(account.next(policy, start + 3s));
  CHECK(account.next(policy, start + 12s) == 100ms); // two have left the window
  CHECK(account.total() == 4);
}

TEST_CASE("restart account: the waits before restarts do not move deaths out of the window") {
  restart_account account;
  const restart_policy policy{3, 10s, 50ms, 5s};
  restart_account::time_point now{};
  for (int deaths = 0; deaths < 3; ++deaths) {
    account.started(now);
    CHECK(account.next(policy, now += 1s));
    now += 5s; // the wait
  }
  account.started(now);
  CHECK_FALSE(account.next(policy, now + 1s));
}
