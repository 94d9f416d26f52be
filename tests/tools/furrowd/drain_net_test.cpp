/// Goal: SIGTERM ends a node with 0 soon after --drain, also when gateways do not read what it sends.
/// Method: one gateway whose buffers are full, as the kernel's table of connections shows; a fleet that is stopped in
///   the middle of its work.
#include "tests/tools/furrowd/gateway_client.hpp"

#include <doctest/doctest.h>

#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <string>

using namespace furrow;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::seconds node_drain{1};
constexpr std::chrono::seconds drain_patience = node_drain + 6s; // the rest, on a busy machine

/// Bytes that the node has written to this peer and that the peer's kernel has not taken.
std::uint64_t unread_bytes(std::uint16_t node_port, std::uint16_t peer_port) {
  std::ifstream table{"/proc/net/tcp"};
  for (std::string line; std::getline(table, line);) {
    unsigned local = 0;
    unsigned remote = 0;
    std::uint64_t queued = 0;
    if (std::sscanf(line.c_str(), " %*u: %*x:%x %*x:%x %*x %" SCNx64 ":", &local, &remote, &queued)
          == 3
        && local == node_port && remote == peer_port)
      return queued;
  }
  return 0;
}

void ends_in_time(node_program& node) {
  node.signal(SIGTERM);
  const auto code = node.wait(drain_patience);
  CHECK_MESSAGE(code == 0, node.output());
}

} // namespace

TEST_CASE("furrowd: SIGTERM ends a node with 0 while a gateway reads nothing") {
  node_program node{{"--drain", std::to_string(node_drain.count())}};
  gateway deaf{node, 1}; // the smallest buffer that the kernel gives
  deaf.greet(hello_of("deaf", 0xDE));
  std::string pings;
  for (int i = 0; i < 16; ++i)
    pings += wire_of(proto::ping{7});
  const auto unread = [&] { return unread_bytes(node.gateway_port(), deaf.socket().local_port()); };
  // Pongs fill the gateway's buffer, until some stay in the node's kernel.
  REQUIRE(eventually(node_patience, [&] {
    REQUIRE(deaf.say(pings));
    return unread() > 0 && !eventually(100ms, [&] { return unread() == 0; });
  }));
  REQUIRE(
    deaf.say(pings + pings)); // more than 64 messages in the node itself would end the session
  serves(node);
  CHECK(node.output().find("unread by the gateway") == std::string::npos);
  ends_in_time(node);
}

TEST_CASE("furrowd: SIGTERM ends a node with 0 while its gateways are stopped in the middle of "
          "their work") {
  node_program node{{"--drain", std::to_string(node_drain.count())}};
  const scratch_folder folder;
  child_process fleet{FURROW_BIN_DIR "/furrow-sim",
                      {"run", "--node", "127.0.0.1:" + std::to_string(node.gateway_port()),
                       "--machines", "20", "--rate", "2000", "--seconds", "60", "-q"},
                      folder.file("sim.out")};
  REQUIRE(eventually(node_patience, [&] {
    return node.get("/api/v1/ledger").body.find("\"durable\":0,") == std::string::npos
           && node.get("/api/v1/ledger").body.find("\"durable\":") != std::string::npos;
  }));
  fleet.signal(SIGSTOP);
  ends_in_time(node);
}
