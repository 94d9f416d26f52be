/// Decides who sent a request and whether the sender may have what the request asks for.
///
/// Shape: with a token table every protected route needs `Authorization: Bearer TOKEN`. Without one the listener is on
///   loopback only, and every client is admin of the farm "default". The guard then rejects requests that a browser was
///   tricked into: from a page of another site (Origin), or to another host name that points here (Host).
/// Errors: a `problem`: 401 without a valid token, 403 without permission.
/// Threads: only read.
#pragma once

#include "tools/furrowd/access/tokens.hpp"
#include "tools/furrowd/http/message.hpp"

#include <optional>
#include <utility>
#include <variant>

namespace furrow::http {

/// The code of the problem when a token is not in the table.
inline constexpr const char* unknown_token = "unknown_token";

class guard {
public:
  explicit guard(std::optional<daemon::token_table> tokens) : tokens_{std::move(tokens)} {}

  [[nodiscard]] std::variant<daemon::credential, problem>
  admit(const request& request, std::optional<daemon::permission> needs) const;

  /// Whether a connection that lasts may go on with the rights that its token (its hash) had at the beginning. Tokens are
  /// read once, at the start, so their rights last as long as the node.
  [[nodiscard]] bool still_valid(const daemon::credential& /*who*/,
                                 const std::string& /*token*/) const {
    return true;
  }

private:
  std::optional<daemon::token_table> tokens_;
};

} // namespace furrow::http
