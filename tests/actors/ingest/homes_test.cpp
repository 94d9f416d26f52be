// Farms whose data is in several databases: first the decisions about gateways that wait, then a node's tree in virtual
// time above two stores.
#include "actors/ingest/aggregator.hpp"
#include "actors/ingest/home_queue.hpp"
#include "tests/actors/ingest/gateways_world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

using namespace furrow;
using namespace furrow::actors;
using namespace std::chrono_literals;

namespace {

using tests::visitor;
using strings = std::vector<std::string>;

struct homes_world : tests::gateways_world {
  std::shared_ptr<tests::memory_tables> east = std::make_shared<tests::memory_tables>();

  homes_world() { homes->add("east", std::make_unique<tests::memory_store>(east)); }

  static std::set<std::string> farms_in(const tests::memory_tables& tables) {
    std::set<std::string> out;
    for (const auto& stream : tables.streams)
      out.insert(stream.farm);
    return out;
  }
  /// The actor `name` below the supervisor `parent`.
  actor_row row_of(const std::string& parent, const std::string& name) const {
    const auto id = row(parent).id;
    for (const auto& one : people->rows())
      if (one.parent == id && one.name == name)
        return one;
    return {};
  }
  bool kill_of(const std::string& parent, const std::string& name) {
    const auto killed = people->kill(row_of(parent, name).id);
    system.run();
    return killed;
  }
};

} // namespace

TEST_CASE("home queue: asks once about a farm, and its orders go on together in order") {
  home_queue<std::string> queue;
  const home_queue<std::string>::time_point now{1h};
  for (std::string order : {"a", "b"})
    CHECK(queue.add("west", order, now));
  std::string other = "c";
  CHECK(queue.add("east", other, now));
  CHECK(queue.asks("west"));
  CHECK_FALSE(queue.asks("west"));
  CHECK(queue.asks("east"));
  queue.answered("west");
  CHECK(queue.take("west") == strings{"a", "b"});
  CHECK(queue.take("west").empty());
  CHECK(queue.farms() == strings{"east"});
  CHECK(queue.add("west", other, now));
  CHECK(queue.asks("west")); // a later order asks anew
}

TEST_CASE("home queue: an order is overdue after four seconds, and a later one asks anew") {
  home_queue<std::string> queue;
  const home_queue<std::string>::time_point now{1h};
  std::string order = "a";
  CHECK(queue.add("west", order, now));
  CHECK(queue.asks("west"));
  order = "b";
  CHECK(queue.add("west", order, now + 1s));
  CHECK(queue.next_due() == now + 4s);
  CHECK(queue.overdue(now + 3'999ms).empty());
  CHECK(queue.overdue(now + 4s) == strings{"a"});
  CHECK(queue.next_due() == now + 5s);
  CHECK(queue.overdue(now + 5s) == strings{"b"});
  CHECK_FALSE(queue.next_due());
  order = "c";
  CHECK(queue.add("west", order, now + 6s));
  CHECK(queue.asks("west"));
  queue.answered("west"); // the first question
  CHECK(queue.take("west") == strings{"c"});
}

TEST_CASE("home queue: leaves an order that is too many to its caller") {
  home_queue<std::string> queue;
  const home_queue<std::string>::time_point now{1h};
  for (std::size_t i = 0; i < home_queue<std::string>::orders_max; ++i) {
    std::string order = "x";
    REQUIRE(queue.add("west", order, now));
  }
  std::string last = "last";
  CHECK_FALSE(queue.add("west", last, now));
  CHECK(last == "last");
  CHECK(queue.take("west").size() == home_queue<std::string>::orders_max);
  CHECK(queue.size() == 0);
}

TEST_CASE("home queue: farms of a database that never answers leave room for others") {
  home_queue<std::string> queue;
  const home_queue<std::string>::time_point now{1h};
  for (std::size_t i = 0; i < home_queue<std::string>::farms_max; ++i) {
    const auto farm = std::to_string(i);
    std::string order = farm;
    REQUIRE(queue.add(farm, order, now));
    REQUIRE(queue.asks(farm));
  }
  std::string other = "other";
  CHECK_FALSE(queue.add("west", other, now + 1s));
  CHECK(queue.overdue(now + 4s).size() == home_queue<std::string>::farms_max);
  CHECK(queue.add("west", other, now + 4s));
  queue.answered("7"); // late: nobody waits for it
  CHECK(queue.take("7").empty());
}

TEST_CASE_FIXTURE(homes_world, "homes: a batch never spans databases") {
  homes->place("east farm", "east");
  std::vector<visitor> all;
  for (std::uint8_t i = 1; i <= 4; ++i) {
    all.push_back(greet("west farm", "W" + std::to_string(i), i));
    all.push_back(greet("east farm", "E" + std::to_string(i), static_cast<std::uint8_t>(i + 100)));
  }
  CHECK(row("storage east").state == "running");
  CHECK(row_of("storage east", "claim-desk").state == "running");
  CHECK(row_of("storage east", "writer-0").state == "running");
  for (std::uint64_t first = 1; first < 50; first += 5)
    for (const auto& one : all)
      send_frames(one, first);
  for (const auto& one : all) {
    CHECK(one.heard->welcomes == 1);
    CHECK(one.heard->durable == 50);
    CHECK(one.heard->rewinds == 0);
  }
  // Both number their streams from 1: a batch that spans them would store items of one farm for the other.
  CHECK(farms_in(*tables) == std::set<std::string>{"west farm"});
  CHECK(farms_in(*east) == std::set<std::string>{"east farm"});
  for (const auto* one : {tables.get(), east.get()}) {
    CHECK(one->streams.size() == 4);
    for (const auto& stream : one->streams) {
      CHECK(stream.seq == 50);
      CHECK(stream.doubled == 0);
    }
  }
}

TEST_CASE_FIXTURE(
  homes_world,
  "homes: a gateway waits until the home of its farm is known, and no other farm does") {
  homes->place("east farm", "east");
  homes->hold();
  const auto first = greet("east farm", "E1", 101);
  const auto second = greet("east farm", "E2", 102);
  const auto other = greet("west farm", "W1", 1);
  CHECK(other.heard->welcomes == 1);
  system.advance(2s);
  CHECK(first.heard->welcomes == 0);
  CHECK(homes->asked() == 1);
  CHECK(row("equipment east farm/E1").id == 0);
  homes->answer();
  system.run();
  CHECK(first.heard->welcomes == 1);
  CHECK(second.heard->welcomes == 1);
  CHECK(greet("east farm", "E3", 103).heard->welcomes == 1);
  CHECK(homes->asked() == 2); // the kept question once more
}

TEST_CASE_FIXTURE(
  homes_world,
  "homes: a gateway that waits for long is told why, and the late answer helps the next one") {
  homes->place("east farm", "east");
  homes->hold();
  const auto gateway = greet("east farm", "E1", 101);
  system.advance(3'980ms);
  CHECK_FALSE(gateway.heard->rejected);
  system.advance(40ms);
  REQUIRE(gateway.heard->rejected);
  CHECK(gateway.heard->rejected->code == proto::reject_code::unavailable);
  CHECK(gateway.heard->rejected->reason == "the main database does not say where this farm lives");
  homes->answer();
  system.run();
  CHECK(row("equipment east farm/E1").id == 0);
  CHECK(greet("east farm", "E1", 101).heard->welcomes == 1);
}

TEST_CASE_FIXTURE(homes_world,
                  "homes: a gateway is rejected with the reason when main does not answer") {
  homes->place("east farm", "east");
  homes->fail("connection to server at \"10.0.0.7\", port 5432 failed: the connection was refused");
  const auto gateway = greet("east farm", "E1", 101);
  REQUIRE(gateway.heard->rejected);
  CHECK(gateway.heard->rejected->code == proto::reject_code::unavailable);
  CHECK(gateway.heard->rejected->reason
        == "the database of this farm is not known: the connection was refused");
  homes->fail("");
  CHECK(greet("east farm", "E1", 101).heard->welcomes == 1);
}

TEST_CASE_FIXTURE(homes_world, "homes: a session that ended while it waited starts no machine") {
  homes->place("east farm", "east");
  homes->hold();
  const auto gateway = greet("east farm", "E1", 101);
  CHECK_FALSE(gateway.target->end());
  homes->answer();
  system.run();
  CHECK(row("equipment east farm/E1").id == 0);
  CHECK(gateway.heard->welcomes == 0);
  CHECK(people->board.all().empty());
}

TEST_CASE_FIXTURE(
  homes_world,
  "homes: a farm that moved is served in its new home after its gateways came again once") {
  const auto before = greet("farm", "T1", 1);
  const auto idle = greet("farm", "T1", 2);
  const auto neighbour = greet("other", "N1", 3);
  send_frames(before, 1);
  REQUIRE(before.heard->durable == 5);

  {
    const std::lock_guard lock{tables->mutex};
    tables->moved["farm"] = {"farm", "east", 2};
    tables->lose_answers = 1; // the fence of the move
  }
  send_frames(before, 6);
  CHECK(before.heard->drops == 1); // the gateway comes again at once
  CHECK(idle.heard->drops == 1);
  CHECK_FALSE(before.heard->rejected);
  CHECK(homes->corrections() == 1);
  CHECK(row("equipment farm/T1").id == 0);

  const auto after = greet("farm", "T1", 1);
  CHECK(after.heard->welcomes == 1);
  send_frames(after, 1);
  CHECK(after.heard->durable == 5);
  CHECK(farms_in(*east) == std::set<std::string>{"farm"});
  send_frames(neighbour, 1);
  CHECK(neighbour.heard->durable == 5);
  CHECK(neighbour.heard->drops == 0);
  CHECK(row("equipment farm/T1").restarts == 0);
}

TEST_CASE_FIXTURE(
  homes_world,
  "homes: actors of one database that keep dying end neither the node nor other farms' streams") {
  homes->place("east farm", "east");
  const auto at_main = greet("west farm", "W1", 1);
  const auto at_east = greet("east farm", "E1", 101);
  REQUIRE(at_east.heard->welcomes == 1);
  for (int kills = 0; kills < 60; ++kills) {
    (void)kill_of("storage east", "writer-0");
    system.advance(6s);
  }
  CHECK_FALSE(ended());
  CHECK(row("storage east").restarts > 3); // more than main's branch may
  CHECK(people->failing(system.now()).empty());
  const auto failing = people->failing(system.now(), false);
  REQUIRE_FALSE(failing.empty());
  CHECK(std::any_of(failing.begin(), failing.end(), [](const std::string& one) {
    return one.starts_with("storage east died")
           || one.starts_with("writer-0 of database east died");
  }));
  send_frames(at_main, 1);
  CHECK(at_main.heard->durable == 5);
  CHECK(at_main.heard->rewinds == 0);
  CHECK(row("storage").restarts == 0);

  system.advance(60s);
  CHECK(row_of("storage east", "writer-0").state == "running");
  send_frames(at_east, 1);
  CHECK(at_east.heard->durable == 5);
}

TEST_CASE_FIXTURE(
  homes_world,
  "homes: a database that is away raises no alarm of main, and one that works hides none") {
  homes->place("east farm", "east");
  const auto at_main = greet("west farm", "W1", 1);
  const auto at_east = greet("east farm", "E1", 101);
  east->set_down(true);
  send_frames(at_east, 1);
  send_frames(at_main, 1);
  CHECK(at_main.heard->durable == 5);
  CHECK(people->counters.store_up);
  auto rows = people->databases(system.now());
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].name == "east");
  CHECK_FALSE(rows[0].up);
  CHECK(rows[0].fault.find("failed: ") != std::string::npos);

  east->set_down(false);
  system.advance(2s);
  send_frames(at_east, 1);
  CHECK(at_east.heard->durable == 5);
  CHECK(people->databases(system.now())[0].fault.empty());
  tables->set_down(true);
  send_frames(at_main, 6);
  CHECK_FALSE(people->counters.store_up);
  CHECK(people->databases(system.now())[0].up);
  send_frames(at_east, 6);
  CHECK_FALSE(people->counters.store_up); // an append elsewhere says nothing of main
}

TEST_CASE_FIXTURE(
  homes_world,
  "homes: idle streams of a database that was failed over ask three times what it holds") {
  homes->place("east farm", "east");
  const auto at_main = greet("west farm", "W1", 1);
  const auto at_east = greet("east farm", "E1", 101);
  send_frames(at_main, 1);
  send_frames(at_east, 1);
  const auto look = [&](std::uint64_t timeline) {
    if (people->timeline_seen(1, timeline, system.now()))
      places->store_replaced(1, timeline);
    system.advance(1s);
  };
  look(0); // not known
  const auto claims = tables->claims;
  const auto asked = east->claims;
  {
    const std::lock_guard lock{east->mutex};
    east->streams[0].seq = 3; // an asynchronous standby was promoted before anybody saw a failure
  }
  look(2);
  CHECK(at_east.heard->rewinds == 1); // from the fourth item on
  CHECK(east->claims == asked + 1);
  for (int seconds = 0; seconds < 20; ++seconds)
    look(2);
  CHECK(east->claims == asked + 3); // the old server may have answered the first claim
  CHECK(at_main.heard->rewinds == 0);
  CHECK(tables->claims == claims);
}

TEST_CASE("aggregator: a lane that hangs keeps only its part of the memory where there are several "
          "databases") {
  for (const bool several : {true, false}) {
    tests::virtual_system system;
    const auto people = std::make_shared<census>();
    people->homes_open = several ? 2 : 1;
    aggregator_config config;
    config.hung_bytes_max = 3'000; // a lane of two databases: 1,000
    auto one = system->spawn(aggregator, config, people);
    auto mute = system->spawn([](writer_actor::pointer) -> writer_actor::behavior_type {
      return {[](append_job&) {}, [](append_reply&) {}};
    });
    caf::anon_send(one, writer_changed{mute});
    const auto send = [&](int appends) {
      for (int i = 0; i < appends; ++i)
        caf::anon_send(one, append_order{{}, std::make_shared<held_append>()});
      system.run();
    };
    send(1);
    system.advance(2'900ms);
    send(20);
    CHECK(people->counters.append_failures == 0); // it may be slow
    // Nothing more comes: the gateways wait for leases.
    system.advance(100ms);
    CHECK(people->counters.append_failures == (several ? 1 : 0));
    CHECK(people->home(0).work.failing() == several);
    send(1); // below its part
    CHECK(people->counters.append_failures == (several ? 1 : 0));
    caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(mute, caf::exit_reason::user_shutdown);
    system.run();
  }
}

TEST_CASE(
  "aggregator: items that are dropped with a writer or an aggregator do not count as stalled") {
  tests::virtual_system system;
  const auto people = std::make_shared<census>();
  auto& stall = people->home(0).stall;
  const auto mute = [](writer_actor::pointer) -> writer_actor::behavior_type {
    return {[](append_job&) {}, [](append_reply&) {}};
  };
  std::vector<caf::actor> all;
  const auto keep = [&](auto one) {
    all.push_back(caf::actor_cast<caf::actor>(one));
    return one;
  };
  const auto one = keep(system->spawn(aggregator, aggregator_config{}, people));
  const auto send = [&] {
    caf::anon_send(one, append_order{{}, std::make_shared<held_append>()});
    system.advance(40s);
  };
  const auto nobody_sends_again = [&] {
    system.advance(stall_watch::dropped_kept);
    CHECK(stall.since(system.now()) == 0s);
  };
  caf::anon_send(one, writer_changed{keep(system->spawn(mute))});
  send();
  CHECK(stall.since(system.now()) == 40s);
  caf::anon_send(one, writer_changed{keep(system->spawn(mute))}); // the supervisor started another
  nobody_sends_again();
  send();
  CHECK(stall.since(system.now()) == 40s);
  (void)keep(system->spawn(aggregator, aggregator_config{}, people)); // the former one died
  nobody_sends_again();
  for (auto& actor : all)
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  system.run();
}

TEST_CASE("aggregator: lanes of several databases gather longer, so that the node has no more "
          "transactions") {
  for (const std::uint32_t homes : {1U, 2U, 64U}) {
    tests::virtual_system system;
    const auto people = std::make_shared<census>();
    people->homes_open = homes;
    auto one = system->spawn(aggregator, aggregator_config{}, people);
    auto quick = system->spawn([](writer_actor::pointer self) -> writer_actor::behavior_type {
      return {[self](append_job& job) {
                using shared = storage::result<storage::append_outcome>;
                self->send(job.from, append_reply{job.call, std::make_shared<shared>(
                                                              storage::append_outcome{})});
              },
              [](append_reply&) {}};
    });
    caf::anon_send(one, writer_changed{quick});
    for (int i = 0; i < 200; ++i) {
      caf::anon_send(one, append_order{{}, std::make_shared<held_append>()});
      system.advance(10ms);
    }
    const auto committed = people->counters.batches_committed.load();
    const std::uint64_t expected = homes == 1 ? 100 : homes == 2 ? 50 : 20; // of two seconds
    CHECK(committed >= expected - 1);
    CHECK(committed <= expected + 1);
    caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(quick, caf::exit_reason::user_shutdown);
    system.run();
  }
}
