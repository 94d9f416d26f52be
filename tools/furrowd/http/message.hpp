/// Requests and responses between the HTTP server and the handlers of its routes, without any HTTP library.
///
/// Shape: a response has a complete body, or a `body_source` that gives it piece by piece as the client reads.
/// Errors: a `problem` becomes a problem of RFC 9457 (application/problem+json) with its status: type, title, status,
///   detail, and `error` with code, message and hint.
/// Threads: plain values; everything of one connection runs on its strand.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace furrow::daemon {
class byte_stream; // tools/furrowd/net/byte_stream.hpp
} // namespace furrow::daemon

namespace furrow::http {

/// What only the live stream reads of a request.
struct stream_offer {
  std::string peer; // address of the client, without the port
  std::string host;
  std::string origin;
  std::string last_event_id;
  bool upgrade = false; // asks for a WebSocket; the fields below are its header
  std::string websocket_key;
  std::string websocket_version;
  std::string websocket_protocols;
  std::string token; // hash of the token that admitted the request; empty: none
};

struct request {
  std::string method;
  std::string target; // path and query, still encoded
  std::string authorization;
  std::string host;
  std::string origin;
  std::string idempotency_key;
  stream_offer offer = {};
  std::string cookie = {};
  std::string from = {}; // the address of the client, without the port
  bool secure = false;   // over TLS
  std::string if_none_match = {};
  bool takes_gzip = false;
};

struct body_piece {
  std::string_view text; // valid until the next call; empty: the end
  bool failed =
    false; // the rest cannot be read: the server cuts the connection so that the client notices
};

class body_source {
public:
  body_source() = default;
  body_source(const body_source&) = delete;
  body_source& operator=(const body_source&) = delete;
  virtual ~body_source() = default;
  [[nodiscard]] virtual boost::asio::awaitable<body_piece> next() = 0;
};

struct response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::unique_ptr<body_source> stream; // instead of `body`
  std::shared_ptr<void> turn;          // given back when the body is written
  std::shared_ptr<void> share;         // the same, of the token's requests in progress
  /// Instead of a body: takes over the connection, writes the header itself, and returns when it must be closed.
  std::function<boost::asio::awaitable<void>(std::shared_ptr<daemon::byte_stream>)> takeover;
};

struct problem {
  unsigned status = 500;
  std::string code;                    // stable, for programs
  std::string message;                 // what is wrong
  std::string hint;                    // what to do next; may be empty
  std::string allow = {};              // of a 405: the allowed methods
  std::chrono::seconds retry_after{0}; // of a 429 or 503: when to try again; 0: not said
};

[[nodiscard]] response to_response(const problem& problem);
/// The value of Content-Disposition for a file of this name.
[[nodiscard]] std::string disposition_of(const std::string& name);

} // namespace furrow::http
