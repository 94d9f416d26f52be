/// TLS between nodes: contexts of the cluster's own authority, and what a certificate of a node must say.
///
/// Shape: a node has one certificate for both directions: its extended key usage names server and client, and a DNS name
///   of its subjectAltName is the node's name. The authority signs nodes only: a gateway's certificate is refused here,
///   and a node's certificate at the gateways' listener.
/// Errors: one line that names the file and what is wrong with it.
/// Threads: the contexts are only read after they were made.
/// Limits: TLS 1.3 only, no session tickets.
#pragma once

#include "tools/furrowd/access/link_book.hpp"
#include "tools/furrowd/access/tls.hpp"

#include <openssl/ossl_typ.h>

#include <optional>
#include <string>
#include <utility>

#include <boost/system/error_code.hpp>

namespace furrow::daemon {

struct link_files {
  std::string authority;   // PEM: the authority of the cluster
  std::string certificate; // PEM: this node's certificate, then the chain
  std::string key;         // PEM, not encrypted
};

struct link_tls {
  tls_context accepting;
  tls_context dialing;
};

/// `gateway_authorities`: the file of --tls-client-ca; it may not share an authority with the cluster.
[[nodiscard]] result<link_tls> make_link_tls(const link_files& files,
                                             const std::string& node,
                                             const std::string& gateway_authorities);

/// Whether a DNS name of the certificate is exactly this name.
[[nodiscard]] bool names_node(const X509* certificate, const std::string& node);
/// Whether the extended key usage names server and client.
[[nodiscard]] bool is_for_both_sides(X509* certificate);

using link_fault = std::pair<link_refusal, std::string>;
/// What is wrong with a handshake that failed so.
[[nodiscard]] link_fault link_handshake_fault(const boost::system::error_code& error, SSL* tls);

} // namespace furrow::daemon
