/// Accepts gateways and owns their sessions.
///
/// Errors: `open` and `start` return an address that cannot be used. Without free file descriptors, accepting pauses.
/// Threads: everything except the constructor runs on the io_context's one thread.
/// Limits: sessions_max sessions; a further connection is closed at once.
#pragma once

#include "actors/cluster/placement.hpp"
#include "tools/furrowd/gateway/session.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

namespace furrow::daemon {

struct gateway_config {
  std::string listen = "127.0.0.1:7400";
  tls_slot tls; // off: plain TCP
  std::size_t sessions_max = 12'000;
};

class gateway_listener {
public:
  gateway_listener(boost::asio::io_context& io, gateway_config config, session_context context);
  ~gateway_listener();
  gateway_listener(const gateway_listener&) = delete;
  gateway_listener& operator=(const gateway_listener&) = delete;

  /// Binds the port; connections are refused until `start`.
  [[nodiscard]] result<done> open();
  /// Begins to accept; returns the bound address as host:port.
  [[nodiscard]] result<std::string> start();
  /// Stops accepting and sends every gateway a Goaway. What is on its way is still read and acked. Calls `left` once, when
  /// all gateways have gone, at the latest after `patience`; from then on nothing is read.
  void goaway(std::chrono::milliseconds patience, std::function<void()> left);
  /// Closes every session after its outbox is written, or after session_limits::goodbye.
  void stop();
  /// Sends machines away that are to be at other nodes: all when this node drains, those that people have pinned
  /// elsewhere, and some when it has far more than its share. Call it with every snapshot of the cluster.
  void follow(const actors::cluster_view& view);
  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }

private:
  boost::asio::awaitable<void> accept();
  boost::asio::awaitable<void> tick();
  [[nodiscard]] failure cannot_listen(const boost::system::error_code& why) const;
  void turn_away(const std::string& peer);
  void admit(boost::asio::ip::tcp::socket socket);
  void send_away(const actors::cluster_view& view);
  void send_some(const actors::cluster_view& view, const actors::balance::move& move);
  void ended(std::uint64_t session);
  void all_left();

  boost::asio::io_context& io_;
  gateway_config config_;
  std::shared_ptr<const session_context> context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer leaving_;
  std::function<void()> left_; // set from the Goaway until all gateways have gone
  std::map<std::uint64_t, std::shared_ptr<gateway_session>> sessions_;
  std::uint64_t last_ = 0;
  bool stopped_ = false;
  actors::balance balance_;
};

/// Whether the text is "host:port" or "[v6]:port"; the host is not resolved.
[[nodiscard]] result<done> check_address(const std::string& text);

/// Parses "host:port" or "[v6]:port"; resolves host names.
[[nodiscard]] result<boost::asio::ip::tcp::endpoint> listen_address(const std::string& text);
[[nodiscard]] std::string to_text(const boost::asio::ip::tcp::endpoint& endpoint);

} // namespace furrow::daemon
