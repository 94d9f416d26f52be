#include "tools/furrowd/net/byte_stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include <boost/asio/read.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace furrow::daemon {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using tls_stream = asio::ssl::stream<tcp::socket>;

/// What OpenSSL says of the peer's certificate.
std::optional<byte_stream::fault> certificate_fault(long verdict) {
  const std::string words = X509_verify_cert_error_string(verdict);
  switch (verdict) {
  case X509_V_OK:
    return std::nullopt;
  case X509_V_ERR_CERT_HAS_EXPIRED:
    return byte_stream::fault{refusal::certificate_expired,
                              "the certificate of the gateway has expired"};
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return byte_stream::fault{
      refusal::certificate_expired,
      "the certificate of the gateway is not valid yet: compare the clocks of node and gateway"};
  case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
  case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
  case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
  case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    return byte_stream::fault{
      refusal::unknown_authority,
      "the certificate of the gateway is not of an authority in --tls-client-ca (" + words + ")"};
  default:
    return byte_stream::fault{refusal::tls,
                              "the certificate of the gateway is not accepted: " + words};
  }
}

/// An alert of the peer: it does not accept this node's certificate.
bool is_alert_about_us(int reason) {
  return reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA || reason == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE
         || reason == SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED
         || reason == SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN
         || reason == SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED
         || reason == SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE;
}

byte_stream::fault tls_fault(const boost::system::error_code& error, long verdict) {
  if (error.category() != asio::error::get_ssl_category())
    return {refusal::tls, "the connection ended during the TLS handshake: " + error.message()};
  const int reason = ERR_GET_REASON(static_cast<unsigned long>(error.value()));
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
    if (auto fault = certificate_fault(verdict))
      return *fault;
  if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
    return {refusal::no_certificate,
            "the gateway presented no certificate, and this node asks for one (--tls-client-ca)"};
  if (is_alert_about_us(reason))
    return {refusal::node_not_trusted,
            "the gateway does not accept the certificate of this node: " + error.message()};
  if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST
      || reason == SSL_R_PACKET_LENGTH_TOO_LONG || reason == SSL_R_RECORD_TOO_SMALL
      || reason == SSL_R_UNKNOWN_PROTOCOL)
    return {refusal::tls_mismatch, "the gateway does not speak TLS, and this node does"};
  return {refusal::tls, "the TLS handshake failed: " + error.message()};
}

template <class Stream>
class stream_of final : public byte_stream {
public:
  template <class... Args>
  explicit stream_of(Args&&... args) : stream_{std::forward<Args>(args)...} {}

  asio::awaitable<void> handshake() override {
    if constexpr (std::is_same_v<Stream, tls_stream>)
      co_await stream_.async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
    co_return;
  }
  fault handshake_fault(const boost::system::error_code& error) override {
    if constexpr (std::is_same_v<Stream, tls_stream>)
      return tls_fault(error, SSL_get_verify_result(stream_.native_handle()));
    return {refusal::tls, error.message()};
  }
  const x509_st* peer_certificate() override {
    if constexpr (std::is_same_v<Stream, tls_stream>) {
      auto* const ssl = stream_.native_handle();
      return SSL_get_verify_result(ssl) == X509_V_OK ? SSL_get0_peer_certificate(ssl) : nullptr;
    }
    return nullptr;
  }
  asio::awaitable<void> read(std::span<std::uint8_t> bytes) override {
    while (!bytes.empty()) {
      const auto held = std::min(bytes.size(), end_ - begin_);
      std::memcpy(bytes.data(), ahead_.data() + begin_, held);
      begin_ += held;
      bytes = bytes.subspan(held);
      if (bytes.size() >= ahead_.size()) {
        co_await asio::async_read(stream_, asio::buffer(bytes.data(), bytes.size()),
                                  asio::use_awaitable);
        co_return;
      }
      if (!bytes.empty()) {
        begin_ = 0;
        end_ = 0; // also when the read below throws
        end_ = co_await stream_.async_read_some(asio::buffer(ahead_), asio::use_awaitable);
      }
    }
  }
  asio::awaitable<std::size_t> read_some(std::span<std::uint8_t> bytes) override {
    if (begin_ == end_)
      co_return co_await stream_.async_read_some(asio::buffer(bytes.data(), bytes.size()),
                                                 asio::use_awaitable);
    const auto held = std::min(bytes.size(), end_ - begin_);
    std::memcpy(bytes.data(), ahead_.data() + begin_, held);
    begin_ += held;
    co_return held;
  }
  asio::awaitable<void> end_tls() override {
    if constexpr (std::is_same_v<Stream, tls_stream>)
      co_await stream_.async_shutdown(asio::use_awaitable);
    co_return;
  }
  asio::awaitable<void> write(std::string_view bytes) override {
    co_await asio::async_write(stream_, asio::buffer(bytes.data(), bytes.size()),
                               asio::use_awaitable);
  }
  void end_writing() override {
    boost::system::error_code ignored; // a closed socket has ended already
    stream_.lowest_layer().shutdown(tcp::socket::shutdown_send, ignored);
  }
  bool peer_left() override {
    tcp_info now{};
    socklen_t size = sizeof now;
    return ::getsockopt(stream_.lowest_layer().native_handle(), IPPROTO_TCP, TCP_INFO, &now, &size)
             == 0
           && now.tcpi_state != TCP_ESTABLISHED;
  }
  void cancel_read() override {
    boost::system::error_code ignored; // a closed socket has nothing to stop
    stream_.lowest_layer().shutdown(tcp::socket::shutdown_receive, ignored);
  }
  void interrupt() override {
    boost::system::error_code ignored; // a closed socket has nothing to interrupt
    stream_.lowest_layer().cancel(ignored);
  }
  void close() override {
    boost::system::error_code ignored; // the socket is closed afterwards in any case
    stream_.lowest_layer().shutdown(tcp::socket::shutdown_both, ignored);
    stream_.lowest_layer().close(ignored);
  }

private:
  Stream stream_;
  // One read fetches the length, a small message and the beginning of the next one.
  std::array<std::uint8_t, byte_stream::ahead_max> ahead_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

} // namespace

std::unique_ptr<byte_stream> make_byte_stream(tcp::socket socket, const tls_context& tls) {
  if (tls)
    return std::make_unique<stream_of<tls_stream>>(std::move(socket), *tls);
  return std::make_unique<stream_of<tcp::socket>>(std::move(socket));
}

} // namespace furrow::daemon
