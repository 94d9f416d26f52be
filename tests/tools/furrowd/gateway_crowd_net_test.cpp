// Many gateways at one node: slow ones, silent ones and strangers; what the node tells of them.
#include "tests/tools/furrowd/gateway_client.hpp"

#include <chrono>
#include <memory>
#include <vector>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using namespace std::chrono_literals;
using proto::reject_code;

TEST_CASE("gateway port: with gateways that stopped in the middle of a message the node still "
          "drains on SIGTERM") {
  node_program node;
  gateway silent{node};
  gateway half{node};
  REQUIRE(half.say(prefix_of(500) + "half of it"));
  gateway welcomed{node};
  welcomed.greet(hello_of("late", 0x1A));
  REQUIRE(welcomed.say(prefix_of(1'000) + "half of it"));
  const auto start = raw_socket::clock::now();
  CHECK(node.end() == 0);
  CHECK(raw_socket::clock::now() - start < 10s);
}

TEST_CASE("gateway port: senders that announce much and bring little do not keep others waiting") {
  node_program node{{"--budget", "16"}};
  std::vector<std::unique_ptr<gateway>> slow;
  for (std::uint8_t i = 0; i < 100; ++i) {
    slow.push_back(std::make_unique<gateway>(node));
    (void)slow.back()->greet(hello_of("slow" + std::to_string(i), i));
    // 1 MiB is announced, and a part of it comes.
    REQUIRE(slow.back()->say(prefix_of(proto::message_bytes_max) + std::string(40'000, 'x')));
  }
  gateway good{node};
  auto from = good.greet(hello_of("good", 0x70));
  for (int i = 0; i < 5; ++i, from += 10) {
    const auto begun = std::chrono::steady_clock::now();
    REQUIRE(good.say(wire_of(batch_of(from, frames(10)))));
    REQUIRE(good.acked(from + 9));
    CHECK(std::chrono::steady_clock::now() - begun < 2s);
  }
  // A large one gets through, too, once some of the others have gone.
  slow.erase(slow.begin(), slow.begin() + 50);
  REQUIRE(good.say(wire_of(batch_of(from, frames(20'000)))));
  CHECK(good.acked(from + 19'999));
  // All go, those too that wait for room: it is given to them although nobody is there.
  slow.clear();
  CHECK(eventually(node_patience, [&] {
    return node.get("/metrics").body.find("furrow_budget_used_bytes 0\n") != std::string::npos;
  }));
  serves(node);
  CHECK(node.end() == 0);
}

TEST_CASE("gateway port: who comes, goes and is refused is told, counted and listed") {
  const node_program node;
  {
    gateway one{node};
    (void)one.greet(hello_of("T1", 1));
    REQUIRE(one.next_of<proto::ack>()); // unread, it would reset the connection
    const auto listed = nlohmann::json::parse(node.get("/api/v1/gateways").body);
    REQUIRE(listed.at("connected").size() == 1);
    CHECK(listed.at("connected")[0].at("equipment") == "T1");
    CHECK(listed.at("connected")[0].at("software") == "hostile 1");
  }
  for (int i = 0; i < 3; ++i) {
    gateway bad{node};
    auto hello = hello_of("T2", 2);
    hello.lowest_version = hello.highest_version = 99;
    bad.say(wire_of(hello));
    check_rejected(bad, reject_code::version, "protocol versions");
  }
  gateway tls{node};
  tls.say(std::string{"\x16\x03\x01\x02\x00\x01", 6});
  CHECK(tls.socket().closes_within(node_patience));
  const auto has = [&](const char* text) {
    return eventually(node_patience, [&] { return node.output().find(text) != std::string::npos; });
  };
  CHECK(has("default/T1: connected"));
  CHECK(has("default/T1: disconnected after 0 s (closed): the gateway closed the connection"));
  CHECK(has("rejected (version): this node supports protocol versions"));
  CHECK(has("rejected (tls_mismatch): the gateway speaks TLS, and this node does not"));
  const auto listed = nlohmann::json::parse(node.get("/api/v1/gateways").body);
  CHECK(listed.at("connected").empty());
  REQUIRE(listed.at("refused").size() == 2);
  CHECK(listed.at("refused")[0].at("reason") == "tls_mismatch");
  CHECK(listed.at("refused")[0].at("host") == "127.0.0.1");
  CHECK(listed.at("refused")[1].at("reason") == "version");
  CHECK(listed.at("refused")[1].at("count") == 3);
  const auto metrics = node.get("/metrics").body;
  for (const auto* line :
       {"furrow_gateway_connections_total 1", "furrow_gateway_refused_total{reason=\"version\"} 3",
        "furrow_gateway_refused_total{reason=\"tls_mismatch\"} 1",
        "furrow_gateway_disconnects_total{reason=\"closed\"} 1"})
    CHECK_MESSAGE(metrics.find(line) != std::string::npos, line);
}

TEST_CASE("gateway port: a flood of strangers does not fill the log") {
  const node_program node;
  constexpr int strangers = 500;
  for (int i = 0; i < strangers; ++i) {
    raw_socket one{node.gateway_port()};
    one.send(std::string(64, 'x'));
    REQUIRE(one.closes_within(node_patience));
  }
  const auto text = node.output();
  std::size_t lines = 0;
  for (auto at = text.find("rejected ("); at != std::string::npos;
       at = text.find("rejected (", at + 1))
    ++lines;
  CHECK(lines >= 50);
  CHECK(lines < 150); // 50 at once, then 5 a second
  CHECK(node.get("/metrics").body.find("furrow_gateway_refused_total{reason=\"limit\"} 500")
        != std::string::npos);
}
