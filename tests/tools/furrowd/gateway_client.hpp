/// A gateway of a test's own: it writes any bytes to a node's port, and reads the node's messages.
#pragma once

#include "proto/wire.hpp"
#include "tests/tools/furrowd/node_program.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace furrow::tests {

inline std::string prefix_of(std::uint32_t length) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8)
    out += static_cast<char>(length >> static_cast<unsigned>(shift) & 0xFFU);
  return out;
}

inline std::string framed(const std::string& body) {
  return prefix_of(static_cast<std::uint32_t>(body.size())) + body;
}

inline std::string wire_of(const proto::message& message) {
  std::string out;
  const auto encoded = proto::encode(message, out);
  REQUIRE_MESSAGE(encoded, encoded.error().detail);
  return out;
}

/// One length-delimited field of Protobuf.
inline std::string field(unsigned number, const std::string& content) {
  std::string out;
  const auto put = [&](std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U)
      out += static_cast<char>(value | 0x80U);
    out += static_cast<char>(value);
  };
  put(number << 3U | 2U);
  put(content.size());
  return out + content;
}

inline can::stream_id stream_of(std::uint8_t number) {
  can::stream_id id{};
  id.fill(number);
  return id;
}

inline proto::hello hello_of(const std::string& equipment, std::uint8_t stream) {
  proto::hello hello;
  hello.equipment = equipment;
  hello.stream_id = stream_of(stream);
  hello.last_seq = 1'000'000;
  hello.runs = {{7, 1}};
  hello.buses = {{0, "can0"}};
  hello.software = "hostile 1";
  return hello;
}

inline can::frame_block frames(std::size_t count, std::uint16_t length = 8) {
  can::frame_block block;
  const std::uint8_t payload[16]{1, 2, 3};
  for (std::size_t i = 0; i < count; ++i)
    REQUIRE(block.push(1'700'000'000'000'000 + static_cast<std::int64_t>(i),
                       can::pack({.id = 0x18FEF100, .extended = true, .length = length}), payload));
  return block;
}

inline proto::batch batch_of(std::uint64_t first_seq, can::frame_block block) {
  proto::batch batch;
  batch.first_seq = first_seq;
  batch.last_seq = 1'000'000;
  batch.buses = {{0, "can0"}};
  batch.items.emplace_back(std::move(block));
  return batch;
}

/// A batch whose Frames say what `frames_body` says.
inline std::string batch_with(const std::string& frames_body) {
  const std::string seqs{"\x08\x01\x10\x40", 4}; // first_seq 1, last_seq 64
  return framed(field(5, seqs + field(4, field(1, frames_body))));
}

/// One connection of a gateway.
class gateway {
public:
  explicit gateway(const node_program& node, int receive_bytes = 0)
    : gateway{node.gateway_port(), receive_bytes} {}
  explicit gateway(std::uint16_t port, int receive_bytes = 0) : socket_{port, receive_bytes} {}

  bool say(const std::string& bytes) { return socket_.send(bytes); }
  raw_socket& socket() { return socket_; }

  std::optional<proto::message> next() {
    const auto prefix = socket_.read(proto::length_bytes, node_patience);
    if (!prefix)
      return std::nullopt;
    std::uint32_t length = 0;
    for (const char byte : *prefix)
      length = length << 8U | static_cast<std::uint8_t>(byte);
    REQUIRE(length <= proto::message_bytes_max);
    const auto body = socket_.read(length, node_patience);
    REQUIRE(body);
    auto message = proto::decode({reinterpret_cast<const std::uint8_t*>(body->data()), length});
    REQUIRE_MESSAGE(message, message.error().detail);
    return std::move(*message);
  }
  /// The next message of a kind; keep-alives and second welcomes may come before it.
  template <class T>
  std::optional<T> next_of() {
    while (auto message = next())
      if (auto* wanted = std::get_if<T>(&*message))
        return *wanted;
    return std::nullopt;
  }
  /// Hello, then the number that the node wants to go on from.
  std::uint64_t greet(const proto::hello& hello) {
    REQUIRE(say(wire_of(hello)));
    const auto welcome = next_of<proto::welcome>();
    REQUIRE(welcome);
    CHECK(welcome->epoch != 0);
    return welcome->resume_from;
  }
  /// True once everything up to the number is durable.
  bool acked(std::uint64_t seq) {
    while (const auto ack = next_of<proto::ack>())
      if (ack->durable_seq >= seq)
        return true;
    return false;
  }

private:
  raw_socket socket_;
};

/// A gateway that behaves is welcomed, and what it sends becomes durable.
inline void serves(const node_program& node, const std::string& token = {}) {
  gateway good{node};
  auto hello = hello_of("good", 0x60);
  hello.token = token;
  const auto from = good.greet(hello);
  REQUIRE(good.say(wire_of(batch_of(from, frames(10)))));
  CHECK(good.acked(from + 9));
}

/// One Reject, one line of reason, then the end.
inline void check_rejected(gateway& bad, proto::reject_code code, const std::string& why) {
  const auto reject = bad.next_of<proto::reject>();
  REQUIRE(reject);
  CHECK_MESSAGE(reject->code == code, proto::to_string(reject->code) << ": " << reject->reason);
  CHECK_MESSAGE(reject->reason.find(why) != std::string::npos, reject->reason);
  CHECK_MESSAGE(reject->reason.find_first_of("\r\n") == std::string::npos, reject->reason);
  CHECK_FALSE(bad.next()); // nothing after it
  CHECK(bad.socket().closes_within(node_patience));
}

} // namespace furrow::tests
