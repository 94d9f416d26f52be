/// Connects again and again and sends what no gateway would send: random bytes, impossible lengths, truncated messages,
/// an invalid greeting.
///
/// Threads: one io_context, one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

namespace furrow::sim {

class hostile_peer {
public:
  hostile_peer(boost::asio::io_context& io, std::string node, std::uint64_t seed);
  ~hostile_peer();
  hostile_peer(const hostile_peer&) = delete;
  hostile_peer& operator=(const hostile_peer&) = delete;

  void start();
  /// Number of connections that have sent their bytes.
  [[nodiscard]] std::uint64_t attacks() const { return attacks_; }

private:
  void attack();
  [[nodiscard]] std::string bad_bytes();

  boost::asio::ip::tcp::resolver resolver_;
  std::string node_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<boost::asio::ip::tcp::socket> socket_;
  boost::asio::io_context& io_;
  std::mt19937_64 random_;
  std::uint64_t attacks_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace furrow::sim
