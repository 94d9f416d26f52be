/// The server side of TLS: one context from a certificate and a key, for the HTTP server and the gateway listener.
///
/// Errors: unreadable or malformed, with the file name and the message of OpenSSL.
/// Threads: the context is only read after it was made; connections share it.
/// Limits: TLS 1.2 or newer; no compression, no renegotiation, no session tickets kept across restarts.
#pragma once

#include "tools/furrowd/access/tokens.hpp"

#include <cstdint>
#include <memory>
#include <string>

#include <boost/asio/ssl/context.hpp>

namespace furrow::daemon {

struct tls_files {
  std::string certificate;        // PEM: the certificate, then the chain up to the authority
  std::string key;                // PEM, not encrypted
  std::string client_authorities; // PEM; if set, a client must present a certificate of one of them
};

using tls_context = std::shared_ptr<boost::asio::ssl::context>;
[[nodiscard]] result<tls_context> server_tls(const tls_files& files);

/// When the certificate of a context expires, in microseconds since 1970; 0 when it has none.
[[nodiscard]] std::int64_t certificate_expiry_us(const tls_context& context);

} // namespace furrow::daemon
