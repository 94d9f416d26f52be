#include "actors/live/actor_directory.hpp"
#include "actors/live/database_checks.hpp"
#include "actors/live/live_machines.hpp"
#include "actors/live/live_view.hpp"
#include "actors/live/machine_reports.hpp"
#include "actors/live/node_meter.hpp"
#include "actors/node.hpp"
#include "can/live/machine_monitor.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fake_gateway.hpp"
#include "tests/support/fake_homes.hpp"
#include "tests/support/memory_store.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <vector>

using namespace furrow;
using namespace furrow::actors;
using namespace std::chrono_literals;
using furrow::tests::eventually;
using furrow::tests::fake_gateway;
using furrow::tests::memory_store;
using furrow::tests::memory_tables;

namespace {

constexpr can::stream_id stream{1, 2, 3};

node_config quick() {
  node_config config;
  config.flush_interval = config.flush_longest = 5ms;
  config.claim_retry = 10ms;
  config.block_frames_max = 1'000;
  return config;
}

struct world {
  std::shared_ptr<memory_tables> tables = std::make_shared<memory_tables>();
  std::unique_ptr<node> running = start_node(
    quick(), std::make_shared<tests::fake_homes>(std::make_unique<memory_store>(tables)));
  const node_parts& parts = running->parts();

  std::uint64_t id_of(const std::string& name) {
    std::uint64_t id = 0;
    for (const auto& row : parts.actors.rows())
      if (row.name == name && row.state == "running")
        id = row.id;
    return id;
  }
  /// Pumps until all items are acked and `during(acked)` returns false. Returns false at the deadline.
  template <class During>
  bool replay(fake_gateway& gateway, std::chrono::seconds limit, During during) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (;;) {
      const bool done = gateway.pump();
      if (!during(gateway.acked()) && done)
        return true;
      if (std::chrono::steady_clock::now() > deadline)
        return false;
      std::this_thread::yield();
    }
  }
  void check_whole(std::uint64_t count) {
    const auto stored = tables->get(stream);
    CHECK(stored.items.size() == count);
    CHECK(stored.seq == count);
    CHECK(stored.doubled == 0);
    CHECK(std::all_of(stored.items.begin(), stored.items.end(), [](const auto& item) {
      return item.second == fake_gateway::time_of(item.first);
    }));
  }
};

} // namespace

TEST_CASE_FIXTURE(world, "node: items of a gateway are stored once and acked") {
  fake_gateway gateway{parts.gateways, "T1", stream, 20'000};
  REQUIRE(replay(gateway, 20s, [](std::uint64_t) { return false; }));
  check_whole(20'000);
  CHECK(parts.meter.stats().frames_received >= 20'000);
  CHECK(parts.meter.stats().budget_used == 0);
}

TEST_CASE_FIXTURE(world,
                  "node: reports a machine by farm and name, and no machine of another farm") {
  fake_gateway gateway{parts.gateways, "T1", stream, 1'000};
  REQUIRE(replay(gateway, 20s, [](std::uint64_t) { return false; }));
  const auto shown = [&](const std::string& farm, const std::string& name) {
    std::promise<bool> answer;
    parts.reports.look_at(farm, name,
                          [&](const auto& report) { answer.set_value(report.has_value()); });
    auto told = answer.get_future();
    REQUIRE(told.wait_for(10s) == std::future_status::ready);
    return told.get();
  };
  CHECK(shown("default", "T1"));
  CHECK_FALSE(shown("default", "T2"));
  CHECK_FALSE(shown("other", "T1"));
}

TEST_CASE_FIXTURE(world,
                  "node: shows the result of a check of a database, and how full its disk is") {
  parts.checks.note_check(storage::home_stores::main, {.up = true});
  CHECK(parts.meter.stats().store_up);
  parts.checks.note_check(storage::home_stores::main, {.why = "it has gone"});
  CHECK_FALSE(parts.meter.stats().store_up);
  CHECK(parts.meter.stats().store_fault.find("it has gone") != std::string::npos);
  parts.checks.note_check(storage::home_stores::main, {.up = true});
  CHECK(parts.meter.stats().store_up);
  parts.host.disk_used_pct = 88;
  CHECK(parts.meter.stats().disk_used_pct == 88);
}

TEST_CASE_FIXTURE(world, "node: a pulse comes back only while a worker of the actors is free") {
  const auto beats = [&](std::chrono::milliseconds limit) {
    auto answer = std::make_shared<std::promise<void>>();
    auto told = answer->get_future();
    running->pulse([answer] { answer->set_value(); });
    return told.wait_for(limit) == std::future_status::ready;
  };
  CHECK(beats(10s));
  const auto workers = std::max(2U, std::thread::hardware_concurrency());
  const auto blocked = std::make_shared<std::atomic<unsigned>>(0U);
  std::promise<void> go_on;
  const auto gone_on = go_on.get_future().share();
  // A worker may wake after this test has ended: it owns what it waits for.
  for (unsigned i = 0; i < workers; ++i)
    running->drain(0ms, [blocked, gone_on] { // called by an actor, on its worker
      ++*blocked;
      gone_on.wait();
    });
  REQUIRE(eventually(10s, [&] { return *blocked == workers; }));
  CHECK_FALSE(beats(500ms));
  go_on.set_value();
  CHECK(beats(10s));
}

TEST_CASE_FIXTURE(
  world, "node: recovers from the death of any single actor, and nothing is lost or doubled") {
  for (const std::string victim :
       {"equipment default/T1", "aggregator-0", "writer-0", "claim-desk", "storage", "fleet"}) {
    CAPTURE(victim);
    const auto before = tables->get(stream).items.size();
    fake_gateway gateway{parts.gateways, "T1", stream, before + 50'000};
    std::size_t kills = 0;
    REQUIRE(replay(gateway, 30s, [&](std::uint64_t acked) {
      if (kills == 3)
        return false;
      if (acked == gateway.count())
        gateway.extend(5'000); // continues until all kills have happened
      const auto id = acked < before + kills * 10'000 ? 0 : id_of(victim);
      if (id != 0)
        kills += parts.actors.kill(id) ? 1 : 0;
      return true;
    }));
    CHECK(kills == 3);
    check_whole(gateway.count());
  }
}

TEST_CASE_FIXTURE(
  world, "node: the next claim finds what was committed when answers are lost after the commit") {
  tables->lose_answers = 3;
  fake_gateway gateway{parts.gateways, "T1", stream, 30'000};
  REQUIRE(replay(gateway, 20s, [&](std::uint64_t acked) {
    if (tables->lose_answers == 0)
      return false;
    if (acked == gateway.count())
      gateway.extend(
        5'000); // one transaction may take all items: continues until three answers are lost
    return true;
  }));
  check_whole(gateway.count());
}

TEST_CASE_FIXTURE(
  world,
  "node: while the database is away, shows items live and holds few, and recovers soon after") {
  fake_gateway gateway{parts.gateways, "T1", stream, 60'000};
  bool was_away = false;
  std::uint64_t turns = 0;
  std::uint64_t heard_before = 0;
  bool moved = false;
  REQUIRE(replay(gateway, 30s, [&](std::uint64_t acked) {
    if (!was_away && acked > 10'000) {
      was_away = true;
      tables->set_down(true);
    }
    if (was_away && ++turns == 200)
      heard_before = static_cast<std::uint64_t>(parts.machines.all().at(0)->state->last_frame_us);
    if (was_away && turns >= 2'000 && !moved) {
      bool adrift = false; // blocks gather for a moment before the first append can fail
      const auto live = parts.machines.all();
      adrift = live.at(0)->adrift;
      moved =
        adrift && static_cast<std::uint64_t>(live.at(0)->state->last_frame_us) >= heard_before;
      if (!adrift)
        return true;
      CHECK(parts.meter.stats().budget_used < (1U << 20U));
      tables->set_down(false);
    }
    if (!moved && acked == gateway.count())
      gateway.extend(5'000); // one transaction may take all items
    return !moved;
  }));
  CHECK(was_away);
  CHECK(moved);
  check_whole(gateway.count());
}

TEST_CASE_FIXTURE(world,
                  "node: of two gateways with one stream the newest wins, and nothing is doubled") {
  fake_gateway first{parts.gateways, "T1", stream, 20'000};
  fake_gateway second{parts.gateways, "T1", stream, 20'000};
  for (int i = 0; i < 10; ++i)
    (void)first.pump();
  REQUIRE(replay(second, 20s, [&](std::uint64_t) {
    (void)first.pump();
    return false;
  }));
  REQUIRE(first.rejected());
  CHECK(first.rejected()->code == proto::reject_code::superseded);
  check_whole(20'000);
}

TEST_CASE_FIXTURE(world, "node: reports once that its root was killed, also to a late listener") {
  std::atomic<int> told{0};
  running->on_failure([&](const std::string&) { ++told; });
  CHECK(parts.actors.kill(1));
  REQUIRE(eventually(10s, [&] { return told > 0; }));
  CHECK(parts.meter.stats().gave_up);
  (void)parts.actors.kill(1);
  std::string why;
  running->on_failure([&](const std::string& reason) { why = reason; });
  CHECK(why.find("kill") != std::string::npos);
  CHECK(told == 1);
}

TEST_CASE_FIXTURE(world, "node: reports once that storage is restarted for the last time") {
  std::atomic<int> told{0};
  running->on_failure([&](const std::string&) { ++told; });
  int kills = 0;
  REQUIRE(eventually(20s, [&] {
    if (const auto id = id_of("storage"); id != 0)
      kills += parts.actors.kill(id) ? 1 : 0;
    return told > 0;
  }));
  CHECK(kills >= 3); // with the last restart
  CHECK(told == 1);
}

TEST_CASE_FIXTURE(world, "node: a drain commits all held items and calls back") {
  fake_gateway gateway{parts.gateways, "T1", stream, 5'000};
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (parts.meter.stats().frames_received < 5'000 && std::chrono::steady_clock::now() < deadline)
    (void)gateway.pump();
  std::atomic<bool> drained{false};
  running->drain(5s, [&] { drained = true; });
  while (!drained && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  CHECK(drained);
  CHECK(parts.meter.stats().budget_used == 0);
  check_whole(5'000);
}

TEST_CASE("node: a database that never answers delays no ack of another database's farms") {
  const auto main_tables = std::make_shared<memory_tables>();
  const auto east_tables = std::make_shared<memory_tables>();
  auto homes = std::make_shared<tests::fake_homes>(std::make_unique<memory_store>(main_tables));
  homes->add("east", std::make_unique<memory_store>(east_tables));
  homes->place("east farm", "east");
  const auto running = start_node(quick(), std::move(homes));
  auto& gateways = running->parts().gateways;
  fake_gateway west{gateways, "W1", {1}, 10, "west farm"};
  fake_gateway east{gateways, "E1", {2}, 10, "east farm"};
  REQUIRE(eventually(10s, [&] { return east.pump() && west.pump(); }));

  /// How long the acks of `rounds` batches take, the slowest hundredth left out.
  const auto ack_p99 = [&](int rounds) {
    std::vector<std::chrono::microseconds> took;
    for (int i = 0; i < rounds; ++i) {
      west.extend(10);
      (void)east.pump(10);
      const auto sent = std::chrono::steady_clock::now();
      while (!west.pump(10) && std::chrono::steady_clock::now() < sent + 10s)
        std::this_thread::yield();
      took.push_back(std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - sent));
    }
    std::sort(took.begin(), took.end());
    return took[took.size() * 99 / 100];
  };
  const auto before = ack_p99(200);
  east_tables->set_silent(true);
  east.extend(1'000);
  const auto during = ack_p99(200);
  MESSAGE("acks of the other farm, p99: ", before.count(), " us, and ", during.count(),
          " us while the database of one farm never answers");
  CHECK(during <= before + before / 5 + 20ms);
  CHECK(east.acked() == 10);
  CHECK(west.acked() == west.count());
  CHECK(running->parts().meter.stats().databases.at(0).name == "east");
}
