/// The bytes of one accepted connection, plain or TLS, for coroutines.
///
/// Errors: Boost's system_error, thrown into the awaiting coroutine, also when the peer ends its side.
/// Threads: those of the io_context that the listener runs on.
/// Limits: reads at most ahead_max bytes ahead of what was asked for.
#pragma once

#include "tools/furrowd/access/gateway_book.hpp"
#include "tools/furrowd/access/tls.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

struct x509_st; // X509 of OpenSSL

namespace furrow::daemon {

class byte_stream {
public:
  static constexpr std::size_t ahead_max = 1'024;

  virtual ~byte_stream() = default;
  virtual boost::asio::awaitable<void> handshake() = 0;
  /// After a handshake that failed so: what is wrong, for people.
  struct fault {
    refusal why = refusal::tls;
    std::string text;
  };
  [[nodiscard]] virtual fault handshake_fault(const boost::system::error_code& error) = 0;
  /// That the peer presented, checked against the authorities; nullptr: none, or no TLS. It lives as long as the stream.
  [[nodiscard]] virtual const x509_st* peer_certificate() = 0;
  /// Fills the whole span.
  virtual boost::asio::awaitable<void> read(std::span<std::uint8_t> bytes) = 0;
  /// Fills a part of the span, at least one byte; returns the number of bytes.
  virtual boost::asio::awaitable<std::size_t> read_some(std::span<std::uint8_t> bytes) = 0;
  virtual boost::asio::awaitable<void> write(std::string_view bytes) = 0;
  /// TLS: announces the end to the peer and waits for its answer. Plain: does nothing.
  virtual boost::asio::awaitable<void> end_tls() = 0;
  /// Ends the writing side; reading goes on.
  virtual void end_writing() = 0;
  /// Whether the peer has ended its side, even when bytes of it are still unread.
  [[nodiscard]] virtual bool peer_left() = 0;
  /// Stops reading: a pending read ends with an error.
  virtual void cancel_read() = 0;
  /// Ends a pending operation with an error; the connection goes on.
  virtual void interrupt() = 0;
  /// Closes the connection; every pending operation ends with an error.
  virtual void close() = 0;
};

[[nodiscard]] std::unique_ptr<byte_stream> make_byte_stream(boost::asio::ip::tcp::socket socket,
                                                            const tls_context& tls);

} // namespace furrow::daemon
