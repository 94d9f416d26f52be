// Who gets a connection when the server grants too few.
#include "storage/postgres/connection/connection_room.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace furrow::storage;
using namespace std::chrono_literals;

namespace {

const failure no_more{errc::retry_later, "53300: too many connections"};

/// A server that grants `granted` connections, and some that want one each.
struct scarce_server {
  struct one {
    connection_room::id id = 0;
    bool open = false;
    std::optional<connection_room::clock::time_point> idle_since;
  };

  std::shared_ptr<store_monitor> monitor =
    std::make_shared<store_monitor>(500ms, connection_room::clock::now());
  connection_room room{monitor};
  connection_room::clock::time_point now{1h};
  std::size_t granted;
  std::vector<one> all;

  scarce_server(std::size_t grants, const std::vector<connection_use>& uses)
    : granted{grants}, all(uses.size()) {
    for (std::size_t i = 0; i < uses.size(); ++i)
      all[i].id = room.enter({uses[i], [this, i] { return all[i].idle_since; },
                              [this, i] {
                                all[i].open = false;
                                all[i].idle_since.reset();
                                monitor->lane_closed();
                              }});
  }
  [[nodiscard]] std::size_t open() const {
    std::size_t count = 0;
    for (const auto& each : all)
      count += each.open ? 1 : 0;
    return count;
  }
  /// One attempt, as a lane makes it; true when it is open afterwards.
  bool attempt(std::size_t who) {
    auto& it = all[who];
    if (it.open || !room.may_open(it.id, true, now))
      return it.open;
    it.open = open() < granted;
    if (it.open)
      monitor->lane_opened();
    room.settled(it.id, it.open ? std::nullopt : std::optional{no_more}, now);
    return it.open;
  }
  /// Tries every `poll` for so long.
  bool within(std::size_t who, std::chrono::milliseconds limit) {
    for (const auto until = now + limit; now < until; now += connection_room::poll)
      if (attempt(who))
        return true;
    return false;
  }
  void idle(std::size_t who) { all[who].idle_since = now; }
};

constexpr auto for_append = connection_use::append;
constexpr auto for_claim = connection_use::claim;
constexpr auto for_health = connection_use::health;
constexpr auto for_rest = connection_use::rest;

} // namespace

TEST_CASE("connection room: nobody waits where the server grants enough") {
  scarce_server w{3, {for_rest, for_append, for_claim}};
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(w.attempt(i));
  CHECK_FALSE(w.room.limit());
}

TEST_CASE("connection room: an append takes the idle connection of the least important") {
  scarce_server w{3, {for_rest, for_health, for_claim, for_append}};
  for (std::size_t i = 0; i < 3; ++i) {
    REQUIRE(w.attempt(i));
    w.idle(i);
  }
  CHECK(w.within(3, 100ms));
  CHECK(w.room.limit() == 3);
  CHECK_FALSE(w.all[0].open);
  CHECK(w.all[1].open);
  CHECK(w.all[2].open);
}

TEST_CASE("connection room: with one connection, appends, claims and checks take turns") {
  scarce_server w{1, {for_append, for_claim, for_health, for_rest}};
  REQUIRE(w.attempt(0));
  for (int round = 0; round < 5; ++round)
    for (const std::size_t who : {1U, 2U, 0U}) {
      for (std::size_t i = 0; i < 3; ++i)
        if (w.all[i].open)
          w.idle(i);
      CHECK(w.within(who, 100ms));
    }
  // The rest has a turn only when nothing more important has used the connection for a while.
  w.idle(0);
  CHECK_FALSE(w.within(3, connection_room::calm - 100ms));
  CHECK(w.within(3, 200ms));
}

TEST_CASE("connection room: a query that has waited has its turn between two checks") {
  scarce_server w{1, {for_health, for_rest}};
  REQUIRE(w.attempt(0));
  bool taken = false;
  int checks = 0;
  while (!taken && checks < 5'000 / 300) { // in the 5 s for which a query waits
    w.idle(0);                             // a check ends
    ++checks;
    taken = w.within(1, 300ms);
  }
  CHECK(taken);
  CHECK(checks > 3); // not at once
}

TEST_CASE("connection room: a busy connection is given up after its job for who has waited") {
  scarce_server w{1, {for_rest, for_append}};
  REQUIRE(w.attempt(0)); // and it is never idle: one job follows the other
  CHECK_FALSE(w.room.must_yield(w.all[0].id, w.now));
  CHECK_FALSE(w.within(1, connection_room::patience + 20ms));
  CHECK(w.room.must_yield(w.all[0].id, w.now));
  CHECK_FALSE(w.room.must_yield(w.all[1].id, w.now));
  w.all[0].open = false;
  w.monitor->lane_closed();
  CHECK(w.within(1, 100ms));
  CHECK(w.room.why().detail.find("53300") != std::string::npos);
}

TEST_CASE("connection room: refused attempts are few, and more connections are used once granted") {
  scarce_server w{1, {for_append, for_claim}};
  REQUIRE(w.attempt(0));
  std::size_t attempts = 0;
  for (const auto until = w.now + 60s; w.now < until; w.now += connection_room::poll) {
    if (!w.room.may_open(w.all[1].id, true, w.now))
      continue;
    ++attempts;
    w.room.settled(w.all[1].id, no_more, w.now);
  }
  CHECK(attempts <= 14); // the first one, and one in five seconds
  w.granted = 2;
  CHECK(w.within(1, connection_room::probe_every + 100ms));
  CHECK_FALSE(w.room.limit());
}
