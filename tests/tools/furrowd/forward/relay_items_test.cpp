// What a site's uplink reads: a window over the store, filled page by page.
#include "proto/wire.hpp"
#include "tools/furrowd/forward/byte_rate.hpp"
#include "tools/furrowd/forward/relay_items.hpp"

#include <doctest/doctest.h>

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

struct window_story {
  byte_rate rate;
  std::vector<std::uint64_t> asked;
  std::vector<std::uint64_t> acked;
  std::vector<std::chrono::milliseconds> held;
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
                               [this](std::chrono::milliseconds wait) { held.push_back(wait); }}} {}

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

TEST_CASE("relay items: the rate holds items back, and says for how long") {
  window_story site{100, 100};
  CHECK_FALSE(site.items.ready(1));
  site.items.take(page_of(1, 100));
  const auto last = site.read_from(1); // more than a second's worth
  CHECK_FALSE(site.items.ready(last + 1));
  REQUIRE(site.held.size() == 1);
  CHECK(site.held[0] > 0ms);
}
