/// One TCP or TLS connection to a node: bytes out, messages in.
///
/// Shape: open, then `opened`, messages, `closed`; a connection is used once. After `close` no event is called.
/// Threads: one io_context, one thread.
/// Limits: the caller limits what is queued (`queued`); a message from a node has at most answer_bytes_max.
#pragma once

#include "proto/wire.hpp"
#include "tools/furrow-edge/spool/errc.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

namespace furrow::edge {

/// How a connection is encrypted. The name in the node's certificate is checked.
struct tls_files {
  std::string ca;   // PEM; empty: the system's authorities
  std::string cert; // PEM, of this gateway; may be empty
  std::string key;
};
using tls_context = std::shared_ptr<boost::asio::ssl::context>;
/// Fails with `usage` and the name of the file that cannot be used.
[[nodiscard]] result<tls_context> make_tls_context(const tls_files& files);

struct endpoint_name {
  std::string host;
  std::string port;
};
/// HOST:PORT or [IPV6]:PORT.
[[nodiscard]] result<endpoint_name> parse_endpoint(const std::string& text);

class connection {
public:
  static constexpr std::uint32_t answer_bytes_max = 128U << 10U;

  struct events {
    std::function<void()> opened;
    std::function<void(const proto::message&)> received;
    std::function<void(const std::string&)> garbage;
    std::function<void()> drained; // less is queued than before
    std::function<void(const std::string&)> closed;
  };

  virtual ~connection() = default;
  /// Sends in order; keeps the bytes until the socket has taken them.
  virtual void send(std::string bytes) = 0;
  [[nodiscard]] virtual std::size_t queued() const = 0;
  virtual void close() = 0;

  /// Begins to connect; without `tls`, the connection is not encrypted.
  [[nodiscard]] static std::shared_ptr<connection>
  open(boost::asio::io_context& io, const endpoint_name& node, const tls_context& tls, events on);
};

} // namespace furrow::edge
