// What a hostile or a broken gateway can do to a running node: be told once why, be cut, and cost it
// nothing. Over raw sockets, against the program as it is run.
#include "tests/tools/furrowd/gateway_client.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <random>

using namespace furrow;
using namespace furrow::tests;
using namespace std::chrono_literals;
using proto::reject_code;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_is_told = false; // a sanitizer keeps what was freed
#elif defined(__has_feature)
constexpr bool memory_is_told =
  !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer);
#else
constexpr bool memory_is_told = true;
#endif

/// Does harm again and again: afterwards the node has as much memory and as many connections as
/// before, and serves. The first rounds are for what it allocates once.
template <class Harm>
void withstands(const node_program& node,
                Harm harm,
                int rounds = 30,
                const std::string& token = {}) {
  for (int round = 0; round < rounds; ++round)
    harm();
  serves(node, token);
  const auto memory = node.resident_bytes();
  std::size_t files = 0;
  CHECK(eventually(node_patience, [&] { // the good gateway's connection goes a moment after it
    const auto before = std::exchange(files, node.open_files());
    return before == files;
  }));
  for (int round = 0; round < rounds; ++round)
    harm();
  serves(node, token);
  CHECK(eventually(node_patience, [&] { return node.open_files() <= files; }));
  if (memory_is_told)
    CHECK(node.resident_bytes() - memory <= 1 << 20);
}

/// The node answers this message with one Reject, both as the first message and after a welcome.
void withstands_message(const std::string& bytes,
                        reject_code code,
                        const std::string& why,
                        bool welcomed = false) {
  const node_program node;
  withstands(node, [&] {
    gateway bad{node};
    if (welcomed)
      bad.greet(hello_of("bad", 0xBA));
    bad.say(bytes);
    check_rejected(bad, code, why);
  });
}

std::string body_of(const proto::message& message) {
  return wire_of(message).substr(proto::length_bytes);
}

/// A Hello of exactly so many bytes: what is missing is a field that nobody knows yet.
std::string hello_of_size(std::size_t bytes) {
  auto body = body_of(hello_of("large", 0x1A));
  std::string padded;
  for (std::size_t fill = bytes - body.size() - 8; padded.size() < bytes; ++fill)
    padded = body + field(100, std::string(fill, 'x'));
  REQUIRE(padded.size() == bytes);
  return padded;
}

} // namespace

TEST_CASE("gateway port: random bytes are rejected or disconnected, and the node goes on") {
  const node_program node;
  std::mt19937 random{20};
  withstands(node, [&] {
    std::string bytes(random() % 4'000 + 4, '\0');
    for (auto& byte : bytes)
      byte = static_cast<char>(random());
    gateway bad{node};
    bad.say(bytes);
    bad.socket().end_sending(); // a short length would wait for more
    std::size_t rejects = 0;
    while (const auto message = bad.next())
      rejects += std::holds_alternative<proto::reject>(*message) ? 1U : 100U;
    CHECK(rejects <= 1);
    CHECK(bad.socket().closes_within(node_patience));
  });
}

TEST_CASE("gateway port: a Hello that announces 4 GiB is rejected before any allocation") {
  withstands_message(prefix_of(0xFFFFFFFF), reject_code::limit, "4294967295 bytes, at most 32768");
}

TEST_CASE(
  "gateway port: a message of 4 GiB or one byte above the limit after the welcome is rejected") {
  withstands_message(prefix_of(0xFFFFFFFF), reject_code::limit, "4294967295 bytes, at most 1048576",
                     true);
  withstands_message(prefix_of(proto::message_bytes_max + 1), reject_code::limit,
                     "1048577 bytes, at most 1048576", true);
}

TEST_CASE("gateway port: an empty message is rejected") {
  withstands_message(prefix_of(0), reject_code::limit, "0 bytes");
  withstands_message(prefix_of(0), reject_code::limit, "0 bytes", true);
}

TEST_CASE("gateway port: a Hello of exactly the limit is welcomed, one byte more is rejected") {
  const node_program node;
  withstands(node, [&] {
    gateway large{node};
    REQUIRE(large.say(framed(hello_of_size(proto::hello_bytes_max))));
    CHECK(large.next_of<proto::welcome>());
    gateway larger{node};
    larger.say(framed(hello_of_size(proto::hello_bytes_max + 1)));
    check_rejected(larger, reject_code::limit, "32769 bytes, at most 32768");
  });
}

TEST_CASE("gateway port: a Hello that ends inside a field is rejected") {
  const auto whole = body_of(hello_of("bad", 0xBA));
  const node_program node;
  withstands(
    node,
    [&] {
      for (const auto kept : {std::size_t{1}, std::size_t{9}, whole.size() - 1}) {
        gateway bad{node};
        bad.say(framed(whole.substr(0, kept)));
        check_rejected(bad, reject_code::malformed, "");
      }
    },
    10);
}

TEST_CASE("gateway port: a first message other than Hello is rejected") {
  const node_program node;
  withstands(
    node,
    [&] {
      for (const auto& first :
           {proto::message{proto::ping{1}}, proto::message{batch_of(1, frames(3))},
            proto::message{proto::ack{9}}}) {
        gateway bad{node};
        bad.say(wire_of(first));
        check_rejected(bad, reject_code::malformed, "Hello");
      }
    },
    10);
}

TEST_CASE("gateway port: a gateway that sends a node's message or a second Hello is rejected") {
  withstands_message(wire_of(proto::ack{1}), reject_code::malformed, "Batch, Sample, Ping and Pong",
                     true);
  withstands_message(wire_of(hello_of("bad", 0xBA)), reject_code::malformed,
                     "Batch, Sample, Ping and Pong", true);
}

TEST_CASE("gateway port: without a common version the reject names both ranges") {
  auto hello = hello_of("bad", 0xBA);
  hello.lowest_version = 7;
  hello.highest_version = 9;
  withstands_message(wire_of(hello), reject_code::version,
                     "versions 1 to 3, the gateway supports 7 to 9");
  hello.lowest_version = hello.highest_version = 0;
  withstands_message(wire_of(hello), reject_code::version, "the gateway supports 0 to 0");
}

TEST_CASE("gateway port: a reversed version range is rejected") {
  auto hello = hello_of("bad", 0xBA);
  hello.lowest_version = 1;
  hello.highest_version = 0;
  withstands_message(wire_of(hello), reject_code::version, "1 to 0");
}

TEST_CASE("gateway port: a missing or invalid token, a viewer's, and another machine's are "
          "rejected, and no token is sent or logged") {
  // The sums are those of `printf good-token | sha256sum` and so on.
  const scratch_folder folder;
  const auto tokens = folder.write(
    "tokens.toml",
    "[[token]]\n"
    "sha256 = \"461caa80a52104436e34006189430d13aba103b2c4344d446ea3d9324b0de1c0\"\nrole = "
    "\"gateway\"\nequipment = [\"good\"]\n"
    "[[token]]\n"
    "sha256 = \"6c67163bbed989f232b31acc4f04df54b31285bfc01bd022c735b71e041a4754\"\nrole = "
    "\"gateway\"\nequipment = [\"other\"]\n"
    "[[token]]\n"
    "sha256 = \"5e17bb983b1ff3b4acbcaa8451a4173faa5575c682e7cf8615e2ed5e50fad7bd\"\nrole = "
    "\"viewer\"\n");
  const node_program node{{"--tokens", tokens}};
  withstands(
    node,
    [&] {
      for (const auto& [token, why] :
           {std::pair{"", "needs a token"}, std::pair{"stolen-token", "does not know this token"},
            std::pair{"view-token", "may not send"},
            std::pair{"other-token", "not for equipment"}}) {
        gateway bad{node};
        auto hello = hello_of("good", 0x60);
        hello.token = token;
        bad.say(wire_of(hello));
        check_rejected(bad, reject_code::credentials, why);
      }
    },
    10, "good-token");
  for (const auto* reason : {"(no_token)", "(unknown_token)", "(may_not_send)", "(other_machine)"})
    CHECK_MESSAGE(node.output().find(reason) != std::string::npos, reason);
  CHECK(node.output().find("-token\n") == std::string::npos);
  CHECK(node.output().find("stolen") == std::string::npos);
}

TEST_CASE("gateway port: a gateway that goes on sending reads the whole reject") {
  const node_program node;
  withstands(
    node,
    [&] {
      gateway bad{node};
      // What follows the greeting lies unread at the node when it refuses.
      bad.say(wire_of(hello_of("T1\n", 0xBC)) + std::string(100'000, 'x'));
      check_rejected(bad, reject_code::malformed, "equipment");
    },
    10);
}

TEST_CASE("gateway port: an equipment name with a line break or a slash is rejected and forges no "
          "log line") {
  const node_program node;
  withstands(
    node,
    [&] {
      gateway bad{node};
      bad.say(wire_of(hello_of("T1\n2026-01-01 critical forged", 0xBA)));
      check_rejected(bad, reject_code::malformed, "equipment");
      gateway other{node}; // farm/T1 names the T1 of another farm
      other.say(wire_of(hello_of("farm/T1", 0xBB)));
      check_rejected(other, reject_code::malformed, "equipment");
    },
    10);
  CHECK(node.output().find("\n2026-01-01 critical forged") == std::string::npos);
}

TEST_CASE("gateway port: a batch with contradicting columns is rejected as a whole") {
  const std::string header(8, '\0');
  const auto one_header = field(2, header);
  // two slots, one time; an index beyond the dictionary; a payload beyond the long ones; no frame
  withstands_message(batch_with(one_header + field(3, std::string(2, '\0')) + field(4, "\0\0\0\0")
                                + field(5, std::string(16, '\0'))),
                     reject_code::malformed, "", true);
  withstands_message(
    batch_with(one_header + field(3, "\x05") + field(4, std::string(4, '\0')) + field(5, header)),
    reject_code::malformed, "", true);
  withstands_message(batch_with(""), reject_code::malformed, "without frames", true);
}

TEST_CASE("gateway port: an invalid frame goes to quarantine, and its neighbours are stored") {
  const node_program node;
  gateway odd{node};
  REQUIRE(odd.greet(hello_of("odd", 0x0D)) == 1);
  auto batch = batch_of(1, frames(5));
  batch.items.emplace_back(frames(1, 9)); // a classic frame of nine bytes
  batch.items.emplace_back(frames(4));
  REQUIRE(odd.say(wire_of(batch)));
  CHECK(odd.acked(10));
  const auto ledger = node.get("/api/v1/ledger?equipment=odd");
  CHECK(ledger.status == 200);
  for (const auto* said :
       {"\"quarantined\":1", "\"durable\":10", "\"stored\":10", "\"lost\":0", "\"doubled\":0"})
    CHECK_MESSAGE(ledger.body.find(said) != std::string::npos, said << " in " << ledger.body);
  serves(node);
}

TEST_CASE(
  "gateway port: a gateway that sends one byte and stops is disconnected at the Hello deadline") {
  const node_program node;
  withstands(
    node,
    [&] {
      std::deque<gateway> stalled;
      for (int i = 0; i < 50; ++i) {
        stalled.emplace_back(node);
        REQUIRE(stalled.back().say(std::string(1, '\0')));
      }
      const auto start = raw_socket::clock::now();
      serves(node); // meanwhile
      for (auto& one : stalled)
        CHECK(one.socket().closes_within(node_patience));
      const auto took = raw_socket::clock::now() - start;
      CHECK(took > 4s);
      CHECK(took < 12s); // 5 s, looked at once a second, on a busy machine
    },
    1);
}

TEST_CASE("gateway port: a gateway that never reads is disconnected, and its outbox is bounded") {
  const node_program node;
  std::string pings;
  for (int i = 0; i < 1'000; ++i)
    pings += wire_of(proto::ping{static_cast<std::uint64_t>(i)});
  withstands(
    node,
    [&] {
      gateway deaf{node, 4'096};
      deaf.greet(hello_of("deaf", 0xDE));
      const auto deadline = raw_socket::clock::now() + 30s;
      while (deaf.say(pings) && raw_socket::clock::now() < deadline) {
      }
      CHECK(raw_socket::clock::now() < deadline);
    },
    2);
  CHECK(node.output().find("(unread): 64 messages unread by the gateway") != std::string::npos);
}
