/// The server side of TLS: one context from a certificate and a key, for the HTTP server and the gateway listener, and
/// its replacement while the node runs.
///
/// Errors: unreadable or malformed, with the file name and the message of OpenSSL.
/// Threads: the context is only read after it was made; connections share it.
/// Limits: TLS 1.2 or newer; no compression, no renegotiation, no session tickets kept across restarts.
#pragma once

#include "tools/furrowd/access/tokens.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
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

/// The context of a listener. A reload replaces it: open connections keep theirs, new ones take the newest.
///
/// Shape: copies share the context.
/// Threads: any.
class tls_slot {
public:
  tls_slot() = default; // no TLS
  tls_slot(tls_context first);

  [[nodiscard]] bool on() const { return held_ != nullptr; }
  [[nodiscard]] tls_context newest() const; // null: no TLS
  /// Only where TLS is on.
  void replace(tls_context by) const;

private:
  struct held {
    std::mutex mutex;
    tls_context context;
  };
  std::shared_ptr<held> held_;
};

/// When the certificate of a context expires, in microseconds since 1970; 0 when it has none.
[[nodiscard]] std::int64_t certificate_expiry_us(const tls_context& context);

} // namespace furrow::daemon
