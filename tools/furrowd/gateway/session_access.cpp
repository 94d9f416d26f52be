#include "tools/furrowd/gateway/session.hpp"

#include <utility>

namespace furrow::daemon {

using proto::reject_code;

std::optional<credential> gateway_session::admit(const proto::hello& hello) {
  const auto& access = *context_->access;
  access_seen_ = access.generation();
  if (access.open())
    return credential{"default", role::admin, {}, false};
  const auto found = access.find(hello.token, wall_clock_us());
  if (!found.who) {
    if (hello.token.empty())
      refuse(refusal::no_token, reject_code::credentials,
             "this node needs a token; `furrow token new` makes one");
    else if (found.expired)
      refuse(refusal::revoked, reject_code::credentials, "this token has expired");
    else
      refuse(refusal::unknown_token, reject_code::credentials,
             "this node does not know this token; `furrow token new` makes one");
    return std::nullopt;
  }
  farm_ = found.who->farm;
  if (!found.who->may(permission::send)) {
    refuse(refusal::may_not_send, reject_code::credentials,
           std::string{"this token may not send: its role is "} + to_string(found.who->role)
             + "; `furrow token new --role gateway` makes one");
    return std::nullopt;
  }
  if (!found.who->covers(hello.equipment)) {
    refuse(refusal::other_machine, reject_code::credentials,
           "this token is not for equipment " + hello.equipment);
    return std::nullopt;
  }
  return found.who;
}

void gateway_session::look_at_access() {
  const auto generation = context_->access->generation();
  const auto now_us = wall_clock_us();
  const bool over = credential_->expires_us != 0 && now_us >= credential_->expires_us;
  if (std::exchange(access_seen_, generation) == generation && !over)
    return;
  if (!context_->access->holds(*credential_, now_us))
    refuse(refusal::revoked, reject_code::credentials,
           over ? "the token of this gateway has expired"
                : "the token of this gateway is no longer valid");
}

} // namespace furrow::daemon
