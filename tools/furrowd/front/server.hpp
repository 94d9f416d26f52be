/// The HTTP server of a node: listens, enforces limits on clients, and serves the API.
///
/// Errors: `start` fails with errc::address and a line that names the address. Invalid requests are answered and
///   counted. An exception of a handler becomes a 500 and one line in the log.
/// Threads: `start`, `drain` and `stop` from any thread. Each connection runs on a strand of its own on the io_context.
///   The node must live until `stop` has called back; the io_context must outlive the node.
/// Limits: those of http_config. A client that is too slow is disconnected. At the limit of connections the one that is
///   idle longest gives way. More requests than can be worked on at once wait for their turn. One address does not get
///   all connections, and one token not all requests.
#pragma once

#include "actors/node_parts.hpp"
#include "tools/config/settings_board.hpp"
#include "tools/furrowd/access/authority.hpp"
#include "tools/furrowd/access/gateway_book.hpp"
#include "tools/furrowd/access/identity_watch.hpp"
#include "tools/furrowd/access/link_book.hpp"
#include "tools/furrowd/access/tls.hpp"
#include "tools/furrowd/cache/query_cache.hpp"
#include "tools/furrowd/cache/redis_link.hpp"
#include "tools/furrowd/front/connection_table.hpp"
#include "tools/furrowd/front/front_limits.hpp"
#include "tools/furrowd/http/front_watch.hpp"
#include "tools/furrowd/stream/live_stream.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace furrow::http {

struct base_map;

struct http_config {
  std::string address = "127.0.0.1"; // or a name
  std::uint16_t port = 7480;         // 0 picks one
  daemon::tls_slot tls;              // off: plain HTTP
  /// While it is open, every client is admin of all farms.
  std::shared_ptr<daemon::authority> access = std::make_shared<daemon::authority>();
  /// Reads the identities of the database now, then calls back; none: there is nothing to read.
  std::function<void(std::function<void()>)> refresh_access;
  daemon::session_lifetime sessions;
  std::string node_name = "n1";
  std::string version;
  cache_limits cache{std::chrono::milliseconds{0}}; // of answers about a farm; here: no caching
  std::optional<redis_settings> redis;              // shares cached answers among nodes
  std::shared_ptr<daemon::gateway_book> gateways = std::make_shared<daemon::gateway_book>();
  std::shared_ptr<daemon::link_book> links; // none: the node speaks to no other
  std::shared_ptr<const base_map> map;      // none: the maps of the page have no tiles
  std::shared_ptr<const config::settings_board> settings =
    std::make_shared<config::settings_board>();

  std::uint32_t header_bytes_max = 16U << 10U;
  std::uint64_t body_bytes_max = 1U << 20U; // of routes without a limit of their own
  std::size_t large_bodies_max = 4;         // larger ones, being read or worked on at once
  connection_limits connections;
  std::size_t token_requests_max = 1'000; // requests of one token in progress
  std::size_t turns_max = 32;             // requests that read the database at once
  std::size_t quick_turns_max = 32;       // requests at once for what is in memory
  std::size_t streams_max = 16;           // frame streams at once
  std::chrono::milliseconds turn_wait{30'000};
  std::chrono::milliseconds stream_wait{30'000};
  stream_limits stream;                             // of the live stream
  std::chrono::milliseconds header_timeout{10'000}; // TLS handshake, and each request's header
  std::chrono::milliseconds body_timeout{30'000};   // once more for each further body_bytes_max
  /// From the first byte of a request to the first of its answer; a large body adds its time.
  std::chrono::milliseconds request_timeout{900'000};
  std::chrono::milliseconds idle_timeout{60'000};  // between requests
  std::chrono::milliseconds write_timeout{60'000}; // for a client to take 64 KiB

  void use(const front_limits& limits) {
    connections.open_max = limits.connections_max;
    connections.address_max = limits.of_one_address();
    token_requests_max = limits.token_requests_max;
    request_timeout = limits.request_timeout;
  }
};

class front;

class http_server {
public:
  using endpoint = boost::asio::ip::tcp::endpoint;

  http_server(boost::asio::io_context& io, http_config config, const actors::shown_parts& node);
  ~http_server(); // stops
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  [[nodiscard]] daemon::result<endpoint> start();
  /// From now on /ready answers 503; everything else goes on.
  void drain();
  /// New limits, from any thread. Idle connections beyond the limits are closed.
  void limit(const front_limits& limits, std::chrono::milliseconds cache_ttl);
  /// For alarms.
  [[nodiscard]] front_figures figures();
  /// Closes the connections whose credential is no longer valid: call it after each change of `access`, and every few
  /// seconds, because credentials expire.
  void look_at_access();
  /// Closes every connection. `stopped` is called on the io_context when the server no longer uses the node.
  void stop(std::function<void()> stopped = {});

private:
  std::shared_ptr<front> front_;
};

} // namespace furrow::http
