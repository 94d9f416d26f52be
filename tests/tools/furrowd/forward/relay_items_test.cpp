// What a site's uplink reads: a window over the store, filled page by page.
#include "proto/wire.hpp"
#include "tools/furrowd/forward/byte_rate.hpp"
#include "tools/furrowd/forward/relay_items.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <utility>
#include <vector>

using namespace furrow;
using namespace furrow::daemon;
using namespace std::chrono_literals;

namespace {

storage::forward_page page_of(std::uint64_t first, std::uint64_t last, std::size_t body = 10) {
  storage::forward_page page;
  for (auto seq = first; seq <= last; ++seq)
    page.groups.push_back({seq, std::vector<can::record>{{0, 1, std::string(body, 'x')}}});
  page.to = last;
  return page;
}

constexpr std::uint64_t identifiers = 10;

/// Frames of `identifiers` identifiers in turn; the payload is the number.
storage::forward_page frames_of(std::uint64_t first, std::uint64_t last) {
  can::frame_block block;
  for (auto seq = first; seq <= last; ++seq) {
    const auto id = 0x18FF0000U + static_cast<std::uint32_t>(seq % identifiers) * 256U;
    REQUIRE(block.push(static_cast<std::int64_t>(seq) * 1'000,
                       can::pack({.id = id, .extended = true, .length = 8}),
                       reinterpret_cast<const std::uint8_t*>(&seq)));
  }
  storage::forward_page page;
  page.groups.push_back({first, std::move(block)});
  page.to = last;
  return page;
}

struct window_story {
  byte_rate rate;
  std::vector<std::uint64_t> asked;
  std::vector<std::uint64_t> acked;
  std::vector<std::chrono::milliseconds> held;
  std::vector<std::uint64_t> newest_asked;
  relay_items items;

  explicit window_story(std::uint64_t last, std::uint64_t bytes_a_second = 0)
    : rate{bytes_a_second}, items{
                              [last] {
                                storage::forward_head head;
                                head.last = last;
                                return head;
                              }(),
                              rate,
                              {[this](std::uint64_t after) { asked.push_back(after); },
                               [this](std::uint64_t seq, std::uint64_t, bool) {
                                 acked.push_back(seq);
                               },
                               [this](std::chrono::milliseconds wait) { held.push_back(wait); },
                               [this](std::uint64_t after) { newest_asked.push_back(after); }}} {}

  std::uint64_t read_from(std::uint64_t from) {
    REQUIRE(items.ready(from));
    const auto blocks = items.read(from, 1'000, 64);
    REQUIRE(blocks);
    REQUIRE_FALSE(blocks->empty());
    CHECK(blocks->front().seq_first == from);
    return blocks->back().seq_last();
  }
};

} // namespace

TEST_CASE(
  "relay items: asks for a page where head office wants to go on, and for the next one in time") {
  window_story site{100};
  REQUIRE(site.items.welcomed(41, 0));
  CHECK(site.acked == std::vector<std::uint64_t>{40});
  CHECK_FALSE(site.items.ready(41));
  CHECK_FALSE(site.items.ready(41));
  CHECK(site.asked == std::vector<std::uint64_t>{40}); // once
  site.items.take(page_of(41, 60));
  CHECK(site.asked == std::vector<std::uint64_t>{40, 60}); // ahead
  auto next = site.read_from(41) + 1;
  while (next <= 60)
    next = site.read_from(next) + 1;
  CHECK_FALSE(site.items.ready(61));
  site.items.take(page_of(61, 100));
  CHECK(site.asked.size() == 2); // nothing is left
  CHECK(site.read_from(61) > 61);
}

TEST_CASE("relay items: a rewind reads again, and a page that comes late is dropped") {
  window_story site{100};
  CHECK_FALSE(site.items.ready(50));
  site.items.rewind(11);
  CHECK_FALSE(site.items.ready(11));
  CHECK(site.asked == std::vector<std::uint64_t>{49, 10});
  site.items.take(page_of(50, 60));
  CHECK(site.items.held() == 0);
  site.items.take(page_of(11, 20));
  CHECK(site.read_from(11) >= 11);
  CHECK_FALSE(site.items.ready(5)); // before the window
  CHECK(site.asked.back() == 4);
}

TEST_CASE("relay items: the window takes no page while it is full") {
  window_story site{100'000};
  CHECK_FALSE(site.items.ready(1));
  site.items.take(page_of(1, 40, 60'000));
  CHECK(site.items.held() > relay_items::window_low);
  CHECK(site.asked.size() == 1);
  for (std::uint64_t next = 1; site.asked.size() == 1; ++next) {
    REQUIRE(site.items.ready(next));
    REQUIRE(next < 40);
  }
  CHECK(site.items.held() <= relay_items::window_low);
}

TEST_CASE("relay items: a stream that head office has otherwise stops with what to look at") {
  window_story site{10};
  const auto ended = site.items.fork(5, 0);
  REQUIRE_FALSE(ended);
  CHECK(ended.error().detail.find("from number 5") != std::string::npos);
}

TEST_CASE("relay items: the rate holds items back, and says for how long") {
  window_story site{100, 100};
  CHECK_FALSE(site.items.ready(1));
  site.items.take(page_of(1, 100));
  const auto last = site.read_from(1);
  CHECK(site.items.ready(last + 1)); // what is read is not sent yet
  site.items.note_sent(10'000);      // a debt of 99 s
  CHECK_FALSE(site.items.ready(last + 1));
  REQUIRE(site.held.size() == 1);
  CHECK(site.held[0] > 0ms);
}

TEST_CASE("relay items: a line that reads, or has nothing new, holds up no other line") {
  byte_rate::sample_turn other;
  byte_rate::sample_turn waits;
  const auto now = [] { return std::chrono::steady_clock::now(); };
  window_story reads{20, 12'000};
  reads.items.begin_samples();
  reads.items.watched(true);
  CHECK_FALSE(reads.items.sample_ready());
  REQUIRE(reads.newest_asked.size() == 1); // it may go, and reads
  reads.rate.take_sample(4'900, now(), other);
  reads.rate.take_sample(0, now(), waits);
  CHECK_FALSE(reads.items.sample_ready());
  CHECK(reads.rate.open_for_sample(now() + 600ms, true, waits)); // the debt is paid after 450 ms

  window_story rests{20, 12'000};
  rests.items.begin_samples();
  rests.items.watched(true);
  rests.rate.take_sample(4'900, now(), other);
  rests.rate.take_sample(0, now(), waits);
  CHECK_FALSE(rests.items.sample_ready());
  CHECK(rests.items.sample(1, 8'192).empty());
  CHECK(rests.rate.open_for_sample(now() + 600ms, true, waits));
}

TEST_CASE("relay items: a sample has the newest frames of the end of the stream, read when it is "
          "due") {
  window_story site{1'000'000};
  site.items.begin_samples();
  CHECK_FALSE(site.items.sample_ready());
  CHECK_FALSE(site.items.sample_ready()); // asks once
  REQUIRE(site.newest_asked == std::vector<std::uint64_t>{1'000'000 - relay_newest::tail_items});
  site.items.take_newest(5, frames_of(6, 10)); // of another question
  CHECK_FALSE(site.items.sample_ready());
  // The first page does not reach the end.
  site.items.take_newest(site.newest_asked[0], frames_of(site.newest_asked[0] + 1, 999'000));
  CHECK_FALSE(site.items.sample_ready());
  REQUIRE(site.newest_asked.size() == 2);
  CHECK(site.newest_asked[1] == 999'000);
  site.items.take_newest(999'000, frames_of(999'001, 1'000'000));
  REQUIRE(site.items.sample_ready());
  const auto sample = site.items.sample(1, 8'192);
  REQUIRE(sample.size() == identifiers);
  CHECK(sample.slots.back() == 1'000'000); // the newest of all
  // Nothing is new: nothing is read, and nothing is given twice.
  REQUIRE(site.items.sample_ready());
  CHECK(site.items.sample(1, 8'192).empty());
  CHECK(site.newest_asked.size() == 2);
  // A new connection gets all of it again.
  site.items.begin_samples();
  REQUIRE(site.items.sample_ready());
  CHECK(site.items.sample(1, 8'192).size() == identifiers);
}

TEST_CASE("relay items: only what is new is read for the next sample, at most twice a second") {
  relay_newest newest;
  relay_newest::time_point now{1h};
  std::optional<std::uint64_t> wanted;
  REQUIRE_FALSE(newest.ready(100, now, wanted));
  CHECK(wanted == 0U);
  CHECK_FALSE(newest.take(0, frames_of(1, 100), now));
  REQUIRE(newest.ready(100, now, wanted));
  CHECK(newest.give(1, 8'192).size() == identifiers);
  wanted.reset();
  now += 400ms;
  CHECK(newest.ready(105, now, wanted)); // with nothing to give
  CHECK_FALSE(wanted);
  CHECK(newest.give(1, 8'192).empty());
  now += 200ms;
  CHECK_FALSE(newest.ready(105, now, wanted));
  CHECK(wanted == 100U);
  CHECK_FALSE(newest.take(100, frames_of(101, 105), now));
  REQUIRE(newest.ready(105, now, wanted));
  CHECK(newest.give(1, 8'192).size() == 5);
  // Items that have been sent are in no sample.
  now += 1s;
  CHECK_FALSE(newest.ready(110, now, wanted));
  CHECK_FALSE(newest.take(105, frames_of(106, 110), now));
  CHECK(newest.give(111, 8'192).empty());
}

TEST_CASE(
  "relay items: frames that wait for the rate are read again, and a sample says as of which "
  "item it is") {
  // Symptom: on a slow line the last of 32 machines was shown as it was a minute ago.
  relay_newest newest;
  relay_newest::time_point now{1h};
  std::optional<std::uint64_t> wanted;
  REQUIRE_FALSE(newest.ready(100, now, wanted));
  now += 3s; // a slow read
  CHECK_FALSE(newest.take(0, frames_of(1, 100), now));
  CHECK(newest.ready(130, now, wanted));
  CHECK(newest.seen() == 100);
  now += 1'900ms;
  CHECK(newest.ready(149, now, wanted));
  now += 200ms;
  wanted.reset();
  CHECK_FALSE(newest.ready(150, now, wanted));
  CHECK(wanted == 100U);
  CHECK_FALSE(newest.take(100, frames_of(101, 150), now));
  CHECK(newest.ready(150, now, wanted));
  const auto sample = newest.give(1, 8'192);
  CHECK(sample.size() == identifiers);
  CHECK(sample.slots.front() > 100);
  CHECK(newest.seen() == 150);
  // While nothing is new, what was read stays the newest.
  now += 1s;
  CHECK_FALSE(newest.ready(155, now, wanted));
  CHECK_FALSE(newest.take(150, frames_of(151, 155), now));
  CHECK(newest.ready(155, now + 1min, wanted));
  CHECK(newest.give(1, 8'192).size() == 5);
}

TEST_CASE("relay items: nothing is read for a sample while the rate has no room for one") {
  window_story site{20, 10'000};
  site.items.begin_samples();
  byte_rate::sample_turn other;
  site.rate.take_sample(50'000, std::chrono::steady_clock::now(), other); // a debt of seconds
  CHECK_FALSE(site.items.sample_ready());
  CHECK(site.newest_asked.empty());
  window_story free{20, 10'000};
  free.items.begin_samples();
  CHECK_FALSE(free.items.sample_ready());
  CHECK(free.newest_asked.size() == 1);
  free.items.take_newest(0, frames_of(1, 20));
  free.items.grow(30);
  CHECK(free.items.sample_as_of() == 20);
}

TEST_CASE("relay items: a stream without frames for a sample is read less and less often") {
  // Symptom: for each machine that sends only records the store was read twice a second.
  relay_newest newest;
  relay_newest::time_point now{1h};
  std::uint64_t last = 0;
  const auto looks_in = [&](std::chrono::seconds time, bool has_frames) {
    int looks = 0;
    for (const auto until = now + time; now < until; now += 250ms) {
      std::optional<std::uint64_t> wanted;
      ++last;
      if (newest.ready(last, now, wanted))
        (void)newest.give(1, 8'192);
      if (!wanted)
        continue;
      ++looks;
      CHECK_FALSE(newest.take(
        *wanted, has_frames ? frames_of(*wanted + 1, last) : page_of(*wanted + 1, last), now));
    }
    return looks;
  };
  CHECK(looks_in(10s, false) <= 6);
  CHECK(looks_in(60s, false) <= 7);
  newest.begin(); // a new connection
  CHECK(looks_in(2s, false) >= 2);
  (void)looks_in(10s, true); // it finds the frames
  CHECK(looks_in(10s, true) >= 9);
}

TEST_CASE("relay items: records and items that are gone make no sample, and hold up nothing") {
  window_story site{20};
  site.items.begin_samples();
  CHECK_FALSE(site.items.sample_ready());
  site.items.take_newest(0, page_of(1, 20));
  REQUIRE(site.items.sample_ready());
  CHECK(site.items.sample(1, 8'192).empty());
  // A page that is empty does not ask for ever.
  window_story empty{20};
  CHECK_FALSE(empty.items.sample_ready());
  empty.items.take_newest(0, {});
  CHECK(empty.newest_asked.size() == 1);
  CHECK(empty.items.sample_ready());
}

TEST_CASE("relay items: a sample does not wait for the debt of a batch, and counts") {
  window_story site{20, 10'000};
  site.items.note_sent(10'500); // each step has a second or more to spare
  CHECK_FALSE(site.items.sample_ready());
  site.items.take_newest(0, frames_of(1, 20));
  CHECK(site.items.sample_ready());
  site.items.note_sampled(3'300);
  CHECK_FALSE(site.items.sample_ready()); // the rest is for machines that people watch
  site.items.watched(true);
  CHECK(site.items.sample_ready());
  site.items.note_sampled(5'000);
  CHECK_FALSE(site.items.sample_ready());
}

TEST_CASE("relay items: a line hears what the others have sent, each byte once") {
  window_story site{20, 10'000};
  storage::forward_head head;
  head.last = 20;
  relay_items other{head, site.rate, {}};
  CHECK(site.items.sent_by_others() == 0);
  other.note_sent(700);
  site.items.note_sent(100);
  other.note_sampled(50);
  CHECK(site.items.sent_by_others() == 700);
  CHECK(site.items.sent_by_others() == 0);
  CHECK(other.sent_by_others() == 100);
  // A thread that is not that of the lines makes a line, and must not read what they have sent.
  relay_items later{head, site.rate, {}};
  other.note_sent(300);
  later.begin_samples();
  CHECK(later.sent_by_others() == 0);
  other.note_sent(200);
  CHECK(later.sent_by_others() == 200);
}
