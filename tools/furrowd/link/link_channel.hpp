/// One connection between two nodes: TLS, framing, pings, deadlines and a bounded queue of what is to be sent. Which side
/// asks and which answers is for the classes above it.
///
/// Errors: `read` throws Boost's system_error when the connection ends. `close` is final; the first reason counts.
/// Threads: the io_context's one thread.
/// Limits: link_limits. A socket that has not sent a whole ClientHello costs no state of TLS.
#pragma once

#include "proto/link.hpp"
#include "tools/furrowd/link/link_tls.hpp"
#include "tools/furrowd/link/tls_socket.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

namespace furrow::daemon {

struct link_limits {
  std::chrono::milliseconds handshake{2'000}; // TCP, TLS, Hello and Welcome together
  std::chrono::milliseconds ping{500};        // a side is never silent for longer
  std::chrono::milliseconds silence{2'000};   // then the other side closes
  std::chrono::milliseconds idle{60'000};     // without an ask the dialing side closes
  std::chrono::milliseconds ask{1'000};
  std::size_t queued_bytes_max = 4U << 20U;
  std::size_t asks_max = 256;     // of a link, at once
  std::size_t strangers_max = 64; // connections that have not said who they are
  std::size_t links_max = 256;    // accepted ones, strangers included
};

class link_channel {
public:
  using clock = std::chrono::steady_clock;
  using socket_type = boost::asio::ip::tcp::socket;

  link_channel(socket_type socket, const link_limits& limits);
  link_channel(const link_channel&) = delete;
  link_channel& operator=(const link_channel&) = delete;
  virtual ~link_channel() = default;

  void close(link_refusal why, std::string text);
  void close();

protected:
  using message = proto::link::message;

  /// Keeps the channel alive while coroutines of it run.
  [[nodiscard]] virtual std::shared_ptr<link_channel> self() = 0;
  /// Once, when it has closed; without a reason when the other side or this node ended it in good order.
  virtual void ended(const std::optional<link_fault>& why) = 0;
  /// Every `watch_every`.
  virtual void tick(clock::time_point /*now*/) {}

  /// Starts the watch over deadlines, pings and silence.
  void start_watch();
  /// Waits for a whole ClientHello, which stays unread; false when something else comes. Only then is there state of TLS:
  /// a stranger that sends less costs a socket.
  [[nodiscard]] boost::asio::awaitable<bool> speaks_tls();
  /// Throws; a failure of TLS has closed the channel with its reason.
  boost::asio::awaitable<void> shake_hands(const tls_context& tls, tls_socket::side side);
  /// The certificate of the other side names this node and is for both sides; the fault otherwise.
  [[nodiscard]] std::optional<link_fault> certificate_fault(const std::string& node);
  /// What ended the connection before it was open: with TLS 1.3 a side learns only then that it was refused.
  [[nodiscard]] link_fault fault_of(const boost::system::error_code& error);
  /// The next message; a broken one closes the channel and throws.
  [[nodiscard]] boost::asio::awaitable<message> read(std::uint32_t bytes_max);
  /// The handshake is over: from now on pings and silence count.
  void opened();
  void send(const message& what);
  /// Tells the other side why, then closes.
  void refuse(link_refusal why, const std::string& text);

  [[nodiscard]] bool is_closed() const { return closed_; }
  [[nodiscard]] const link_limits& limits() const { return limits_; }
  [[nodiscard]] socket_type& socket() { return socket_; }

private:
  static constexpr std::chrono::milliseconds watch_every{100};
  static constexpr std::chrono::milliseconds peek_pause{20};
  static constexpr std::size_t record_head_bytes = 5;
  static constexpr std::size_t client_hello_max = 2'048;

  boost::asio::awaitable<void> watch();
  /// Waits until so many bytes have come. They stay unread.
  boost::asio::awaitable<void> peek(std::span<std::uint8_t> bytes);
  boost::asio::awaitable<void> write_all();
  /// Throws when the connection ends.
  boost::asio::awaitable<void> fill(std::span<std::uint8_t> bytes);
  void look(clock::time_point now);

  socket_type socket_;
  tls_context tls_; // outlives the stream
  std::optional<tls_socket> stream_;
  const link_limits& limits_;
  boost::asio::steady_timer timer_;
  std::deque<std::string> outbox_;
  std::size_t queued_bytes_ = 0;
  std::optional<clock::time_point> deadline_; // of the handshake, or of the last words
  clock::time_point last_sent_ = clock::now();
  clock::time_point last_heard_ = clock::now();
  std::optional<link_fault> why_;
  bool open_ = false;
  bool writing_ = false;
  bool closing_ = false; // closes when everything is written
  bool closed_ = false;
};

} // namespace furrow::daemon
