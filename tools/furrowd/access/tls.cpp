#include "tools/furrowd/access/tls.hpp"

#include <fmt/format.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <utility>

namespace furrow::daemon {

namespace {

namespace ssl = boost::asio::ssl;

/// OpenSSL reports a missing file and an invalid one with the same words. This tells the missing one apart.
std::optional<failure> unreadable(const std::string& path, const char* what) {
  std::ifstream in{path, std::ios::binary};
  if (in && in.peek() != std::ifstream::traits_type::eof())
    return std::nullopt;
  const char* why = in.is_open() ? (in.eof() ? "the file is empty" : "the file cannot be read")
                                 : std::strerror(errno);
  return failure{errc::unreadable, fmt::format("{}: TLS {}: {}", path, what, why)};
}

failure malformed(const std::string& path, const char* what, const boost::system::error_code& why) {
  return {errc::malformed, fmt::format("{}: TLS {}: {}", path, what, why.message())};
}

} // namespace

result<tls_context> server_tls(const tls_files& files) {
  if (auto fault = unreadable(files.certificate, "certificate"))
    return *fault;
  if (auto fault = unreadable(files.key, "key"))
    return *fault;
  boost::system::error_code error;
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2
                         | ssl::context::no_sslv3 | ssl::context::no_tlsv1
                         | ssl::context::no_tlsv1_1 | ssl::context::no_compression
                         | ssl::context::single_dh_use,
                       error);
  if (error)
    return failure{errc::malformed, "TLS options: " + error.message()};
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_RENEGOTIATION);
  // Without this, OpenSSL would ask for the password of an encrypted key on the terminal.
  context->set_password_callback(
    [](std::size_t, ssl::context::password_purpose) { return std::string{}; }, error);
  context->use_certificate_chain_file(files.certificate, error);
  if (error)
    return malformed(files.certificate, "certificate", error);
  context->use_private_key_file(files.key, ssl::context::pem, error);
  if (error)
    return malformed(files.key, "key", error);
  if (SSL_CTX_check_private_key(context->native_handle()) != 1) {
    ERR_clear_error();
    return failure{errc::malformed, fmt::format("{}: TLS key does not belong to the certificate {}",
                                                files.key, files.certificate)};
  }
  if (!files.client_authorities.empty()) {
    if (auto fault = unreadable(files.client_authorities, "client authorities"))
      return *fault;
    context->load_verify_file(files.client_authorities, error);
    if (error)
      return malformed(files.client_authorities, "client authorities", error);
    context->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert, error);
    if (error)
      return malformed(files.client_authorities, "client authorities", error);
  }
  return context;
}

tls_slot::tls_slot(tls_context first) {
  if (!first)
    return;
  held_ = std::make_shared<held>();
  held_->context = std::move(first);
}

tls_context tls_slot::newest() const {
  if (!held_)
    return nullptr;
  const std::lock_guard lock{held_->mutex};
  return held_->context;
}

void tls_slot::replace(tls_context by) const {
  const std::lock_guard lock{held_->mutex};
  held_->context = std::move(by);
}

std::int64_t certificate_expiry_us(const tls_context& context) {
  const X509* certificate = context ? SSL_CTX_get0_certificate(context->native_handle()) : nullptr;
  std::tm end{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
    return 0;
  return static_cast<std::int64_t>(::timegm(&end)) * 1'000'000;
}

} // namespace furrow::daemon
