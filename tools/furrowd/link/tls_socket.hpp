/// TLS over a socket of Asio, for coroutines, without buffers of its own.
///
/// Shape: OpenSSL reads from and writes to the socket itself. asio::ssl::stream keeps 68 KiB for each connection; here a
///   connection costs what OpenSSL needs, and while it is idle OpenSSL keeps no buffers either.
/// Errors: the codes of asio::ssl::stream: errors of OpenSSL in its category, asio::error::eof when the other side ended
///   TLS in good order, asio::ssl::error::stream_truncated when it only closed.
/// Threads: the socket's one. One `read` and one `write` may be under way at once. The process must ignore SIGPIPE.
/// Limits: none of its own; the caller closes the socket when it takes too long.
#pragma once

#include "tools/furrowd/access/tls.hpp"

#include <openssl/ossl_typ.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

namespace furrow::daemon {

class tls_socket {
public:
  using error_code = boost::system::error_code;
  enum class side : std::uint8_t { accepting, dialing };

  /// The socket outlives this object.
  tls_socket(boost::asio::ip::tcp::socket& socket, const tls_context& context);

  [[nodiscard]] boost::asio::awaitable<error_code> shake_hands(side which);
  /// Fills the whole span.
  [[nodiscard]] boost::asio::awaitable<error_code> read(std::span<std::uint8_t> bytes);
  [[nodiscard]] boost::asio::awaitable<error_code> write(std::string_view bytes);
  [[nodiscard]] SSL* native_handle() const { return tls_.get(); }

private:
  struct free_tls {
    void operator()(SSL* one) const;
  };
  /// After a call that did not succeed: waits until it may be repeated, or says why it may not.
  [[nodiscard]] boost::asio::awaitable<error_code> wait_after(int outcome);

  boost::asio::ip::tcp::socket& socket_;
  std::unique_ptr<SSL, free_tls> tls_;
};

} // namespace furrow::daemon
