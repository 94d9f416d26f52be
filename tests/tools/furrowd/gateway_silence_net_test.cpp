// A node promises in its Welcome that a gateway which waits for an answer hears of it within `silence_ms`: gateways leave
// a node that is silent for longer (docs/decisions/0022). Here it keeps the promise while it reads slowly.
#include "tests/tools/furrowd/gateway_client.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

using namespace furrow;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

using ms = std::chrono::milliseconds;

struct welcomed_gateway {
  explicit welcomed_gateway(const node_program& node, const std::string& name, std::uint8_t stream)
    : line{node} {
    REQUIRE(line.say(wire_of(hello_of(name, stream))));
    const auto welcome = line.next_of<proto::welcome>();
    REQUIRE(welcome);
    silence = ms{welcome->silence_ms};
    keepalive = ms{welcome->keepalive_ms};
    from = welcome->resume_from;
  }
  gateway line;
  ms silence{};
  ms keepalive{};
  std::uint64_t from = 1;
};

/// The longest time without a message until so many pings have come; `each` is done after a ping. An ack fails.
template <class Each>
ms longest_silence(gateway& line, int pings, Each each) {
  auto heard = std::chrono::steady_clock::now();
  std::chrono::steady_clock::duration longest{0};
  for (int seen = 0; seen < pings;) {
    const auto message = line.next();
    REQUIRE(message);
    const auto now = std::chrono::steady_clock::now();
    longest = std::max(longest, now - std::exchange(heard, now));
    CHECK_FALSE(std::holds_alternative<proto::ack>(*message));
    if (!std::holds_alternative<proto::ping>(*message))
      continue;
    ++seen;
    each();
  }
  return std::chrono::duration_cast<ms>(longest);
}

/// The next message is the ack that a welcome brings with it.
void take_first_ack(gateway& line) {
  REQUIRE(line.next_of<proto::ack>());
}

} // namespace

TEST_CASE("gateway port: while a message arrives slowly, the node is never silent for longer than "
          "it promised") {
  const node_program node;
  welcomed_gateway slow{node, "slow", 0x51};
  REQUIRE(slow.silence > 0ms);
  CHECK(slow.silence < slow.keepalive); // or a keep-alive would be enough
  take_first_ack(slow.line);
  const auto bytes = wire_of(batch_of(slow.from, frames(2'000)));
  std::size_t sent = 100;
  REQUIRE(slow.line.say(bytes.substr(0, sent)));
  const auto longest = longest_silence(slow.line, 3, [&] {
    REQUIRE(slow.line.say(bytes.substr(sent, 100))); // slower than any real line
    sent += 100;
  });
  MESSAGE("longest silence while a message arrives: " << longest.count() << " ms");
  CHECK(longest < slow.silence);
  REQUIRE(slow.line.say(bytes.substr(sent)));
  CHECK(slow.line.acked(slow.from + 1'999));
}

TEST_CASE("gateway port: while a message waits for room, the node is never silent for longer than "
          "it promised") {
  node_program node{{"--budget", "16"}};
  std::vector<std::unique_ptr<welcomed_gateway>> hogs;
  for (std::uint8_t i = 0; i < 100; ++i) {
    hogs.push_back(std::make_unique<welcomed_gateway>(node, "hog" + std::to_string(i), i));
    REQUIRE(hogs.back()->line.say(prefix_of(proto::message_bytes_max) + std::string(40'000, 'x')));
  }
  welcomed_gateway waits{node, "waits", 0x70};
  take_first_ack(waits.line);
  const auto bytes = wire_of(batch_of(waits.from, frames(20'000)));
  REQUIRE(waits.line.say(bytes)); // whole: only room is missing
  const auto longest = longest_silence(waits.line, 3, [] {});
  MESSAGE("longest silence while a message waits for room: " << longest.count() << " ms");
  CHECK(longest < waits.silence);
  hogs.clear();
  CHECK(waits.line.acked(waits.from + 19'999));
}
