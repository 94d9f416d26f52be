// A gateway's conversation in virtual time: no socket, no clock.
#include "tests/tools/furrow-edge/uplink_story.hpp"

#include <doctest/doctest.h>

using namespace furrow;
using namespace furrow::edge;
using namespace furrow::tests;
using namespace std::chrono_literals;

TEST_CASE(
  "uplink: says hello with the spool's state, and sends from the number that the node names") {
  uplink_story s;
  s.store.add(45);
  s.store.kept.first_seq = 3;
  s.store.kept.buses = {{0, "can0"}};
  s.config.iso_name = 7;
  s.start();
  CHECK(s.connects == std::vector{s.preferred(0)});
  CHECK_FALSE(s.batch()); // not before a welcome
  s.connect();
  REQUIRE(s.sent.size() == 1);
  const auto hello = std::get<proto::hello>(s.sent[0]);
  CHECK(hello.equipment == "T1");
  CHECK(hello.token == "t");
  CHECK(hello.first_seq == 3);
  CHECK(hello.last_seq == 45);
  CHECK(hello.runs == s.store.kept.runs);
  CHECK(hello.buses == s.store.kept.buses);
  CHECK(hello.iso_name == 7);
  CHECK_FALSE(s.batch());
  s.hear(proto::welcome{1, 1, 15, {}, 1'000});
  CHECK(s.store.acked_seq() == 14);
  CHECK(s.store.welcomed_run == 12); // the newest run of the hello
  const auto first = s.batch();
  REQUIRE(first);
  CHECK(first->first_seq == 11); // the whole block: the node trims
  CHECK(first->count() == 30);
  CHECK(first->last_seq == 45);
  CHECK(first->buses.empty());
  CHECK(s.batch()->first_seq == 41);
  CHECK_FALSE(s.batch());
  s.store.add(5);
  s.store.kept.buses.push_back({1, "can1"});
  const auto more = s.batch();
  REQUIRE(more);
  CHECK(more->first_seq == 41);
  CHECK(more->buses.size() == 2); // a new bus is named before its frames
  CHECK_FALSE(s.batch());
}

TEST_CASE("uplink: acks only what the node confirms; an ack of a future item ends the session") {
  uplink_story s;
  s.store.add(20);
  s.start();
  s.welcome();
  (void)s.batch();
  CHECK(s.store.acked_seq() == 0);
  s.hear(proto::ack{7});
  CHECK(s.store.acked_seq() == 7);
  s.hear(proto::ack{3});
  CHECK(s.store.acked_seq() == 7);
  s.hear(proto::ack{21});
  CHECK(s.store.acked_seq() == 7);
  CHECK(s.closes == 1);
  CHECK_FALSE(s.uplink->streaming());
}

TEST_CASE(
  "uplink: continues from the new node's watermark after a broken line, and loses nothing") {
  uplink_story s;
  s.store.add(100);
  s.start();
  s.welcome();
  while (s.batch()) {
  }
  s.hear(proto::ack{30});
  s.uplink->disconnected(s.now, "reset");
  s.look();
  CHECK(s.pass() <= 250ms);
  CHECK(s.connects == std::vector{s.preferred(1)});
  s.welcome(21); // durable there is less than was acked: an asynchronous standby took over
  CHECK(s.store.acked_seq() == 20);
  CHECK(s.batch()->first_seq == 21);
}

TEST_CASE("uplink: tries the nodes in turn, with pauses that grow to ten seconds") {
  uplink_story s;
  s.start();
  std::vector<std::chrono::milliseconds> pauses;
  std::vector<std::string> order;
  for (int attempt = 0; attempt < 60; ++attempt) {
    order.push_back(s.connects.back());
    s.connects.clear();
    s.uplink->disconnected(s.now, "refused");
    s.look();
    pauses.push_back(s.pass());
  }
  for (std::size_t i = 0; i < order.size(); ++i)
    CHECK(order[i] == s.preferred(i));
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(pauses[i] <= 250ms);
  for (std::size_t i = 3; i < 6; ++i) {
    CHECK(pauses[i] >= 250ms);
    CHECK(pauses[i] <= 500ms);
  }
  for (std::size_t i = 30; i < 60; ++i) {
    CHECK(pauses[i] >= 5s);
    CHECK(pauses[i] <= 10s);
  }
  CHECK(std::set<std::chrono::milliseconds>(pauses.begin() + 30, pauses.end()).size()
        > 20);                   // jitter
  CHECK(s.warnings.size() == 3); // each node's error is reported once
  CHECK_FALSE(s.stopped);
  s.welcome();
  s.uplink->disconnected(s.now, "reset");
  s.look();
  CHECK(s.pass() <= 250ms); // a welcome ends the long pauses
}

TEST_CASE("uplink: pings while idle, and stays while the node answers") {
  uplink_story s;
  s.start();
  s.welcome();
  for (int i = 0; i < 100; ++i) {
    CHECK(s.pass() == 1s);
    REQUIRE(s.sent.size() == 1);
    const auto nonce = std::get<proto::ping>(s.sent[0]).nonce;
    s.sent.clear();
    s.hear(proto::pong{nonce});
  }
  CHECK(s.uplink->streaming());
  s.hear(proto::ping{77});
  CHECK(std::get<proto::pong>(s.sent.back()).nonce == 77);
}

TEST_CASE("uplink: a rewind lowers what counts as durable and never raises it") {
  uplink_story s;
  s.store.add(100);
  s.start();
  s.welcome();
  while (s.batch()) {
  }
  s.hear(proto::ack{50});
  s.hear(proto::rewind{81}); // a hole: items before it are received, not durable
  CHECK(s.store.acked_seq() == 50);
  CHECK(s.batch()->first_seq == 81);
  s.hear(proto::rewind{31});
  CHECK(s.store.acked_seq() == 30);
  CHECK(s.batch()->first_seq == 31);
  s.hear(proto::rewind{102});
  CHECK(s.closes == 1); // item 102 does not exist
}

TEST_CASE("uplink: a welcome for the live view makes nothing durable") {
  uplink_story s;
  s.store.add(100);
  s.start();
  s.welcome(101, 0);
  CHECK(s.store.acked_seq() == 0);
  CHECK(s.store.welcomed_run == 0);
  s.store.add(5);
  CHECK(s.batch()->first_seq == 101);
  s.hear(proto::welcome{1, 9, 41, {}, 1'000}); // the database is back
  CHECK(s.store.acked_seq() == 40);
  CHECK(s.batch()->first_seq == 41);
}

TEST_CASE("uplink: follows redirects, but not in circles") {
  uplink_story s;
  s.start();
  s.connect();
  s.hear(proto::redirect{"z:9"});
  CHECK(s.pass() <= 250ms);
  CHECK(s.connects == std::vector<std::string>{"z:9"});
  s.welcome();
  s.hear(proto::goaway{s.preferred(0)});
  CHECK(s.pass() <= 250ms);
  CHECK(s.connects == std::vector{s.preferred(0)});
  s.welcome();
  s.hear(proto::goaway{""});
  s.pass();
  CHECK(s.connects == std::vector{s.preferred(1)});
  for (int i = 0; i < 6; ++i) {
    s.connect();
    s.hear(proto::redirect{i % 2 == 0 ? "x:1" : "y:1"});
  }
  CHECK(s.warnings.size() == 1);
  CHECK(s.warnings[0].find("circle") != std::string::npos);
}

TEST_CASE("uplink: tells the next node which nodes it could not reach, for half a minute") {
  uplink_story s;
  s.start();
  s.connect();
  s.hear(proto::redirect{"z:9"});
  s.pass();
  s.uplink->disconnected(s.now, "refused");
  s.look();
  s.pass();
  const auto told = [&] {
    s.sent.clear();
    s.connect();
    return std::get<proto::hello>(s.sent.at(0)).unreachable;
  };
  CHECK(told() == std::vector<std::string>{"z:9"});
  s.hear(proto::welcome{1, 1, 1, {}, 1'000});
  s.uplink->disconnected(s.now, "reset"); // it was reached: not one of them
  s.look();
  s.pass();
  CHECK(told() == std::vector<std::string>{"z:9"});
  s.hear(proto::redirect{"z:9"}); // it answers again
  s.pass();
  s.connect();
  s.hear(proto::welcome{1, 1, 1, {}, 1'000});
  s.hear(proto::goaway{""});
  s.pass();
  CHECK(told().empty());
  s.hear(proto::redirect{"z:9"});
  s.pass();
  s.uplink->disconnected(s.now, "refused");
  s.look();
  s.pass();
  s.now += 30s;
  CHECK(told().empty());
}

TEST_CASE("uplink: a node that takes the connection and says nothing counts as one out of reach") {
  uplink_story s;
  s.start();
  s.connect();
  s.hear(proto::redirect{"z:9"});
  s.pass();
  s.connect(); // something took the connection: a proxy, or a node that is frozen
  const auto waited_from = s.now;
  while (s.uplink->node() == "z:9")
    s.pass();
  CHECK(s.now - waited_from <= 2'500ms);
  s.pass();
  s.sent.clear();
  s.connect();
  CHECK(std::get<proto::hello>(s.sent.at(0)).unreachable == std::vector<std::string>{"z:9"});
}

TEST_CASE("uplink: learns the cluster's nodes from a welcome, and keeps the user's") {
  uplink_story s;
  s.config.nodes = {"a:1"};
  s.start();
  s.connect();
  s.hear(proto::welcome{1, 1, 1, {"a:1", "n2:1", "n3:1"}, 1'000});
  std::vector<std::string> order;
  for (int i = 0; i < 4; ++i) {
    s.uplink->disconnected(s.now, "reset");
    s.look();
    s.pass();
    order.push_back(s.connects.back());
  }
  s.config.nodes = {"a:1", "n2:1", "n3:1"};
  std::size_t here = 0; // the place of a:1, at which the gateway was
  while (s.preferred(here) != "a:1")
    ++here;
  for (std::size_t i = 0; i < order.size(); ++i)
    CHECK(order[i] == s.preferred(here + 1 + i));
  s.connect();
  s.hear(proto::welcome{1, 1, 1, std::vector<std::string>(proto::nodes_max, "same:1"), 1'000});
  s.uplink->disconnected(s.now, "reset");
  s.look();
  s.pass();
  CHECK(s.connects.back() != "n3:1"); // forgotten
}

TEST_CASE("uplink: a copy of a spool moves to its own stream and says hello again at once") {
  uplink_story s;
  s.config.sources = {{"digest", "a.log"}};
  s.store.add(100);
  s.start();
  s.connect();
  CHECK(std::get<proto::hello>(s.sent.back()).sources == s.config.sources);
  s.hear(proto::reject{proto::reject_code::forked, "a copy", 61, 60});
  CHECK(s.store.forked_at == 61);
  CHECK(s.closes == 1);
  CHECK(s.warnings.size() == 1);
  CHECK(s.pass() <= 250ms);
  s.sent.clear();
  s.connect();
  const auto hello = std::get<proto::hello>(s.sent.back());
  CHECK(hello.stream_id == can::stream_id{2});
  CHECK(hello.last_seq == 40);
  CHECK(hello.runs == std::vector<can::run_mark>{{99, 1}});
  CHECK(hello.sources.empty()); // the original stream holds the file
}

TEST_CASE(
  "uplink: stops with one line when the node needs items that are gone, unless loss is accepted") {
  for (const bool accepted : {false, true}) {
    for (int how = 0; how < 3; ++how) {
      CAPTURE(how);
      uplink_story s;
      s.config.accept_loss = accepted;
      s.store.add(100);
      s.store.kept.first_seq = 41;
      s.store.kept.acked_seq = 60;
      s.start();
      if (how == 0) {
        s.connect();
        s.hear(proto::welcome{1, 1, 21, {}, 1'000});
      } else if (how == 1) {
        s.welcome(61);
        s.hear(proto::rewind{21});
      } else {
        s.connect();
        s.hear(
          proto::reject{proto::reject_code::gone, "the database holds the stream up to 20", 0, 0});
      }
      if (accepted) {
        CHECK_FALSE(s.stopped);
        CHECK(s.store.forked_at == 41);
        CHECK(s.pass() <= 250ms);
        CHECK(s.connects.size() == 1);
      } else {
        REQUIRE(s.stopped);
        CHECK(s.stopped->code == errc::gone);
        if (how != 2)
          CHECK(s.stopped->detail.find("21 to 40") != std::string::npos);
        CHECK_FALSE(s.uplink->deadline());
        CHECK(s.store.forked_at == 0);
      }
    }
  }
}

TEST_CASE("uplink: an error for a person ends it with one line; other errors are retried") {
  const auto after = [](proto::reject_code code) {
    uplink_story s;
    s.start();
    s.connect();
    s.hear(proto::reject{code, "because", 1});
    return s.stopped.has_value();
  };
  CHECK(after(proto::reject_code::version));
  CHECK(after(proto::reject_code::credentials));
  CHECK(after(proto::reject_code::known));
  CHECK_FALSE(after(proto::reject_code::unavailable));
  CHECK_FALSE(after(proto::reject_code::unspecified));
  CHECK_FALSE(after(proto::reject_code::superseded));
  CHECK_FALSE(after(proto::reject_code::malformed)); // once: perhaps the line
  uplink_story s;
  s.start();
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(s.stopped);
    s.connect();
    s.hear(proto::reject{proto::reject_code::malformed, "columns", 0});
  }
  CHECK(s.stopped);
}

TEST_CASE("uplink: announces a run that began after the hello before it sends the run's items") {
  uplink_story s;
  s.store.add(20);
  s.start();
  s.welcome();
  CHECK(s.batch()->count() == 20);
  s.store.kept.runs.push_back({13, 21}); // the disk had no room for its mark until now
  s.store.add(5);
  CHECK_FALSE(s.batch());
  CHECK(s.closes == 1);
  CHECK(s.pass() <= 250ms);
  CHECK(s.connects == std::vector{s.preferred(0)});
  s.connect();
  CHECK(std::get<proto::hello>(s.sent.back()).runs.back() == can::run_mark{13, 21});
  s.hear(proto::welcome{1, 2, 21, {}, 1'000});
  CHECK(s.batch()->first_seq == 21);
}

TEST_CASE("uplink: two gateways with one stream do not replace each other without end") {
  uplink_story s;
  s.start();
  s.welcome();
  s.hear(proto::reject{proto::reject_code::superseded, "a newer session", 0});
  CHECK(s.pass() >= 5s);
}

TEST_CASE("uplink: leaves a node that breaks the protocol in any way") {
  const std::vector<proto::message> wrong{proto::ack{0},   proto::rewind{1},
                                          proto::hello{},  proto::batch{},
                                          proto::sample{}, proto::welcome{7, 1, 1, {}, 0}};
  for (const auto& message : wrong) {
    uplink_story s;
    s.start();
    s.connect();
    s.hear(message);
    CHECK(s.closes == 1);
    CHECK_FALSE(s.stopped);
  }
  uplink_story s;
  s.start();
  s.connect();
  s.uplink->received_garbage(s.now, "no");
  s.look();
  CHECK(s.closes == 1);
  s.hear(proto::ack{1}); // of the closed connection
  CHECK(s.closes == 1);
  uplink_story t;
  t.store.add(5);
  t.start();
  t.connect();
  t.hear(proto::welcome{1, 1, 7, {}, 0}); // more than was ever numbered
  REQUIRE(t.stopped);
  CHECK(t.stopped->code == errc::foreign);
}
