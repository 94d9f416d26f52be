// The actor that keeps the lease: what it asks, when, and what it tells the program.
#include "actors/cluster/membership.hpp"
#include "storage/identity/audit.hpp"
#include "tests/support/virtual_time.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace furrow::actors;
using namespace furrow::tests;
using namespace std::chrono_literals;
namespace storage = furrow::storage;

namespace {

const storage::failure away{storage::errc::retry_later, "away"};

/// A database of which the test decides whether it answers.
class held_membership : public storage::membership_store {
public:
  bool answers = true;
  bool fails = false;
  bool fails_homes = false; // and pins
  std::string away_farm;    // its database does not answer
  storage::node_row mine;
  std::vector<storage::node_row> others;
  std::vector<storage::beat_request> beats;
  unsigned judged = 0;
  unsigned left = 0;
  std::deque<storage::machine_names> settled;
  std::deque<storage::machine_names> unsettled;
  std::uint64_t timeline = 1;
  std::vector<storage::machine_home> pinned;
  std::uint64_t view = 1;

  void beat(storage::beat_request request, storage::handler<storage::beat_outcome> done) override {
    beats.push_back(request);
    if (!answers)
      return unanswered.push_back(std::move(done));
    if (fails)
      return done(away);
    if (request.joins)
      mine.who = request.who;
    storage::beat_outcome out;
    out.view = view;
    out.timeline = timeline;
    out.known = true;
    out.mine = mine.who == request.who && mine.status != storage::node_status::dead;
    out.nodes.push_back(mine);
    out.nodes.insert(out.nodes.end(), others.begin(), others.end());
    done(out);
  }
  void judge(storage::node_identity /*judge*/, storage::handler<storage::judgement> done) override {
    ++judged;
    storage::judgement out;
    for (auto& one : others)
      if (one.lease_ms < 0) {
        one.status = storage::node_status::dead;
        one.judged_by = "n1";
        out.dead.push_back(one.who);
        ++view;
      }
    done(out);
  }
  void leave(storage::node_identity /*who*/, storage::handler<furrow::done> done) override {
    ++left;
    done(furrow::done{});
  }
  void steer(std::string,
             storage::node_wish,
             storage::author,
             storage::handler<storage::node_status>) override {}
  void settle(storage::node_identity /*who*/,
              storage::machine_names machines,
              storage::handler<storage::machine_names> done) override {
    settled.push_back(machines);
    if (fails_homes)
      return done(away);
    std::erase_if(machines, [&](const auto& machine) { return machine.first == away_farm; });
    done(std::move(machines));
  }
  void unsettle(storage::node_identity /*who*/,
                storage::machine_names machines,
                storage::handler<storage::machine_names> done) override {
    unsettled.push_back(machines);
    std::erase_if(machines, [&](const auto& machine) { return machine.first == away_farm; });
    done(std::move(machines));
  }
  void homes(std::string, storage::handler<std::vector<storage::machine_home>>) override {}
  void pins(storage::handler<std::vector<storage::machine_home>> done) override {
    if (fails_homes)
      return done(away);
    done(pinned);
  }
  void pin(std::string,
           std::string,
           std::string,
           storage::author,
           storage::handler<furrow::done>) override {}

  std::vector<storage::handler<storage::beat_outcome>> unanswered;
};

struct membership_world {
  virtual_system system;
  held_membership store;
  std::shared_ptr<census> people = std::make_shared<census>();
  std::shared_ptr<cluster_board> board =
    std::make_shared<cluster_board>(storage::node_identity{"n1", {1}});
  unsigned news = 0;
  std::vector<std::uint64_t> replaced; // timelines
  std::shared_ptr<peer_roster> roster = std::make_shared<peer_roster>();
  membership_actor actor;

  membership_world() {
    board->on_news([this] { ++news; });
    start();
  }
  membership_world(const membership_world&) = delete;
  membership_world& operator=(const membership_world&) = delete;
  ~membership_world() { stop(); }

  void start() {
    membership_config config;
    config.roster = roster;
    config.replaced = [this](std::uint64_t timeline) { replaced.push_back(timeline); };
    actor = system->spawn(membership, config, &store, people, board);
  }
  void stop() {
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    actor = nullptr;
    system.run();
  }
  void serve() {
    storage::node_card card;
    card.gateway = "10.0.0.1:7400";
    board->join(card);
  }
  [[nodiscard]] node_state state() const { return board->latest()->state; }
};

storage::node_row other_node(std::int64_t lease_ms) {
  storage::node_row out;
  out.who = {"n2", {2}};
  out.lease_ms = lease_ms;
  return out;
}

} // namespace

TEST_CASE("membership: a node joins when it serves gateways, and renews its lease once a second") {
  membership_world world;
  world.system.advance(5s);
  CHECK(world.store.beats.empty());
  world.serve();
  world.system.advance(200ms);
  REQUIRE(world.store.beats.size() == 1);
  CHECK(world.store.beats[0].joins);
  CHECK(world.store.beats[0].card.gateway == "10.0.0.1:7400");
  CHECK(world.state() == node_state::alive);
  world.people->counters.sessions = 7;
  world.people->counters.frames_durable = 5'000;
  world.system.advance(10s);
  CHECK(world.store.beats.size() == 11);
  CHECK_FALSE(world.store.beats[10].joins);
  CHECK(world.store.beats[1].load.sessions == 7);
  CHECK(world.store.beats[1].load.frames_s >= 4'900);
  CHECK(world.store.beats[2].load.frames_s == 0);
}

TEST_CASE(
  "membership: a database that does not answer makes the node unsure, and gets one question "
  "at a time") {
  membership_world world;
  world.serve();
  world.system.advance(2s);
  const auto before = world.store.beats.size();
  world.store.answers = false;
  world.system.advance(4s);
  CHECK(world.state() == node_state::unsure);
  CHECK(world.people->counters.lease_lapses == 1);
  CHECK(world.people->counters.lease_lapsed);
  CHECK(world.store.beats.size() == before + 1);
  world.store.answers = true;
  world.store.unanswered.at(0)(away); // the connection has ended at last
  world.system.advance(500ms);
  CHECK(world.state() == node_state::alive);
  CHECK_FALSE(world.people->counters.lease_lapsed);
}

TEST_CASE("membership: a node that the database does not answer knows which peers it answers") {
  membership_world world;
  using clock = std::chrono::steady_clock;
  std::map<std::string, std::optional<clock::time_point>> beats; // of the peers, the last ones
  const auto renew = [&](const std::string& name) { beats[name] = world.system.now() - 400ms; };
  const auto fake = [&](const std::string& name) {
    return world.system->spawn([&, name]() -> peer_actor::behavior_type {
      return {[&, name](const admin_wish&) {
                furrow::proto::link::lease_age_answer said;
                if (const auto at = beats[name])
                  said.age_ms = static_cast<std::uint32_t>(
                    std::chrono::duration_cast<std::chrono::milliseconds>(world.system.now() - *at)
                      .count());
                return admin_reply{std::make_shared<const furrow::proto::link::reply>(said)};
              },
              [](const admin_page&) {}};
    });
  };
  peer_roster::list peers{{"n3", fake("n3")}, {"n2", fake("n2")}};
  world.roster->set(peers);
  const auto cut_off_to = [&] {
    return world.board->latest()->cut_off() ? world.board->latest()->database_at
                                            : std::vector<std::string>{};
  };
  world.serve();
  world.system.advance(2s);
  world.store.answers = false;

  // Away for all: their last beats were up to a second after this node's own.
  beats = {{"n2", world.system.now()}, {"n3", world.system.now() - 500ms}};
  for (int i = 0; i < 80; ++i) {
    world.system.advance(100ms);
    REQUIRE(cut_off_to().empty());
  }
  CHECK(world.state() == node_state::unsure);

  renew("n2");
  renew("n3");
  const auto told = world.news;
  world.system.advance(1'100ms);
  CHECK(cut_off_to() == std::vector<std::string>{"n2", "n3"});
  CHECK(world.news > told);
  beats["n3"] = std::nullopt; // it takes no machines
  renew("n2");
  world.system.advance(1'100ms);
  CHECK(cut_off_to() == std::vector<std::string>{"n2"});

  world.roster->clear(); // nobody is there to ask
  world.system.advance(1'100ms);
  CHECK(cut_off_to().empty());
  world.roster->set(peers);
  renew("n2");
  world.system.advance(1'100ms);
  CHECK(cut_off_to() == std::vector<std::string>{"n2"});

  world.store.answers = true;
  world.store.unanswered.at(0)(away); // the connection has ended at last
  world.system.advance(500ms);
  CHECK(world.state() == node_state::alive);
  CHECK(cut_off_to().empty());
  const auto own_age = [&] { return world.board->latest()->lease_age(world.system.now()); };
  CHECK_FALSE(own_age()); // the first that is alive again does not get all machines
  world.system.advance(4'500ms);
  REQUIRE(own_age());
  CHECK(*own_age() < 1'100ms);
  world.roster->clear();
  for (auto& one : peers)
    caf::anon_send_exit(one.second, caf::exit_reason::user_shutdown);
  peers.clear();
  world.system.run();
}

TEST_CASE("membership: a peer that refuses a node that it takes for dead counts as before") {
  membership_world world;
  bool silent = false;
  auto peer = world.system->spawn([&silent]() -> peer_actor::behavior_type {
    return {[&silent](const admin_wish&) {
              using namespace furrow::proto::link;
              return admin_reply{std::make_shared<const reply>(
                silent ? reply{failed_answer{"it is dead"}} : reply{lease_age_answer{100}})};
            },
            [](const admin_page&) {}};
  });
  world.roster->set({{"n2", peer}});
  world.serve();
  world.system.advance(2s);
  world.store.answers = false;
  world.system.advance(2'900ms);
  CHECK(world.state() == node_state::alive);
  CHECK_FALSE(world.board->latest()->cut_off()); // its lease holds
  silent = true;
  world.system.advance(5s);
  CHECK(world.board->latest()->cut_off());
  world.store.answers = true;
  world.store.unanswered.at(0)(away);
  world.system.advance(500ms);
  world.roster->clear();
  caf::anon_send_exit(peer, caf::exit_reason::user_shutdown);
  peer = nullptr;
  world.system.run();
}

TEST_CASE(
  "membership: a node whose name another process has taken learns it, once, and asks no more") {
  membership_world world;
  world.serve();
  world.system.advance(2s);
  world.store.mine.who.incarnation = {9};
  world.system.advance(1'100ms);
  CHECK(world.state() == node_state::dead);
  CHECK(world.board->latest()->ended_by == "another process has started under the name n1");
  const auto asked = world.store.beats.size();
  const auto told = world.news;
  world.system.advance(5s);
  CHECK(world.store.beats.size() == asked);
  CHECK(world.news == told);
}

TEST_CASE("membership: a restarted actor goes on with its lease and does not take the name again") {
  membership_world world;
  world.serve();
  world.system.advance(1s);
  world.stop();
  world.store.mine.who.incarnation = {9};
  world.start();
  world.system.advance(1s);
  CHECK_FALSE(world.store.beats.back().joins);
  CHECK(world.state() == node_state::dead);
}

TEST_CASE("membership: the lease of another node that is past is judged after four seconds") {
  membership_world world;
  world.store.others = {other_node(-500)};
  world.serve();
  world.system.advance(3'900ms);
  CHECK(world.store.judged == 0);
  world.system.advance(2s);
  CHECK(world.store.judged == 1);
  CHECK(world.people->counters.nodes_judged == 1);
  CHECK(world.board->latest()->nodes.at(1).status == storage::node_status::dead);
  CHECK(world.people->counters.cluster_nodes_alive == 1);
}

TEST_CASE("membership: a node that drains says so at once, and leaves when nothing is left") {
  membership_world world;
  world.serve();
  world.system.advance(1'300ms);
  const auto asked = world.store.beats.size();
  world.board->end();
  caf::anon_send(world.actor, lease_due{});
  world.system.run();
  REQUIRE(world.store.beats.size() == asked + 1);
  CHECK(world.store.beats.back().ends);
  CHECK(world.state() == node_state::draining);
  world.board->leave();
  caf::anon_send(world.actor, lease_due{});
  world.system.run();
  CHECK(world.store.left == 1);
  CHECK(world.state() == node_state::left);
  world.system.advance(5s);
  CHECK(world.store.beats.size() == asked + 1);
}

TEST_CASE(
  "membership: the home of a machine is written once, and again after its gateway was away") {
  membership_world world;
  const auto place = world.people->board.open("farm", "T1", {});
  const auto connect = [&](bool connected) {
    auto now = std::make_shared<live_equipment>();
    now->farm = "farm";
    now->equipment = "T1";
    now->connected = connected;
    place->publish(now);
  };
  connect(true);
  world.serve();
  world.system.advance(3s);
  REQUIRE(world.store.settled.size() == 1);
  CHECK(world.store.settled[0] == storage::machine_names{{"farm", "T1"}});
  connect(false);
  world.system.advance(2s);
  connect(true);
  world.system.advance(2s);
  CHECK(world.store.settled.size() == 2);
  CHECK(world.store.unsettled.empty()); // its gateway came back soon
  world.system.advance(10s);
  CHECK(world.store.unsettled.empty());
  connect(false);
  world.system.advance(4s);
  CHECK(world.store.unsettled.empty());
  world.system.advance(5s);
  REQUIRE(world.store.unsettled.size() == 1);
  CHECK(world.store.unsettled[0] == storage::machine_names{{"farm", "T1"}});
  connect(true);
  world.system.advance(2s);
  CHECK(world.store.settled.size() == 3);
}

TEST_CASE("membership: while the node drains, homes stay where they are") {
  membership_world world;
  const auto place = world.people->board.open("farm", "T1", {});
  auto now = std::make_shared<live_equipment>();
  now->farm = "farm";
  now->equipment = "T1";
  now->connected = true;
  place->publish(now);
  world.serve();
  world.system.advance(3s);
  world.board->end();
  auto gone = std::make_shared<live_equipment>(*now);
  gone->connected = false;
  place->publish(gone);
  world.system.advance(10s);
  CHECK(world.store.unsettled.empty());
}

TEST_CASE("membership: a new timeline of the database is told at once, and twice again") {
  membership_world world;
  world.serve();
  world.system.advance(20s);
  CHECK(world.replaced == std::vector<std::uint64_t>{1, 1, 1});
  world.replaced.clear();
  world.store.timeline = 2;
  world.system.advance(1'100ms);
  CHECK(world.replaced == std::vector<std::uint64_t>{2});
  world.stop(); // the restarted actor still knows the timeline
  world.start();
  world.store.timeline = 3;
  world.system.advance(2s);
  CHECK(world.replaced == std::vector<std::uint64_t>{2, 3});
  world.system.advance(20s);
  CHECK(world.replaced == std::vector<std::uint64_t>{2, 3, 3, 3});
}

TEST_CASE("membership: pins are known within seconds") {
  membership_world world;
  world.serve();
  world.system.advance(1s);
  REQUIRE(world.board->latest()->pins);
  CHECK(world.board->latest()->pins->empty());
  world.store.pinned = {{"farm", "T1", "n1", {1}, 0, "n2"}};
  world.system.advance(6s);
  CHECK(world.board->latest()->pins->at({"farm", "T1"}) == "n2");
  world.store.fails_homes = true; // the list is not known: the one before stays
  world.store.pinned.clear();
  world.system.advance(12s);
  CHECK(world.board->latest()->pins->at({"farm", "T1"}) == "n2");
  world.store.fails_homes = false;
  world.system.advance(6s);
  CHECK(world.board->latest()->pins->empty());
}

TEST_CASE("membership: machines of a database that is away do not keep the others waiting") {
  membership_world world;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<live_board::place>> places;
  const auto connect = [&](const std::string& farm, const std::string& machine, bool connected) {
    auto now = std::make_shared<live_equipment>();
    now->farm = farm;
    now->equipment = machine;
    now->connected = connected;
    auto& place = places[{farm, machine}];
    if (!place)
      place = world.people->board.open(farm, machine, {});
    place->publish(now);
  };
  const auto times = [](const std::deque<storage::machine_names>& asked,
                        const std::pair<std::string, std::string>& machine) {
    return std::count_if(asked.begin(), asked.end(), [&](const auto& batch) {
      return std::find(batch.begin(), batch.end(), machine) != batch.end();
    });
  };
  world.store.away_farm = "away"; // it comes before the other farm, and fills a whole batch
  for (std::size_t i = 0; i < storage::homes_at_once; ++i)
    connect("away", "T" + std::to_string(i), true);
  connect("farm", "T1", true);
  world.serve();
  world.system.advance(4s);
  CHECK(times(world.store.settled, {"farm", "T1"}) == 1);
  CHECK(times(world.store.settled, {"away", "T0"}) > 1);
  world.store.away_farm.clear();
  world.system.advance(4s);
  const auto asked = world.store.settled.size();
  world.system.advance(4s);
  CHECK(world.store.settled.size() == asked);
  // The same when gateways leave.
  world.store.away_farm = "away";
  for (std::size_t i = 0; i < storage::homes_at_once; ++i)
    connect("away", "T" + std::to_string(i), false);
  connect("farm", "T1", false);
  world.system.advance(12s);
  CHECK(times(world.store.unsettled, {"farm", "T1"}) == 1);
  CHECK(times(world.store.unsettled, {"away", "T0"}) > 1);
}
