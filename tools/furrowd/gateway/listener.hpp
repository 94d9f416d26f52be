/// Accepts gateways and keeps their sessions.
///
/// Errors: an address that cannot be listened on is told by `start`; a full table of files pauses accepting.
/// Threads: all of it on the io_context's one thread, but for the constructor.
/// Limits: sessions_max sessions; more are closed at once.
#pragma once

#include "tools/furrowd/gateway/session.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

namespace furrow::daemon {

struct gateway_config {
  std::string listen = "127.0.0.1:7400";
  tls_context tls; // none: plain
  std::size_t sessions_max = 12'000;
};

class gateway_listener {
public:
  gateway_listener(boost::asio::io_context& io, gateway_config config, session_context context);
  ~gateway_listener();
  gateway_listener(const gateway_listener&) = delete;
  gateway_listener& operator=(const gateway_listener&) = delete;

  /// Takes the port; gateways that come are refused until `start`.
  [[nodiscard]] result<done> open();
  /// Accepts; returns where it listens, as host:port.
  [[nodiscard]] result<std::string> start();
  /// Accepts no more and sends every gateway off; acks still go out.
  void goaway();
  /// Closes every session once it has written what it has to.
  void stop();
  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }

private:
  boost::asio::awaitable<void> accept();
  boost::asio::awaitable<void> tick();
  [[nodiscard]] failure cannot_listen(const boost::system::error_code& why) const;
  void admit(boost::asio::ip::tcp::socket socket);

  boost::asio::io_context& io_;
  gateway_config config_;
  std::shared_ptr<const session_context> context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer timer_;
  std::map<std::uint64_t, std::shared_ptr<gateway_session>> sessions_;
  std::uint64_t last_ = 0;
  bool stopped_ = false;
};

/// "host:port" or "[v6]:port" as an address to listen on; names are looked up.
[[nodiscard]] result<boost::asio::ip::tcp::endpoint> listen_address(const std::string& text);
[[nodiscard]] std::string to_text(const boost::asio::ip::tcp::endpoint& endpoint);

} // namespace furrow::daemon
