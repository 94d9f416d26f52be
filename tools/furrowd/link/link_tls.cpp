#include "tools/furrowd/link/link_tls.hpp"

#include <fmt/format.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <vector>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>

namespace furrow::daemon {

namespace {

namespace ssl = boost::asio::ssl;

struct free_certificate {
  void operator()(X509* one) const { X509_free(one); }
};
using held_certificate = std::unique_ptr<X509, free_certificate>;

failure link_file_fault(const char* flag, const std::string& path, const std::string& why) {
  return {errc::malformed, fmt::format("{} {}: {}", flag, path, why)};
}

std::optional<failure> cannot_read(const char* flag, const std::string& path) {
  const std::ifstream in{path, std::ios::binary};
  if (in)
    return std::nullopt;
  return failure{errc::unreadable, fmt::format("{} {}: {}", flag, path, std::strerror(errno))};
}

std::vector<held_certificate> certificates_in(const std::string& path) {
  std::vector<held_certificate> all;
  auto* file = BIO_new_file(path.c_str(), "r");
  if (file == nullptr)
    return all;
  while (auto* one = PEM_read_bio_X509(file, nullptr, nullptr, nullptr))
    all.emplace_back(one);
  BIO_free(file);
  ERR_clear_error(); // the end of the file counts as an error there
  return all;
}

bool share_one(const std::vector<held_certificate>& left,
               const std::vector<held_certificate>& right) {
  for (const auto& one : left)
    for (const auto& other : right)
      if (X509_cmp(one.get(), other.get()) == 0)
        return true;
  return false;
}

result<tls_context> make_context(const link_files& files, ssl::context::method method) {
  boost::system::error_code error;
  auto context = std::make_shared<ssl::context>(method);
  auto* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_3_VERSION);
  SSL_CTX_set_num_tickets(native, 0);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  context->set_password_callback( // without it OpenSSL asks on the terminal
    [](std::size_t, ssl::context::password_purpose) { return std::string{}; }, error);
  context->use_certificate_chain_file(files.certificate, error);
  if (error)
    return link_file_fault("--link-cert", files.certificate, error.message());
  context->use_private_key_file(files.key, ssl::context::pem, error);
  if (error)
    return link_file_fault("--link-key", files.key, error.message()); // also of another certificate
  context->load_verify_file(files.authority, error);
  if (error)
    return link_file_fault("--link-ca", files.authority, error.message());
  context->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert, error);
  if (error)
    return link_file_fault("--link-ca", files.authority, error.message());
  return context;
}

link_refusal refusal_of_verdict(long verdict) {
  switch (verdict) {
  case X509_V_ERR_CERT_HAS_EXPIRED:
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return link_refusal::certificate_expired;
  case X509_V_ERR_INVALID_PURPOSE:
    return link_refusal::wrong_purpose;
  default:
    return link_refusal::unknown_authority;
  }
}

bool is_alert(int reason) {
  return reason >= SSL_AD_REASON_OFFSET;
}

} // namespace

bool names_node(const X509* certificate, const std::string& node) {
  const std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> names{
    static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
    [](GENERAL_NAMES* list) { GENERAL_NAMES_free(list); }};
  if (!names)
    return false;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS)
      continue;
    const auto* text = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
    const auto length = ASN1_STRING_length(name->d.dNSName);
    if (length >= 0 && std::string{text, static_cast<std::size_t>(length)} == node)
      return true;
  }
  return false;
}

bool is_for_both_sides(X509* certificate) {
  // Without the extension it is UINT32_MAX: for anything, which is too much.
  const auto usage = X509_get_extended_key_usage(certificate);
  constexpr std::uint32_t both = XKU_SSL_SERVER | XKU_SSL_CLIENT;
  return usage != UINT32_MAX && (usage & both) == both;
}

result<link_tls> make_link_tls(const link_files& files,
                               const std::string& node,
                               const std::string& gateway_authorities) {
  for (const auto& [flag, path] :
       {std::pair{"--link-ca", &files.authority}, std::pair{"--link-cert", &files.certificate},
        std::pair{"--link-key", &files.key}})
    if (auto fault = cannot_read(flag, *path))
      return *fault;
  const auto own = certificates_in(files.certificate);
  if (own.empty())
    return link_file_fault("--link-cert", files.certificate, "holds no certificate");
  if (!names_node(own.front().get(), node))
    return link_file_fault("--link-cert", files.certificate,
                           fmt::format("does not name this node: no DNS name of its "
                                       "subjectAltName is \"{}\"",
                                       node));
  if (!is_for_both_sides(own.front().get()))
    return link_file_fault("--link-cert", files.certificate,
                           "its extended key usage must name serverAuth and clientAuth");
  if (!gateway_authorities.empty()
      && share_one(certificates_in(files.authority), certificates_in(gateway_authorities)))
    return link_file_fault("--link-ca", files.authority,
                           "is an authority of gateways, too (--tls-client-ca): a gateway could "
                           "then be a node");
  const auto accepting = make_context(files, ssl::context::tls_server);
  if (!accepting)
    return accepting.error();
  const auto dialing = make_context(files, ssl::context::tls_client);
  if (!dialing)
    return dialing.error();
  return link_tls{*accepting, *dialing};
}

link_fault link_handshake_fault(const boost::system::error_code& error, SSL* tls) {
  if (error.category() != boost::asio::error::get_ssl_category())
    return {link_refusal::tls, "the connection ended during the handshake: " + error.message()};
  const int reason = ERR_GET_REASON(static_cast<unsigned long>(error.value()));
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    const auto verdict = SSL_get_verify_result(tls);
    return {refusal_of_verdict(verdict), std::string{"its certificate is not accepted: "}
                                           + X509_verify_cert_error_string(verdict)};
  }
  if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
    return {link_refusal::no_certificate, "it presented no certificate"};
  if (is_alert(reason))
    return {link_refusal::not_trusted,
            "it does not accept the certificate of this node: " + error.message()};
  return {link_refusal::tls, "the TLS handshake failed: " + error.message()};
}

} // namespace furrow::daemon
