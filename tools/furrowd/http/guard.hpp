/// Decides who sent a request and whether the sender may have what the request asks for.
///
/// Shape: every protected route needs `Authorization: Bearer TOKEN`, where TOKEN is of a program or of a person's session.
///   While the node is open, every client is admin of all farms. The guard then rejects requests that a browser was
///   tricked into: from a page of another site (Origin), or to another host name that points here (Host).
/// Errors: a `problem`: 401 without a valid token, 403 without permission, 503 while it is not known who has access.
/// Threads: only read.
#pragma once

#include "tools/furrowd/access/authority.hpp"
#include "tools/furrowd/http/message.hpp"

#include <memory>
#include <optional>
#include <utility>
#include <variant>

namespace furrow::http {

/// The code of the problem when nobody has this token.
inline constexpr const char* unknown_token = "unknown_token";

class guard {
public:
  explicit guard(std::shared_ptr<const daemon::authority> access) : access_{std::move(access)} {}

  [[nodiscard]] std::variant<daemon::credential, problem>
  admit(const request& request, std::optional<daemon::permission> needs) const;

  /// Whether a connection that lasts may go on with the rights that it had at the beginning.
  [[nodiscard]] bool still_valid(const daemon::credential& who) const {
    return access_->holds(who, daemon::wall_clock_us());
  }

private:
  std::shared_ptr<const daemon::authority> access_;
};

} // namespace furrow::http
