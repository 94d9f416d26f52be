// A machine whose actor dies repeatedly, and its neighbours: first the decisions of the account, then
// the same with actors in virtual time.
#include "actors/ingest/fleet_account.hpp"
#include "tests/actors/tree_world.hpp"

#include <doctest/doctest.h>

using namespace furrow;
using namespace furrow::actors;
using namespace std::chrono_literals;
using admission = fleet_account::admission;
using verdict = fleet_account::verdict;

namespace {

/// The messages that a gateway's session received.
struct heard_port final : session_port {
  int welcomes = 0;
  int drops = 0;
  std::optional<proto::reject_code> rejected;
  void welcome(std::int64_t /*epoch*/, std::uint64_t /*resume_from*/) override { ++welcomes; }
  void ack(std::uint64_t /*durable_seq*/) override {}
  void rewind(std::uint64_t /*from_seq*/) override {}
  void reject(proto::reject reason) override { rejected = reason.code; }
  void drop() override { ++drops; }
  void yield() override { ++drops; }
};

struct fleet_world : tests::tree_world {
  std::uint64_t sessions = 0;

  std::shared_ptr<heard_port> greet(const std::string& machine, std::uint8_t stream) {
    auto port = std::make_shared<heard_port>();
    auto from = std::make_shared<greeting>();
    from->farm = "default";
    from->hello.equipment = machine;
    from->hello.stream_id = {stream, 2, 3};
    from->hello.first_seq = 1;
    from->hello.runs = {{99, 1}};
    caf::anon_send(places->fleet(),
                   attach_order{++sessions, std::move(from), std::make_shared<held_port>(port),
                                std::make_shared<link_target>()});
    system.run();
    return port;
  }
};

} // namespace

TEST_CASE("fleet account: the next greeting starts a machine that died") {
  fleet_account account{2, {}};
  const fleet_account::time_point now{};
  CHECK(account.greet("a", now) == admission::start);
  CHECK(account.greet("a", now) == admission::running);
  CHECK(account.died("a", now + 1s) == verdict::awaits_gateway);
  CHECK(account.greet("a", now + 2s) == admission::start);
}

TEST_CASE("fleet account: rejects machines above the limit until one has stopped") {
  fleet_account account{2, {}};
  const fleet_account::time_point now{};
  CHECK(account.greet("a", now) == admission::start);
  CHECK(account.greet("b", now) == admission::start);
  CHECK(account.greet("c", now) == admission::full);
  CHECK(account.greet("b", now) == admission::running);
  account.stopped("a");
  CHECK(account.greet("c", now) == admission::start);
  CHECK(account.size() == 2);
}

TEST_CASE("fleet account: a quarantine lasts for the window, then the budget is whole again") {
  fleet_account account{2, {2, 30s, 50ms, 5s}};
  fleet_account::time_point now{};
  for (int round = 0; round < 2; ++round) {
    for (int deaths = 0; deaths < 2; ++deaths) {
      CHECK(account.greet("a", now) == admission::start);
      CHECK(account.died("a", now += 1s) == verdict::awaits_gateway);
    }
    CHECK(account.greet("a", now) == admission::start);
    CHECK(account.died("a", now += 1s) == verdict::quarantined);
    CHECK(account.greet("a", now += 29'999ms) == admission::quarantined);
    CHECK(account.greet("b", now) != admission::quarantined);
    now += 1ms;
  }
}

TEST_CASE(
  "fleet account: a machine that crash-loops is noticed even if its gateway reconnects late") {
  fleet_account account{2, {2, 30s, 50ms, 5s}};
  fleet_account::time_point now{};
  for (int deaths = 0; deaths < 2; ++deaths) {
    CHECK(account.greet("a", now += 60s) == admission::start);
    CHECK(account.died("a", now += 1s) == verdict::awaits_gateway);
  }
  CHECK(account.greet("a", now += 60s) == admission::start);
  CHECK(account.died("a", now += 1s) == verdict::quarantined);
}

TEST_CASE_FIXTURE(
  fleet_world,
  "fleet: a machine that crash-loops is quarantined for 30 s, and other machines go on") {
  const auto neighbour = greet("T2", 2);
  CHECK(neighbour->welcomes == 1);
  for (int deaths = 0; deaths < 6; ++deaths) {
    const auto port = greet("T1", 1);
    CHECK(port->welcomes == 1);
    REQUIRE(kill("equipment default/T1"));
    CHECK(port->drops == 1);
    system.advance(1s);
  }
  CHECK(row("equipment default/T1").state == "quarantined");
  CHECK(row("equipment default/T1").detail.starts_with("for 30 s: "));
  CHECK(people->counters.machines_quarantined == 1);
  CHECK(greet("T1", 1)->rejected == proto::reject_code::unavailable);
  system.advance(28'990ms);
  CHECK(greet("T1", 1)->rejected == proto::reject_code::unavailable);
  system.advance(10ms);
  CHECK(greet("T1", 1)->welcomes == 1);
  CHECK(row("equipment default/T1").state == "running");

  CHECK(row("equipment default/T2").state == "running");
  CHECK(row("equipment default/T2").restarts == 0);
  CHECK(neighbour->drops == 0);
  CHECK_FALSE(neighbour->rejected);
}
