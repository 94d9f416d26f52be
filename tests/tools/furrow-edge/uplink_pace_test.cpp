// How often a gateway sends, in virtual time: the pace of the node, what goes at once, and that nothing is lost.
#include "tests/tools/furrow-edge/uplink_story.hpp"

#include <random>

using namespace furrow;
using namespace furrow::tests;

namespace {

struct pace_story : uplink_story {
  pace_story() {
    store.add(10);
    start();
  }
  void greet(std::uint32_t version = proto::version_of_pace) {
    connect();
    hear(proto::welcome{version, 1, 1, {}, 10'000});
    sent.clear();
  }
  /// Items that a batch had which could be sent now.
  std::uint64_t sends() {
    std::uint64_t items = 0;
    while (const auto one = batch())
      items += one->count();
    return items;
  }
  /// Lets time pass as the program does: at a deadline it ticks, and sends what is due.
  std::uint64_t passes(std::chrono::milliseconds time) {
    std::uint64_t items = 0;
    const auto until = now + time;
    while (uplink->deadline() && *uplink->deadline() <= until) {
      now = std::max(now, *uplink->deadline());
      uplink->tick(now);
      look();
      items += sends();
    }
    now = until;
    return items;
  }
};

} // namespace

TEST_CASE("pace: a node of an older version says nothing, and gets everything at once") {
  pace_story s;
  s.greet(1);
  CHECK(s.sends() == 10);
  for (int i = 0; i < 5; ++i) {
    s.store.add(10);
    CHECK(s.sends() == 10);
    s.now += 1ms;
  }
}

TEST_CASE("pace: what comes within the interval goes together when it ends") {
  pace_story s;
  s.greet();
  s.hear(proto::pace{1'000});
  CHECK(s.sends() == 10);
  for (int i = 0; i < 9; ++i) {
    CHECK(s.passes(100ms) == 0);
    s.store.add(10);
    CHECK(s.sends() == 0);
  }
  CHECK(s.passes(99ms) == 0);
  CHECK(s.passes(1ms) == 90);
  CHECK(std::ranges::none_of(
    s.sent, [](const auto& one) { // the pace is no reason to ask whether the node lives
      return std::holds_alternative<proto::ping>(one);
    }));
}

TEST_CASE("pace: small blocks of frames travel as one group, and frames come out the same") {
  pace_story s;
  s.greet();
  s.hear(proto::pace{1'000});
  REQUIRE(s.sends() == 10);
  s.store.add(30); // three blocks; the store gives no more at once
  s.now += 1s;
  const auto sent = s.batch();
  REQUIRE(sent);
  REQUIRE(sent->items.size() == 1);
  const auto& joined = std::get<can::frame_block>(sent->items[0]);
  REQUIRE(joined.size() == 30);
  const auto expected = numbered_frames(11, 30);
  for (std::size_t i = 0; i < joined.size(); ++i) {
    CHECK(joined.slots[i] == expected.slots[i]);
    CHECK(joined.time_us(i) == expected.time_us(i));
    CHECK(joined.header(i) == expected.header(i));
  }
}

TEST_CASE("pace: the first item after a silence goes at once") {
  pace_story s;
  s.greet();
  s.hear(proto::pace{1'000});
  CHECK(s.sends() == 10);
  s.passes(3s);
  s.store.add(1);
  CHECK(s.sends() == 1);
}

TEST_CASE("pace: a shorter one takes effect at once, a longer one after what is under way") {
  pace_story s;
  s.greet();
  s.hear(proto::pace{1'000});
  CHECK(s.sends() == 10);
  s.passes(100ms);
  s.store.add(10);
  CHECK(s.sends() == 0);
  s.hear(proto::pace{20});
  CHECK(s.sends() == 10);
  s.store.add(10);
  CHECK(s.passes(19ms) == 0);
  CHECK(s.passes(1ms) == 10);
  s.hear(proto::pace{1'000});
  s.store.add(10);
  CHECK(s.passes(999ms) == 0);
  CHECK(s.passes(1ms) == 10);
}

TEST_CASE("pace: many items, a hurry and items that are needed again do not wait") {
  pace_story s;
  s.greet();
  s.hear(proto::pace{1'000});
  CHECK(s.sends() == 10);
  constexpr std::uint64_t many = send_pace::burst_items / 10 * 10 + 10; // in whole blocks
  s.store.add(many);
  CHECK(s.sends() == many);
  s.store.add(10);
  CHECK(s.sends() == 0);
  s.uplink->hurry();
  CHECK(s.sends() == 10);
  s.store.add(10);
  CHECK(s.sends() == 0);
  s.hear(proto::rewind{1});
  CHECK(s.sends() == s.store.last_seq());
}

TEST_CASE("pace: an interval that is absurd is limited, and a gateway's own interval stays") {
  pace_story s;
  s.greet();
  s.hear(proto::pace{~0U});
  CHECK(s.uplink->interval() == send_pace::interval_longest);
  uplink_story pinned;
  pinned.config.interval = 50ms;
  pinned.store.add(10);
  pinned.start();
  pinned.welcome();
  pinned.hear(proto::pace{1'000});
  CHECK(pinned.uplink->interval() == 50ms);
}

TEST_CASE("pace: a new connection forgets the pace of the old one") {
  pace_story s;
  s.greet();
  s.hear(proto::pace{1'000});
  s.uplink->disconnected(s.now, "cut");
  s.look();
  s.connects.clear();
  s.greet(1);
  CHECK(s.uplink->interval() == 0ms);
}

TEST_CASE("pace: a socket without room is not asked again and again") {
  pace_story s;
  s.greet();
  s.hear(proto::pace{1'000});
  CHECK(s.sends() == 10);
  s.store.add(10);
  s.passes(10ms);
  s.now += 1s;
  s.uplink->tick(s.now); // and the socket takes nothing
  s.look();
  REQUIRE(s.uplink->deadline());
  CHECK(*s.uplink->deadline() > s.now);
  CHECK(s.sends() == 10); // once it has room
}

TEST_CASE("pace: whatever the paces, every item is sent once, in order, within the interval") {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 random{seed};
    pace_story s;
    s.greet();
    std::uint64_t next = 1;
    auto newest_at = s.now; // since when the oldest unsent item waits
    std::chrono::milliseconds longest{0};
    const auto take = [&] {
      while (const auto one = s.batch()) {
        CHECK(one->first_seq == next);
        next = one->first_seq + one->count();
      }
      if (next > s.store.last_seq())
        newest_at = s.now;
    };
    take();
    for (int step = 0; step < 300; ++step) {
      if (random() % 10 == 0)
        s.hear(proto::pace{std::vector<std::uint32_t>{0, 20, 100, 500, 1'000}[random() % 5]});
      if (random() % 3 == 0)
        s.store.add(10 * (random() % 4));
      take();
      const auto until = s.now + std::chrono::milliseconds{random() % 60};
      while (s.uplink->deadline() && *s.uplink->deadline() <= until) {
        s.now = std::max(s.now, *s.uplink->deadline());
        s.uplink->tick(s.now);
        s.look();
        take();
      }
      s.now = until;
      take();
      longest =
        std::max(longest, std::chrono::duration_cast<std::chrono::milliseconds>(s.now - newest_at));
    }
    s.now += 1s;
    take();
    CHECK(next == s.store.last_seq() + 1);
    CHECK(longest <= 1'060ms); // a step is up to 60 ms long
  }
}
