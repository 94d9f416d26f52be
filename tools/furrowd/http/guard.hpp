/// Decides who a request comes from and whether it may have what it asks for.
///
/// Shape: with a token table every protected route needs `Authorization: Bearer TOKEN`. Without one
/// the listener stands on
///   loopback only, and everyone there is admin of the farm "default": then the guard keeps
///   browsers from being used against the node, by a foreign page (Origin) or a foreign name that
///   points here (Host).
/// Errors: a `problem`: 401 who are you, 403 not you.
/// Threads: only read.
#pragma once

#include "tools/furrowd/access/tokens.hpp"
#include "tools/furrowd/http/message.hpp"

#include <optional>
#include <utility>
#include <variant>

namespace furrow::http {

class guard {
public:
  explicit guard(std::optional<daemon::token_table> tokens) : tokens_{std::move(tokens)} {}

  [[nodiscard]] std::variant<daemon::credential, problem>
  admit(const request& request, std::optional<daemon::permission> needs) const;

private:
  std::optional<daemon::token_table> tokens_;
};

} // namespace furrow::http
