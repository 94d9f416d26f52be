// Many gateways at one node: slow ones, silent ones and strangers; what the node tells of them.
#include "tests/tools/furrowd/gateway_client.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
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

namespace {

/// Gateways whose lines carry 9 kB/s. Every second one has a backlog and sends it in batches; the others announce 1 MiB.
class slow_lines {
public:
  explicit slow_lines(std::uint16_t port, int count) {
    for (int i = 0; i < count; ++i)
      gateways_.push_back(std::make_unique<gateway>(port));
    // All at once, as after a restart of the node.
    for (int i = 0; i < count; ++i) {
      auto hello = hello_of("slow" + std::to_string(i), 0);
      hello.stream_id[0] = static_cast<std::uint8_t>(i);
      hello.stream_id[1] = static_cast<std::uint8_t>(i >> 8);
      REQUIRE(gateways_[static_cast<std::size_t>(i)]->say(wire_of(hello)));
    }
    for (const auto& one : gateways_)
      REQUIRE(one->next_of<proto::welcome>());
    trickling_ = std::thread{[this] { trickle(); }};
  }
  slow_lines(const slow_lines&) = delete;
  slow_lines& operator=(const slow_lines&) = delete;
  ~slow_lines() { end(); }

  void end() {
    ended_ = true;
    if (trickling_.joinable())
      trickling_.join();
  }
  [[nodiscard]] std::size_t sent_bytes() const { return sent_; }
  /// Those whose first batch has come whole, and is durable.
  [[nodiscard]] std::size_t acked() {
    std::size_t count = 0;
    for (std::size_t i = 0; i < gateways_.size(); i += 2)
      count += gateways_[i]->acked(batch_items) ? 1 : 0;
    return count;
  }

  static constexpr std::uint64_t batch_items = 5'000;

private:
  static constexpr std::size_t slice_bytes = 900;
  static constexpr std::chrono::milliseconds slice_time{100};

  void trickle() {
    const auto batch = wire_of(batch_of(1, frames(batch_items)));
    const auto announced = prefix_of(proto::message_bytes_max) + std::string(256'000, 'x');
    auto next = raw_socket::clock::now();
    for (std::size_t at = 0; !ended_; at += slice_bytes) {
      for (std::size_t i = 0; i < gateways_.size(); ++i) {
        const auto& bytes = i % 2 == 0 ? batch : announced;
        // What the node does not read now fills the buffers of the line: that is not this test's to wait for.
        if (at < bytes.size()
            && gateways_[i]->socket().send(std::string_view{bytes}.substr(at, slice_bytes), 1ms))
          sent_ += std::min(slice_bytes, bytes.size() - at);
      }
      next += slice_time;
      std::this_thread::sleep_until(next);
    }
  }

  std::vector<std::unique_ptr<gateway>> gateways_;
  std::atomic<bool> ended_ = false;
  std::atomic<std::size_t> sent_ = 0;
  std::thread trickling_;
};

} // namespace

TEST_CASE("gateway port: with 1,000 slow lines healthy gateways are acknowledged within 2 s") {
  constexpr int lines = 1'000;
  constexpr std::size_t healthy = 20;
  constexpr std::size_t batch_frames = 200; // more bytes than a session reads without a lease
  constexpr auto round_time = 250ms;
  constexpr int rounds = 44;
  node_program node;
  slow_lines slow{node.gateway_port(), lines};
  std::vector<std::unique_ptr<gateway>> good;
  std::vector<std::uint64_t> from;
  for (std::uint8_t i = 0; i < healthy; ++i) {
    good.push_back(std::make_unique<gateway>(node));
    auto hello = hello_of("good" + std::to_string(i), i);
    hello.stream_id[15] = 0xFF;
    from.push_back(good.back()->greet(hello));
  }
  std::vector<double> waited_ms;
  auto next = raw_socket::clock::now();
  for (int round = 0; round < rounds; ++round) {
    const auto begun = raw_socket::clock::now();
    for (std::size_t i = 0; i < healthy; ++i)
      REQUIRE(good[i]->say(wire_of(batch_of(from[i], frames(batch_frames)))));
    for (std::size_t i = 0; i < healthy; ++i) {
      REQUIRE(good[i]->acked(from[i] + batch_frames - 1));
      from[i] += batch_frames;
      waited_ms.push_back(
        std::chrono::duration<double, std::milli>(raw_socket::clock::now() - begun).count());
    }
    std::this_thread::sleep_until(next += round_time);
  }
  slow.end();
  std::sort(waited_ms.begin(), waited_ms.end());
  const auto p99 = waited_ms[waited_ms.size() * 99 / 100];
  MESSAGE(lines, " slow lines brought ", slow.sent_bytes() / 1'000, " kB; acks of ",
          waited_ms.size(), " batches of healthy gateways: p50 ", waited_ms[waited_ms.size() / 2],
          " ms, p99 ", p99, " ms, max ", waited_ms.back(), " ms");
  CHECK(p99 < 2'000);
  CHECK(node.get("/ready").status == 200);
  // The slow ones get on, too.
  CHECK(slow.acked() == lines / 2);
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
