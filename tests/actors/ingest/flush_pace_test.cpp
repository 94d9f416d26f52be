/// flush_pace in virtual time.
#include "actors/ingest/flush_pace.hpp"

#include <doctest/doctest.h>

using namespace furrow::actors;
using namespace std::chrono_literals;

namespace {

constexpr flush_pace::time_point start{1h};
constexpr flush_limits limits{150ms, 1'150ms, 256, 256U << 10U};

flush_pace::packed items(std::uint64_t count, double memory_used = 0) {
  return {count, 100 * count, false, memory_used};
}

} // namespace

TEST_CASE("flush pace: a small block waits for the longest time, a large one for the shortest") {
  flush_pace small{limits};
  CHECK_FALSE(small.is_due(items(10), start));
  CHECK(small.next_look(start) == 1'150ms);
  CHECK_FALSE(small.is_due(items(20), start + 1'149ms));
  CHECK_FALSE(small.next_look(start + 1'149ms)); // the timer runs
  CHECK(small.is_due(items(20), start + 1'150ms));
  flush_pace large{limits};
  CHECK_FALSE(large.is_due(items(256), start));
  CHECK(large.next_look(start) == 150ms);
  CHECK(large.is_due(items(256), start + 150ms));
  flush_pace wide{limits}; // few items with much content
  CHECK_FALSE(wide.is_due({2, 256U << 10U}, start));
  CHECK(wide.next_look(start) == 150ms);
}

TEST_CASE("flush pace: a block that grows large is flushed without waiting for its timer") {
  flush_pace pace{limits};
  CHECK_FALSE(pace.is_due(items(100), start));
  CHECK(pace.next_look(start) == 1'150ms);
  CHECK(pace.is_due(items(300), start + 600ms));
  CHECK(pace.patience(start + 600ms) > 0ms);
  pace.emptied();
  CHECK_FALSE(pace.is_due(items(10), start + 700ms)); // the next block
  CHECK_FALSE(pace.next_look(start + 700ms));         // the old timer comes before it is due
  CHECK_FALSE(pace.is_due(items(10), start + 1'150ms));
  CHECK(pace.next_look(start + 1'150ms) == 700ms);
}

TEST_CASE("flush pace: somebody who reads the machine makes its blocks hurry") {
  flush_pace pace{limits};
  CHECK_FALSE(pace.is_due(items(10), start));
  CHECK(pace.next_look(start) == 1'150ms);
  auto read = items(20);
  read.hurried = true;
  CHECK_FALSE(pace.is_due(read, start + 100ms));
  CHECK(pace.next_look(start + 100ms) == 50ms); // an earlier timer
  CHECK(pace.is_due(read, start + 150ms));
  CHECK(pace.patience(start + 150ms) == 0ms);
}

TEST_CASE("flush pace: waits shrink as memory fills, and end at the shortest") {
  flush_pace pace{limits};
  CHECK_FALSE(pace.is_due(items(10, 0.25), start));
  CHECK(pace.next_look(start) == 1'150ms);
  CHECK_FALSE(pace.is_due(items(10, 0.375), start + 1ms));
  CHECK(pace.next_look(start + 1ms) == 649ms);
  CHECK(pace.is_due(items(10, 0.5), start + 150ms));
}

TEST_CASE("flush pace: no item waits for longer than the longest time, patience included") {
  flush_pace pace{limits};
  CHECK_FALSE(pace.is_due(items(1), start));
  CHECK(pace.is_due(items(255), start + 1'150ms));
  CHECK(pace.patience(start + 1'150ms) <= 1'150ms / 8);
  const flush_limits fixed{150ms, 150ms, 256, 256U << 10U};
  flush_pace as_before{fixed};
  CHECK_FALSE(as_before.is_due(items(1), start));
  CHECK(as_before.next_look(start) == 150ms);
  CHECK(as_before.patience(start + 150ms) == 0ms);
}
