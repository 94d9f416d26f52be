#include "tools/furrowd/link/tls_socket.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <new>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace furrow::daemon {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

error_code openssl_error() {
  const auto code = ERR_peek_last_error();
  if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
    return asio::ssl::error::stream_truncated;
  return {static_cast<int>(code), asio::error::get_ssl_category()};
}

} // namespace

void tls_socket::free_tls::operator()(SSL* one) const {
  SSL_free(one);
}

tls_socket::tls_socket(asio::ip::tcp::socket& socket, const tls_context& context)
  : socket_{socket}, tls_{SSL_new(context->native_handle())} {
  if (!tls_)
    throw std::bad_alloc{};
  SSL_set_mode(tls_.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE
                             | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  socket_.native_non_blocking(true);
  if (SSL_set_fd(tls_.get(), socket_.native_handle()) != 1)
    throw std::bad_alloc{}; // it only allocates
}

asio::awaitable<error_code> tls_socket::wait_after(int outcome) {
  const auto why = SSL_get_error(tls_.get(), outcome);
  switch (why) {
  case SSL_ERROR_WANT_READ:
  case SSL_ERROR_WANT_WRITE: {
    const auto what =
      why == SSL_ERROR_WANT_READ ? asio::socket_base::wait_read : asio::socket_base::wait_write;
    const auto [error] = co_await socket_.async_wait(what, asio::as_tuple(asio::use_awaitable));
    if (!error && !socket_.is_open())
      co_return asio::error::operation_aborted;
    co_return error;
  }
  case SSL_ERROR_ZERO_RETURN:
    co_return asio::error::eof;
  case SSL_ERROR_SYSCALL:
    if (errno != 0)
      co_return error_code{errno, boost::system::system_category()};
    co_return asio::ssl::error::stream_truncated;
  default:
    co_return openssl_error();
  }
}

asio::awaitable<error_code> tls_socket::shake_hands(side which) {
  if (which == side::accepting)
    SSL_set_accept_state(tls_.get());
  else
    SSL_set_connect_state(tls_.get());
  for (;;) {
    ERR_clear_error();
    errno = 0;
    const auto outcome = SSL_do_handshake(tls_.get());
    if (outcome == 1)
      co_return error_code{};
    if (const auto error = co_await wait_after(outcome))
      co_return error;
  }
}

asio::awaitable<error_code> tls_socket::read(std::span<std::uint8_t> bytes) {
  while (!bytes.empty()) {
    ERR_clear_error();
    errno = 0;
    std::size_t got = 0;
    const auto outcome = SSL_read_ex(tls_.get(), bytes.data(), bytes.size(), &got);
    if (outcome == 1)
      bytes = bytes.subspan(got);
    else if (const auto error = co_await wait_after(outcome))
      co_return error;
  }
  co_return error_code{};
}

asio::awaitable<error_code> tls_socket::write(std::string_view bytes) {
  while (!bytes.empty()) {
    ERR_clear_error();
    errno = 0;
    std::size_t sent = 0;
    const auto outcome = SSL_write_ex(tls_.get(), bytes.data(), bytes.size(), &sent);
    if (outcome == 1)
      bytes.remove_prefix(sent);
    else if (const auto error = co_await wait_after(outcome))
      co_return error;
  }
  co_return error_code{};
}

} // namespace furrow::daemon
