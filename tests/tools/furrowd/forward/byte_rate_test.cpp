// The rate of a site's lines to head office, and the turns of their samples, in virtual time.
#include "tools/furrowd/forward/byte_rate.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

using namespace furrow;
using namespace furrow::daemon;
using namespace std::chrono_literals;

TEST_CASE(
  "byte rate: no more than the limit goes in a minute, and a debt is paid before anything else") {
  byte_rate rate{1'000};
  byte_rate::time_point now{1h};
  std::uint64_t sent = 0;
  for (int i = 0; i < 6'000; ++i, now += 10ms)
    if (rate.open(now)) {
      rate.take(700, now);
      sent += 700;
    }
  CHECK(sent <= 61'700);
  CHECK(sent >= 58'000);
  rate.take(5'000, now);
  CHECK_FALSE(rate.open(now));
  const auto wait = rate.wait(now);
  CHECK(wait > 3s);
  CHECK(rate.open(now + wait));
  byte_rate free{0};
  free.take(1U << 30U, now);
  CHECK(free.open(now));
}

TEST_CASE(
  "byte rate: a sample goes before batches, up to a debt of a second, and batches are short") {
  byte_rate rate{20'000};
  byte_rate::time_point now{1h};
  byte_rate::sample_turn turn;
  CHECK(rate.batch_bytes_max() == 5'000);
  CHECK(byte_rate{100}.batch_bytes_max() == 2'048);
  CHECK(byte_rate{0}.batch_bytes_max() > 1U << 30U);
  rate.take(25'000, now);
  CHECK_FALSE(rate.open(now));
  CHECK(rate.open_for_sample(now, false, turn));
  rate.take_sample(1'000, now, turn);
  CHECK_FALSE(rate.open(now + 299ms)); // samples count
  CHECK(rate.open(now + 301ms));
  rate.take(30'000, now + 301ms);
  CHECK_FALSE(rate.open_for_sample(now + 301ms, true, turn)); // more than a second is owed
  CHECK(rate.open_for_sample(now + 900ms, true, turn));
  CHECK(rate.taken() == 55'000);
}

TEST_CASE("byte rate: samples have a sixth of the rate, and half of it is for watched machines") {
  byte_rate rate{12'000};
  byte_rate::time_point now{1h};
  byte_rate::sample_turn idle_turn;
  byte_rate::sample_turn watched_turn;
  std::uint64_t idle = 0;
  std::uint64_t watched = 0;
  for (int i = 0; i < 6'000; ++i, now += 10ms) {
    while (rate.open_for_sample(now, false, idle_turn)) {
      rate.take_sample(600, now, idle_turn);
      idle += 600;
    }
    if (i % 100 == 0 && rate.open_for_sample(now, true, watched_turn)) { // one machine, each second
      rate.take_sample(600, now, watched_turn);
      watched += 600;
    }
    if (rate.open(now))
      rate.take(3'000, now);
  }
  CHECK(watched == 60 * 600);
  CHECK(idle + watched <= 60 * 2'000 + 4'600);
  CHECK(idle + watched >= 60 * 1'900);
  CHECK(rate.taken() + idle + watched <= 61 * 12'000 + 3'000);
  CHECK(rate.taken() >= 60 * 9'900);
  byte_rate free{0};
  free.take_sample(1U << 30U, now, idle_turn);
  CHECK(free.open_for_sample(now, false, idle_turn));
}

TEST_CASE("byte rate: the largest samples of idle machines leave room for a watched one") {
  byte_rate rate{12'000};
  byte_rate::time_point now{1h};
  byte_rate::sample_turn idle_turn;
  byte_rate::sample_turn watched_turn;
  CHECK(rate.sample_bytes_max(true) == 4'000);
  CHECK(byte_rate{100}.sample_bytes_max(false) == 512);
  CHECK(byte_rate{0}.sample_bytes_max(false) > 1U << 30U);
  std::uint64_t idle = 0;
  int closed = 0;
  for (int i = 0; i < 6'000; ++i, now += 10ms) {
    while (rate.open_for_sample(now, false, idle_turn)) {
      const auto bytes = rate.sample_bytes_max(false);
      rate.take_sample(bytes, now, idle_turn);
      idle += bytes;
    }
    closed += rate.open_for_sample(now, true, watched_turn) ? 0 : 1;
  }
  CHECK(closed == 0);
  CHECK(idle >= 60 * 1'900); // and nothing is left over
}

TEST_CASE("byte rate: watched machines take turns, whichever asks first") {
  // Symptom: the machine that had just been sampled could be sampled again, while 15 others waited.
  struct watcher {
    byte_rate::sample_turn turn;
    byte_rate::time_point due{};
    int samples = 0;
  };
  byte_rate rate{12'000};
  byte_rate::time_point now{1h};
  std::vector<watcher> lines(16);
  bool is_stuck = false;
  const auto passes = [&](int seconds) {
    for (int i = 0; i < seconds * 100; ++i, now += 10ms)
      for (auto& one : lines) {
        if (now < one.due || (is_stuck && &one == &lines.back())
            || !rate.open_for_sample(now, true, one.turn))
          continue;
        rate.take_sample(rate.sample_bytes_max(true), now, one.turn);
        one.due = now + 1s;
        ++one.samples;
      }
  };
  passes(64);
  int sum = 0;
  for (const auto& one : lines) {
    CHECK(one.samples >= 1);
    CHECK(one.samples <= 3);
    sum += one.samples;
  }
  CHECK(sum >= 30);
  // A line that cannot read its frames does not ask, and holds up the others for a moment only.
  is_stuck = true;
  passes(64);
  int more = -sum;
  for (const auto& one : lines)
    more += one.samples;
  CHECK(more >= 24);
  CHECK(lines.front().samples - lines[14].samples <= 3);
}

TEST_CASE(
  "byte rate: watched machines that take all there is leave a machine that nobody watches a "
  "sample after 30 s") {
  // Symptom: one watched machine with large samples took the share, and the others had none for the
  // whole backlog.
  struct idle_line {
    byte_rate::sample_turn turn;
    byte_rate::time_point due{};
    int samples = 0;
  };
  byte_rate rate{20'000};
  byte_rate::time_point now{1h};
  byte_rate::sample_turn watched_turn;
  auto watched_at = now - 1s;
  std::chrono::nanoseconds longest{0}; // between two samples of the watched machine
  const auto pass = [&](std::chrono::seconds time, std::vector<idle_line>& idle) {
    for (const auto until = now + time; now < until; now += 250ms) {
      if (now >= watched_at + 1s && rate.open_for_sample(now, true, watched_turn)) {
        rate.take_sample(rate.sample_bytes_max(true), now, watched_turn);
        longest = std::max<std::chrono::nanoseconds>(longest, now - watched_at);
        watched_at = now;
      }
      for (auto& one : idle)
        if (now >= one.due && rate.open_for_sample(now, false, one.turn)) {
          rate.take_sample(rate.sample_bytes_max(false), now, one.turn);
          one.due = now + 10s;
          ++one.samples;
        }
    }
  };
  std::vector<idle_line> idle(1);
  idle[0].due = now + 1s;
  pass(30s, idle);
  CHECK(idle[0].samples == 0);
  pass(5s, idle);
  CHECK(idle[0].samples == 1);
  pass(565s, idle);
  CHECK(idle[0].samples >= 13); // each 10 s + 30 s + a turn
  CHECK(idle[0].samples <= 15);
  CHECK(longest <= 4s);
  // Many of them do not go one after the other.
  idle = std::vector<idle_line>(31);
  pass(150s, idle);
  for (const auto& one : idle)
    CHECK(one.samples >= 1);
  CHECK(longest <= 4s);
}

TEST_CASE("byte rate: a line that has nothing lets the next one go, and keeps its place") {
  // Symptom: a line that had nothing new once was the last one when it had.
  byte_rate rate{12'000};
  byte_rate::time_point now{1h};
  byte_rate::sample_turn first;
  byte_rate::sample_turn second;
  rate.take_sample(4'000, now, first);
  rate.take_sample(100, now, second); // a debt of 100 bytes
  CHECK_FALSE(rate.open_for_sample(now, true, first));
  CHECK_FALSE(rate.open_for_sample(now, true, second));
  now += 250ms;
  CHECK_FALSE(rate.open_for_sample(now, true, second)); // the other one goes first
  CHECK(rate.open_for_sample(now, true, first));
  rate.pass_sample(first);
  REQUIRE(rate.open_for_sample(now, true, second));
  rate.take_sample(2'100, now, second); // it takes 850 ms until there is room
  for (const auto until = now + 750ms; now < until; now += 250ms) {
    CHECK_FALSE(rate.open_for_sample(now, true, first));
    CHECK_FALSE(rate.open_for_sample(now, true, second));
  }
  CHECK_FALSE(rate.open_for_sample(now, true, first)); // 750 ms after it might have gone
  now += 150ms;
  CHECK_FALSE(rate.open_for_sample(now, true, second));
  CHECK(rate.open_for_sample(now, true, first));
}

TEST_CASE("byte rate: a line that reads for long keeps its place") {
  // Symptom: another line took the room during a read of a second, and the line went to the end,
  // each time.
  byte_rate rate{12'000};
  byte_rate::time_point now{1h};
  byte_rate::sample_turn first;
  byte_rate::sample_turn second;
  rate.take_sample(4'000, now, first);
  rate.take_sample(100, now, second);
  now += 250ms;
  CHECK(rate.open_for_sample(now, true, first)); // and it reads
  now += 800ms;
  REQUIRE(rate.open_for_sample(now, true, second));
  rate.take_sample(2'300, now, second); // a debt of 300 bytes
  now += 100ms;
  CHECK_FALSE(rate.open_for_sample(now, true, first)); // it has read
  now += 100ms;
  CHECK_FALSE(rate.open_for_sample(now, true, second));
  CHECK(rate.open_for_sample(now, true, first));
}
