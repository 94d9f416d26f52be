#include "tools/furrowd/access/gateway_admission.hpp"

#include "proto/text.hpp"

#include <openssl/x509v3.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <memory>
#include <utility>

namespace furrow::daemon {

namespace {

constexpr std::string_view scheme = "furrow:";

/// Nothing when a per cent sign is not followed by two hex digits.
std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const char first = text.front();
    text.remove_prefix(1);
    if (first != '%') {
      out += first;
      continue;
    }
    std::uint8_t byte = 0;
    const auto* const end = text.data() + std::min<std::size_t>(2, text.size());
    const auto [at, error] = std::from_chars(text.data(), end, byte, 16);
    if (text.size() < 2 || error != std::errc{} || at != end)
      return std::nullopt;
    out += static_cast<char>(byte);
    text.remove_prefix(2);
  }
  return out;
}

/// Adds one URI; false when it, or what it says beside the others, is not sound.
bool add_uri(std::string_view uri, certificate_claim& to, bool& every) {
  uri.remove_prefix(scheme.size());
  const auto slash = uri.find('/');
  if (slash == std::string_view::npos)
    return false;
  const auto farm = decoded(uri.substr(0, slash));
  const auto machine = decoded(uri.substr(slash + 1));
  if (!farm || !machine || !proto::is_name(*farm) || !proto::is_name(*machine) || *farm == "*"
      || (!to.farm.empty() && to.farm != *farm)
      || to.machines.size() >= certificate_claim::machines_max)
    return false;
  to.farm = *farm;
  if (uri.substr(slash + 1) == "*")
    every = true;
  else
    to.machines.push_back(*machine);
  return true;
}

std::int64_t expiry_of(const X509* certificate) {
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
    return 1; // it has expired
  return static_cast<std::int64_t>(::timegm(&end)) * 1'000'000;
}

admission_refusal refused(refusal why, std::string text, std::string farm = {}) {
  return {why, std::move(text), std::move(farm)};
}

credential credential_of(const certificate_claim& claim, const std::string& machine) {
  credential made;
  made.farm = claim.farm;
  made.role = role::gateway;
  made.equipment = claim.machines;
  made.kind = credential_kind::certificate;
  made.name = "certificate " + claim.farm + "/" + machine;
  made.expires_us = claim.expires_us;
  return made;
}

bool covers(const certificate_claim& claim, const std::string& machine) {
  return claim.machines.empty()
         || std::find(claim.machines.begin(), claim.machines.end(), machine)
              != claim.machines.end();
}

} // namespace

std::optional<certificate_claim> claim_of(const x509_st* certificate) {
  if (certificate == nullptr)
    return std::nullopt;
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names{
    static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
    &GENERAL_NAMES_free};
  certificate_claim claim;
  bool every = false;
  bool found = false;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI)
      continue;
    const auto* const raw = name->d.uniformResourceIdentifier;
    const std::string_view uri{reinterpret_cast<const char*>(ASN1_STRING_get0_data(raw)),
                               static_cast<std::size_t>(ASN1_STRING_length(raw))};
    if (!uri.starts_with(scheme))
      continue;
    found = true;
    if (!add_uri(uri, claim, every) && claim.fault.empty())
      claim.fault =
        "the names of the certificate are not sound: each is furrow:FARM/MACHINE, all of one farm";
  }
  if (every)
    claim.machines.clear();
  if (found)
    claim.expires_us = expiry_of(certificate);
  return found ? std::optional{std::move(claim)} : std::nullopt;
}

std::variant<credential, admission_refusal>
admit_gateway(const authority& access,
              std::string_view token,
              const std::optional<certificate_claim>& claim,
              const std::string& machine,
              std::int64_t now_us) {
  if (claim && !claim->fault.empty())
    return refused(refusal::certificate_mismatch, claim->fault, claim->farm);
  if (claim && !covers(*claim, machine))
    return refused(refusal::certificate_mismatch, "the certificate is not for equipment " + machine,
                   claim->farm);
  if (claim && token.empty())
    return credential_of(*claim, machine);
  if (access.open())
    return claim ? credential_of(*claim, machine) : credential{"default", role::admin, {}, false};
  if (token.empty())
    return refused(refusal::no_token, "this node needs a token; `furrow token new` makes one");
  auto found = access.find(token, now_us);
  if (!found.who)
    return found.expired
             ? refused(refusal::revoked, "this token has expired")
             : refused(refusal::unknown_token,
                       "this node does not know this token; `furrow token new` makes one");
  const auto& who = *found.who;
  if (!who.may(permission::send))
    return refused(refusal::may_not_send,
                   std::string{"this token may not send: its role is "} + to_string(who.role)
                     + "; `furrow token new --role gateway` makes one",
                   who.farm);
  if (!who.covers(machine))
    return refused(refusal::other_machine, "this token is not for equipment " + machine, who.farm);
  if (claim && claim->farm != who.farm)
    return refused(refusal::certificate_mismatch, "token and certificate are of different farms",
                   who.farm);
  return std::move(*found.who);
}

} // namespace furrow::daemon
