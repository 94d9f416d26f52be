#include "tools/furrow-sim/hostile_peer.hpp"

#include "proto/wire.hpp"
#include "tools/furrow-edge/uplink/connection.hpp"

#include <chrono>
#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/write.hpp>

namespace furrow::sim {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::chrono::milliseconds interval{500};

} // namespace

hostile_peer::hostile_peer(asio::io_context& io, std::string node, std::uint64_t seed)
  : resolver_{io}, node_{std::move(node)}, timer_{io}, io_{io}, random_{seed} {}

hostile_peer::~hostile_peer() {
  *alive_ = false;
}

void hostile_peer::start() {
  attack();
}

std::string hostile_peer::bad_bytes() {
  std::string greeting;
  proto::hello hello;
  hello.equipment = "SIM-HOSTILE";
  hello.stream_id = {0xBA, 0xD0};
  (void)proto::encode(hello, greeting); // valid by itself
  switch (random_() % 5) {
  case 0: { // noise
    std::string noise(random_() % 4'096 + 1, '\0');
    for (auto& byte : noise)
      byte = static_cast<char>(random_());
    return noise;
  }
  case 1:
    return "\xFF\xFF\xFF\xFF and nothing like it"; // a length of 4 GiB
  case 2:
    return greeting.substr(0, greeting.size() / 2);
  case 3: { // a hello with invalid fields
    greeting[proto::length_bytes + random_() % (greeting.size() - proto::length_bytes)] ^= 0x5A;
    return greeting;
  }
  default:
    return "GET / HTTP/1.1\r\nHost: tractor\r\n\r\n";
  }
}

void hostile_peer::attack() {
  const auto node = edge::parse_endpoint(node_);
  if (!node)
    return; // the address was checked before
  socket_ = std::make_shared<asio::ip::tcp::socket>(io_);
  resolver_.async_resolve(
    node->host, node->port, [this, alive = alive_](const error_code& error, const auto& endpoints) {
      if (error || !*alive)
        return;
      asio::async_connect(
        *socket_, endpoints, [this, alive](const error_code& refused, const auto& /*endpoint*/) {
          if (refused || !*alive)
            return;
          auto bytes = std::make_shared<std::string>(bad_bytes());
          asio::async_write(*socket_, asio::buffer(*bytes),
                            [this, alive, bytes](const error_code& cut, std::size_t /*sent*/) {
                              if (*alive && !cut)
                                ++attacks_;
                            });
        });
    });
  timer_.expires_after(interval);
  timer_.async_wait([this, alive = alive_](const error_code& error) {
    if (!error && *alive)
      attack();
  });
}

} // namespace furrow::sim
