// Who watches a machine, in virtual time.
#include "actors/live/board.hpp"

#include <doctest/doctest.h>

#include <memory>

using namespace furrow::actors;
using namespace std::chrono_literals;

namespace {

struct interest_story {
  machine_interest interest;
  machine_interest::clock::time_point now{1h};
  int told = 0;
  std::shared_ptr<machine_interest::listener> listener =
    std::make_shared<machine_interest::listener>([this] { ++told; });

  interest_story() { interest.listen(listener); }
  void want(std::chrono::milliseconds interval) { interest.want(interval, now); }
  [[nodiscard]] std::chrono::milliseconds interval() const { return interest.interval(now); }
};

} // namespace

TEST_CASE("interest: nobody watches until somebody wants the machine, and a while longer") {
  interest_story s;
  CHECK(s.interval() == machine_interest::idle);
  CHECK_FALSE(s.interest.watched(s.now));
  s.want(20ms);
  CHECK(s.interval() == 20ms);
  CHECK(s.interest.watched(s.now));
  CHECK(s.told == 1);
  s.now += machine_interest::hold - 1ms;
  CHECK(s.interval() == 20ms);
  s.now += 1ms;
  CHECK(s.interval() == machine_interest::idle);
  CHECK(s.told == 1); // who listens asks once a second
}

TEST_CASE("interest: a watcher that renews holds the interval, and nobody is told again") {
  interest_story s;
  for (int second = 0; second < 60; ++second, s.now += 1s) {
    s.want(100ms);
    CHECK(s.interval() == 100ms);
  }
  CHECK(s.told == 1);
}

TEST_CASE("interest: watchers that come and go within the hold change nothing") {
  interest_story s;
  for (int i = 0; i < 100; ++i, s.now += machine_interest::hold - 100ms)
    s.want(20ms);
  CHECK(s.told == 1);
}

TEST_CASE("interest: the shortest interval of all watchers counts, and the next one after it") {
  interest_story s;
  s.want(500ms);
  CHECK(s.interval() == 500ms);
  s.want(20ms);
  CHECK(s.interval() == 20ms);
  CHECK(s.told == 2);
  for (int second = 0; second < 10; ++second, s.now += 1s)
    s.want(500ms);
  CHECK(s.interval() == 500ms);
  CHECK(s.told == 2);
}

TEST_CASE("interest: intervals are rounded down to steps, and idle is no interest") {
  interest_story s;
  s.want(1'000ms);
  s.want(machine_interest::idle + 1h);
  CHECK(s.interval() == machine_interest::idle);
  CHECK(s.told == 0);
  s.want(999ms);
  CHECK(s.interval() == 500ms);
  s.want(199ms);
  CHECK(s.interval() == 100ms);
  s.want(19ms);
  CHECK(s.interval() == 10ms);
  s.want(0ms);
  CHECK(s.interval() == 10ms);
}

TEST_CASE("interest: one question wants every 100 ms, and who asks often wants it as often") {
  interest_story s;
  s.interest.asked(s.now);
  CHECK(s.interval() == 100ms);
  s.now += 3s;
  s.interest.asked(s.now);
  CHECK(s.interval() == 100ms);
  s.now += 60ms;
  s.interest.asked(s.now);
  CHECK(s.interval() == 50ms);
  s.now += 12ms;
  s.interest.asked(s.now);
  CHECK(s.interval() == 10ms);
  s.now += machine_interest::hold - 1ms;
  CHECK(s.interval() == 10ms);
  s.now += 1ms;
  CHECK(s.interval() == machine_interest::idle);
}

TEST_CASE("interest: a session that has ended is not told") {
  interest_story s;
  s.listener.reset();
  s.want(20ms);
  CHECK(s.told == 0);
}

TEST_CASE("interest: sessions and actors of a machine share it, and it ends with the last") {
  live_board board;
  CHECK(board.interest_of("f", "T1") == nullptr);
  auto session = board.interest_in("f", "T1");
  CHECK(board.interest_in("f", "T1") == session);
  CHECK(board.interest_of("f", "T1") == session);
  CHECK(board.interest_of("f", "T2") == nullptr);
  auto place = board.open("f", "T1", {});
  CHECK(&place->interest() == session.get());
  session.reset();
  CHECK(board.interest_of("f", "T1") != nullptr);
  place.reset();
  CHECK(board.interest_of("f", "T1") == nullptr);
  for (int i = 0; i < 1'000; ++i) // what nobody holds does not pile up
    (void)board.interest_in("f", "M" + std::to_string(i));
}
