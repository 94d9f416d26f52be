// How a gateway chooses its node, and how soon it leaves one that is frozen, cut off or stopping; in virtual time.
#include "tests/tools/furrow-edge/uplink_story.hpp"

#include <map>

using namespace furrow;
using namespace furrow::edge;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

struct failover_story : uplink_story {
  /// Welcomed by a node that promises never to be silent for 2.5 s while an ack is awaited.
  void welcome_promptly(std::uint64_t resume_from = 1) {
    connect();
    hear(proto::welcome{1, 1, resume_from, {}, 5'000, 2'500});
    sent.clear();
  }
  unsigned pings() const {
    return static_cast<unsigned>(std::ranges::count_if(sent, [](const proto::message& message) {
      return std::holds_alternative<proto::ping>(message);
    }));
  }
  /// Goes from deadline to deadline until the connection is closed; how long that was.
  std::chrono::milliseconds until_closed() {
    const auto before = now;
    while (closes == 0)
      pass();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - before);
  }
};

} // namespace

TEST_CASE(
  "node list: machines spread over the nodes; those of a lost node spread over the others") {
  const std::vector<std::string> nodes{"n1:7400", "n2:7400", "n3:7400"};
  std::map<std::string, int> first;
  std::map<std::string, int> second_after_n1;
  for (int machine = 0; machine < 3'000; ++machine) {
    node_list list{"T" + std::to_string(machine), nodes, 1};
    const auto chosen = list.current();
    ++first[chosen];
    const node_list again{"T" + std::to_string(machine), {nodes[2], nodes[0], nodes[1]}, 9};
    CHECK(again.current() == chosen); // whatever the order in which they were named
    (void)list.after_failure();
    if (chosen == nodes[0])
      ++second_after_n1[list.current()];
  }
  for (const auto& node : nodes) {
    CHECK(first[node] > 900);
    CHECK(first[node] < 1'100);
  }
  CHECK(second_after_n1.size() == 2);
  CHECK(second_after_n1[nodes[1]] > first[nodes[0]] / 3);
  CHECK(second_after_n1[nodes[2]] > first[nodes[0]] / 3);
}

TEST_CASE(
  "uplink: leaves a node that does not answer, does not welcome or falls silent while idle") {
  failover_story s;
  s.start();
  CHECK(s.pass() == 2s);
  CHECK(s.closes == 1);
  s.welcome();
  const auto welcomed_at = s.now;
  while (s.uplink->streaming())
    s.pass();
  CHECK(s.now - welcomed_at == 3s); // three times the keep-alive that the node asked for
  CHECK(s.pings() >= 2);
}

TEST_CASE("uplink: asks a node that owes an ack after 1 s, and leaves it after 2.5 s of silence") {
  failover_story s;
  s.store.add(40);
  s.start();
  s.welcome_promptly();
  s.now += 4s; // idle, the node said nothing: nobody owes anything
  REQUIRE(s.batch());
  CHECK(s.until_closed() == 2'500ms);
  CHECK(s.pings() == 1);
  CHECK(s.warnings.back().find("is silent") != std::string::npos);
}

TEST_CASE("uplink: stays with a slow node that answers pings, however long the ack takes") {
  failover_story s;
  s.store.add(40);
  s.start();
  s.welcome_promptly();
  while (s.batch()) {
  }
  for (int second = 0; second < 60; ++second) {
    s.pass();
    REQUIRE(s.pings() == 1);
    s.sent.clear();
    s.now += 100ms;
    s.hear(proto::pong{0});
  }
  CHECK(s.uplink->streaming());
  s.hear(proto::ack{40});
  CHECK(s.pass() > 2'500ms); // idle again: the slow keep-alive
}

TEST_CASE("uplink: a gateway that was itself stopped asks before it leaves") {
  failover_story s;
  s.store.add(40);
  s.start();
  s.welcome_promptly();
  REQUIRE(s.batch());
  s.now += 20s;
  s.uplink->tick(s.now);
  s.look();
  CHECK(s.uplink->streaming());
  CHECK(s.pings() == 1);
  CHECK(s.until_closed() == 1'500ms);
}

TEST_CASE("uplink: a node that promises nothing is left after three keep-alives, as before") {
  failover_story s;
  s.store.add(40);
  s.start();
  s.connect();
  s.hear(proto::welcome{1, 1, 1, {}, 5'000});
  REQUIRE(s.batch());
  CHECK(s.until_closed() == 15s);
}

TEST_CASE("uplink: waits for a welcome while the node answers, and for a silent one twice as long "
          "each round") {
  failover_story s;
  s.start();
  for (int node = 0; node < 3; ++node) {
    s.connect();
    CHECK(s.until_closed() == 2'500ms);
  }
  for (int node = 0; node < 3; ++node) {
    s.connect();
    CHECK(s.until_closed() == 5s);
  }
  failover_story t;
  t.start();
  t.connect();
  const auto greeted_at = t.now;
  while (t.closes == 0) { // a claim waits for a database that is away
    t.pass();
    if (t.closes == 0)
      t.hear(proto::pong{0});
  }
  CHECK(t.now - greeted_at == 30s);
}

TEST_CASE("uplink: finishes at a stopping node: sends nothing more, leaves when all is acked") {
  failover_story s;
  s.store.add(100);
  s.start();
  s.welcome_promptly();
  REQUIRE(s.batch()); // 30 items
  s.hear(proto::goaway{"z:9"});
  CHECK(s.closes == 0);
  CHECK_FALSE(s.batch());
  s.hear(proto::ack{10});
  CHECK(s.closes == 0);
  s.hear(proto::ping{5});
  CHECK(std::get<proto::pong>(s.sent.back()).nonce == 5);
  s.hear(proto::ack{30});
  CHECK(s.closes == 1);
  CHECK(s.pass() <= 250ms);
  CHECK(s.connects == std::vector<std::string>{"z:9"});
  s.welcome(31);
  CHECK(s.batch()->first_seq == 31); // nothing travels twice
}

TEST_CASE("uplink: leaves a stopping node that acks no more after half a second") {
  failover_story s;
  s.store.add(100);
  s.start();
  s.welcome_promptly();
  REQUIRE(s.batch());
  s.hear(proto::goaway{""});
  CHECK(s.until_closed() == 500ms);
  s.pass();
  CHECK(s.connects == std::vector{s.preferred(1)});
  failover_story t;
  t.store.add(100);
  t.start();
  t.welcome_promptly();
  REQUIRE(t.batch());
  t.hear(proto::goaway{"z:9"});
  t.uplink->disconnected(t.now, "reset");
  t.look();
  t.pass();
  CHECK(t.connects == std::vector<std::string>{"z:9"});
}
