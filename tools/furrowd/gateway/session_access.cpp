#include "tools/furrowd/access/gateway_admission.hpp"
#include "tools/furrowd/gateway/session.hpp"

#include <utility>

namespace furrow::daemon {

using proto::reject_code;

static constexpr std::int64_t use_noted_every_us = 60'000'000;

std::optional<credential> gateway_session::admit(const proto::hello& hello) {
  const auto& access = *context_->access;
  access_seen_ = access.generation();
  const auto claim = claim_of(stream_->peer_certificate());
  auto said = admit_gateway(access, hello.token, claim, hello.equipment, wall_clock_us());
  if (auto* admitted = std::get_if<credential>(&said))
    return std::move(*admitted);
  auto& refused = std::get<admission_refusal>(said);
  farm_ = refused.farm;
  refuse(refused.why, reject_code::credentials, std::move(refused.text));
  return std::nullopt;
}

void gateway_session::look_at_access() {
  const auto generation = context_->access->generation();
  const auto now_us = wall_clock_us();
  const bool over = credential_->expires_us != 0 && now_us >= credential_->expires_us;
  const bool use_due = now_us - access_used_us_ >= use_noted_every_us;
  if (std::exchange(access_seen_, generation) == generation && !over && !use_due)
    return;
  access_used_us_ = now_us;
  if (!context_->access->holds(*credential_, now_us))
    refuse(refusal::revoked, reject_code::credentials,
           over ? "the token or certificate of this gateway has expired"
                : "the token of this gateway is no longer valid");
}

} // namespace furrow::daemon
