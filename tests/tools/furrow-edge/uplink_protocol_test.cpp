// A gateway's conversation in virtual time: no socket, no clock.
#include "tests/tools/furrow-edge/edge_story.hpp"
#include "tools/furrow-edge/uplink/uplink_protocol.hpp"

#include <doctest/doctest.h>

using namespace furrow;
using namespace furrow::edge;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

/// Items in memory, one block of ten each.
class memory_store final : public item_store {
public:
  stream_state kept;
  std::uint64_t forked_at = 0;
  std::uint64_t welcomed_run = 0;

  memory_store() {
    kept.stream_id = {1};
    kept.runs = {{11, 1}, {12, 1}};
  }
  void add(std::uint64_t items) { kept.last_seq += items; }

  stream_state state() const override { return kept; }
  std::uint64_t last_seq() const override { return kept.last_seq; }
  std::uint64_t acked_seq() const override { return kept.acked_seq; }
  std::size_t bus_count() const override { return kept.buses.size(); }
  std::uint64_t run() const override { return kept.runs.back().run; }
  edge::result<std::vector<item_block>>
  read(std::uint64_t from, std::size_t /*bytes_max*/, std::size_t blocks_max) override {
    std::vector<item_block> blocks;
    for (auto first = (from - 1) / 10 * 10 + 1;
         first <= kept.last_seq && blocks.size() < std::min<std::size_t>(blocks_max, 3);
         first += 10) {
      const auto count = std::min<std::uint64_t>(10, kept.last_seq - first + 1);
      auto bytes = proto::encode_items(numbered_frames(first, count));
      blocks.push_back({first, static_cast<std::uint32_t>(count),
                        std::make_shared<const std::string>(std::move(bytes))});
    }
    return blocks;
  }
  edge::result<done> welcomed(std::uint64_t resume_from, std::uint64_t run) override {
    kept.acked_seq = resume_from - 1;
    welcomed_run = run;
    return done{};
  }
  void acknowledge(std::uint64_t durable) override {
    kept.acked_seq = std::max(kept.acked_seq, durable);
  }
  void rewind(std::uint64_t from) override { kept.acked_seq = std::min(kept.acked_seq, from - 1); }
  edge::result<done> fork(std::uint64_t fork_seq, std::uint64_t /*durable_seq*/) override {
    forked_at = fork_seq;
    kept.stream_id = {2};
    kept.runs = {{99, 1}};
    kept.last_seq = kept.last_seq + 1 - std::min(fork_seq, kept.last_seq + 1);
    kept.first_seq = 1;
    kept.acked_seq = 0;
    return done{};
  }
};

struct story {
  memory_store store;
  uplink_config config{.equipment = "T1",
                       .token = "t",
                       .software = "test",
                       .iso_name = {},
                       .nodes = {"a:1", "b:2", "c:3"},
                       .seed = 5};
  uplink_protocol::time_point now{1h};
  std::optional<uplink_protocol> uplink;
  std::vector<std::string> connects;
  std::vector<proto::message> sent;
  std::vector<std::string> warnings;
  std::optional<edge::failure> stopped;
  unsigned closes = 0;

  void start() {
    uplink.emplace(config, store);
    uplink->start(now);
    look();
  }
  void look() {
    for (auto& action : uplink->take_actions()) {
      if (const auto* connect = std::get_if<uplink_action::connect>(&action))
        connects.push_back(connect->node);
      else if (const auto* send = std::get_if<uplink_action::send>(&action))
        sent.push_back(read(send->bytes));
      else if (std::holds_alternative<uplink_action::close>(action))
        ++closes;
      else if (const auto* stop = std::get_if<uplink_action::stop>(&action))
        stopped = stop->why;
      else if (const auto& note = std::get<uplink_action::note>(action);
               note.how == uplink_action::note::level::warning)
        warnings.push_back(note.text);
    }
  }
  static proto::message read(const std::string& bytes) {
    const auto* start = reinterpret_cast<const std::uint8_t*>(bytes.data());
    auto message = proto::decode({start + proto::length_bytes, bytes.size() - proto::length_bytes});
    REQUIRE(message);
    return std::move(*message);
  }
  /// Goes to the next deadline; how long that was.
  std::chrono::milliseconds pass() {
    const auto before = now;
    REQUIRE(uplink->deadline());
    now = std::max(now, *uplink->deadline());
    uplink->tick(now);
    look();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - before);
  }
  void hear(const proto::message& message) {
    uplink->received(now, message);
    look();
  }
  void connect() {
    if (connects.empty() || closes > 0)
      while (connects.empty())
        pass();
    connects.clear();
    closes = 0;
    uplink->connected(now);
    look();
  }
  void welcome(std::uint64_t resume_from = 1, std::int64_t epoch = 1) {
    connect();
    hear(proto::welcome{1, epoch, resume_from, {}, 1'000});
    sent.clear();
  }
  std::optional<proto::batch> batch() {
    const auto bytes = uplink->next_batch(now);
    look();
    if (!bytes)
      return std::nullopt;
    return std::get<proto::batch>(read(*bytes));
  }
};

} // namespace

TEST_CASE(
  "uplink: says hello with the spool's state, and sends from the number that the node names") {
  story s;
  s.store.add(45);
  s.store.kept.first_seq = 3;
  s.store.kept.buses = {{0, "can0"}};
  s.config.iso_name = 7;
  s.start();
  CHECK(s.connects == std::vector<std::string>{"a:1"});
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
  story s;
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
  story s;
  s.store.add(100);
  s.start();
  s.welcome();
  while (s.batch()) {
  }
  s.hear(proto::ack{30});
  s.uplink->disconnected(s.now, "reset");
  s.look();
  CHECK(s.pass() <= 250ms);
  CHECK(s.connects == std::vector<std::string>{"b:2"});
  s.welcome(21); // durable there is less than was acked: an asynchronous standby took over
  CHECK(s.store.acked_seq() == 20);
  CHECK(s.batch()->first_seq == 21);
}

TEST_CASE("uplink: tries the nodes in turn, with pauses that grow to ten seconds") {
  story s;
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
    CHECK(order[i] == s.config.nodes[i % 3]);
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

TEST_CASE("uplink: leaves a node that does not answer, does not welcome or falls silent") {
  story s;
  s.start();
  CHECK(s.pass() == 5s);
  CHECK(s.closes == 1);
  s.connect();
  CHECK(s.pass() == 30s);
  s.welcome();
  const auto welcomed_at = s.now;
  unsigned pings = 0;
  while (s.uplink->streaming()) {
    s.pass();
    for (const auto& message : s.sent)
      pings += std::holds_alternative<proto::ping>(message) ? 1 : 0;
    s.sent.clear();
  }
  CHECK(s.now - welcomed_at == 3s); // three times the keep-alive that the node asked for
  CHECK(pings >= 2);
}

TEST_CASE("uplink: pings while idle, and stays while the node answers") {
  story s;
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
  story s;
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
  story s;
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
  story s;
  s.start();
  s.connect();
  s.hear(proto::redirect{"z:9"});
  CHECK(s.pass() <= 250ms);
  CHECK(s.connects == std::vector<std::string>{"z:9"});
  s.welcome();
  s.hear(proto::goaway{"b:2"});
  CHECK(s.pass() <= 250ms);
  CHECK(s.connects == std::vector<std::string>{"b:2"});
  s.welcome();
  s.hear(proto::goaway{""});
  s.pass();
  CHECK(s.connects == std::vector<std::string>{"c:3"});
  for (int i = 0; i < 6; ++i) {
    s.connect();
    s.hear(proto::redirect{i % 2 == 0 ? "x:1" : "y:1"});
  }
  CHECK(s.warnings.size() == 1);
  CHECK(s.warnings[0].find("circle") != std::string::npos);
}

TEST_CASE("uplink: learns the cluster's nodes from a welcome, and keeps the user's") {
  story s;
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
  CHECK(order == std::vector<std::string>{"n2:1", "n3:1", "a:1", "n2:1"});
  s.connect();
  s.hear(proto::welcome{1, 1, 1, std::vector<std::string>(proto::nodes_max, "same:1"), 1'000});
  s.uplink->disconnected(s.now, "reset");
  s.look();
  s.pass();
  CHECK(s.connects.back() != "n3:1"); // forgotten
}

TEST_CASE("uplink: a copy of a spool moves to its own stream and says hello again at once") {
  story s;
  s.store.add(100);
  s.start();
  s.connect();
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
}

TEST_CASE(
  "uplink: stops with one line when the node needs items that are gone, unless loss is accepted") {
  for (const bool accepted : {false, true}) {
    for (int how = 0; how < 3; ++how) {
      CAPTURE(how);
      story s;
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
    story s;
    s.start();
    s.connect();
    s.hear(proto::reject{code, "because", 1});
    return s.stopped.has_value();
  };
  CHECK(after(proto::reject_code::version));
  CHECK(after(proto::reject_code::credentials));
  CHECK_FALSE(after(proto::reject_code::unavailable));
  CHECK_FALSE(after(proto::reject_code::unspecified));
  CHECK_FALSE(after(proto::reject_code::superseded));
  CHECK_FALSE(after(proto::reject_code::malformed)); // once: perhaps the line
  story s;
  s.start();
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(s.stopped);
    s.connect();
    s.hear(proto::reject{proto::reject_code::malformed, "columns", 0});
  }
  CHECK(s.stopped);
}

TEST_CASE("uplink: announces a run that began after the hello before it sends the run's items") {
  story s;
  s.store.add(20);
  s.start();
  s.welcome();
  CHECK(s.batch()->count() == 20);
  s.store.kept.runs.push_back({13, 21}); // the disk had no room for its mark until now
  s.store.add(5);
  CHECK_FALSE(s.batch());
  CHECK(s.closes == 1);
  CHECK(s.pass() <= 250ms);
  CHECK(s.connects == std::vector<std::string>{"a:1"});
  s.connect();
  CHECK(std::get<proto::hello>(s.sent.back()).runs.back() == can::run_mark{13, 21});
  s.hear(proto::welcome{1, 2, 21, {}, 1'000});
  CHECK(s.batch()->first_seq == 21);
}

TEST_CASE("uplink: two gateways with one stream do not replace each other without end") {
  story s;
  s.start();
  s.welcome();
  s.hear(proto::reject{proto::reject_code::superseded, "a newer session", 0});
  CHECK(s.pass() >= 5s);
}

TEST_CASE("uplink: leaves a node that breaks the protocol in any way") {
  const std::vector<proto::message> wrong{proto::ack{0}, proto::rewind{1}, proto::hello{},
                                          proto::batch{}, proto::welcome{7, 1, 1, {}, 0}};
  for (const auto& message : wrong) {
    story s;
    s.start();
    s.connect();
    s.hear(message);
    CHECK(s.closes == 1);
    CHECK_FALSE(s.stopped);
  }
  story s;
  s.start();
  s.connect();
  s.uplink->received_garbage(s.now, "no");
  s.look();
  CHECK(s.closes == 1);
  s.hear(proto::ack{1}); // of the closed connection
  CHECK(s.closes == 1);
  story t;
  t.store.add(5);
  t.start();
  t.connect();
  t.hear(proto::welcome{1, 1, 7, {}, 0}); // more than was ever numbered
  REQUIRE(t.stopped);
  CHECK(t.stopped->code == errc::foreign);
}
