/// Whether a gateway may send for a machine: by its token, by its certificate, or by both, which must then agree.
///
/// Shape: a certificate of an authority in --tls-client-ca names its farm and machine in a subject alternative name of the
///   kind URI: `furrow:FARM/MACHINE`, in per cent encoding; `furrow:FARM/*` is every machine of the farm. Several URIs name
///   several machines of one farm. A certificate without such a URI says nothing, and the gateway needs a token.
/// Errors: a refusal with its reason, one line.
/// Threads: pure functions.
/// Limits: machines_max machines in a certificate.
#pragma once

#include "tools/furrowd/access/authority.hpp"
#include "tools/furrowd/access/gateway_book.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

struct x509_st; // X509 of OpenSSL

namespace furrow::daemon {

struct certificate_claim {
  static constexpr std::size_t machines_max = 256;

  std::string farm;
  std::vector<std::string> machines; // empty: every machine of the farm
  std::int64_t expires_us = 0;       // of the certificate
  std::string fault = {};            // of its names; not empty: it admits nobody
};

/// Nothing: the certificate names no farm.
[[nodiscard]] std::optional<certificate_claim> claim_of(const x509_st* certificate);

struct admission_refusal {
  refusal why = refusal::no_token;
  std::string text;
  std::string farm = {}; // when it is known
};

/// While the node is open, a gateway without a certificate belongs to the farm "default".
[[nodiscard]] std::variant<credential, admission_refusal>
admit_gateway(const authority& access,
              std::string_view token,
              const std::optional<certificate_claim>& claim,
              const std::string& machine,
              std::int64_t now_us);

} // namespace furrow::daemon
