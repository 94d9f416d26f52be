/// The live stream over a WebSocket (RFC 6455), by Boost.Beast on a connection that HTTP has opened.
///
/// Shape: the client's messages are subscriptions (subscription.hpp); the node's are those of live_stream.hpp, as text.
/// Errors: a client that breaks the protocol is closed with the code of RFC 6455: 1002, 1003 (binary), 1007 (no UTF-8),
///   1008 (too many messages, a revoked token), 1009 (too long); 1001 when the node stops.
/// Threads: the executor of the connection.
/// Limits: messages of subscription::message_bytes_max bytes, `messages_max` at once and one a second; a client that is
///   silent for `silence` after pings, or takes nothing for `write_limit`, is disconnected.
#pragma once

#include "tools/furrowd/http/message.hpp"

#include <chrono>
#include <memory>
#include <optional>

#include <boost/asio/awaitable.hpp>

namespace furrow::http {

class stream_guest;

struct websocket_limits {
  static constexpr double messages_max = 20;
  static constexpr std::chrono::seconds silence{45};
  static constexpr std::chrono::seconds write_limit{30};
  static constexpr std::chrono::seconds close_limit{3};
};

/// The subprotocol that a client may ask for.
inline constexpr const char* stream_protocol = "furrow.v1";

/// What is wrong with a request for an upgrade.
[[nodiscard]] std::optional<problem> websocket_fault(const stream_offer& offer);

[[nodiscard]] boost::asio::awaitable<void>
serve_websocket(std::shared_ptr<stream_guest> guest,
                stream_offer offer,
                std::shared_ptr<daemon::byte_stream> bytes);

} // namespace furrow::http
