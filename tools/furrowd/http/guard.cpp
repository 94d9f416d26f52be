#include "tools/furrowd/http/guard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>

namespace furrow::http {

namespace {

bool same_word(std::string_view one, std::string_view other) {
  if (one.size() != other.size())
    return false;
  for (std::size_t i = 0; i < one.size(); ++i)
    if (std::tolower(static_cast<unsigned char>(one[i]))
        != std::tolower(static_cast<unsigned char>(other[i])))
      return false;
  return true;
}

/// "localhost:7480" without the port; "[::1]:7480" without port and brackets.
std::string_view name_of(std::string_view host) {
  if (host.starts_with('['))
    return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

bool is_loopback(std::string_view host) {
  const auto name = name_of(host);
  return host.empty() || same_word(name, "localhost") || name == "::1"
         || (name.starts_with("127.")
             && name.find_first_not_of("0123456789.") == std::string_view::npos);
}

std::optional<problem> foreign(const request& request) {
  if (!is_loopback(request.host))
    return problem{
      403, "foreign_host",
      fmt::format(
        "this node has neither tokens nor users and accepts loopback host names only, not \"{}\"",
        request.host),
      "use http://127.0.0.1, or make a user or a token"};
  const auto at = request.origin.find("://");
  if (!request.origin.empty()
      && (at == std::string::npos || request.origin.substr(at + 3) != request.host))
    return problem{403, "foreign_origin", "this request comes from a page of another site",
                   "open the node's own page, or make a user or a token"};
  return std::nullopt;
}

/// The value of a cookie; empty: there is none.
std::string_view cookie_in(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    auto one = header.substr(0, header.find(';'));
    header.remove_prefix(std::min(header.size(), one.size() + 1));
    one.remove_prefix(std::min(one.size(), one.find_first_not_of(' ')));
    if (one.size() > name.size() && one.starts_with(name) && one[name.size()] == '=')
      return one.substr(name.size() + 1);
  }
  return {};
}

/// A cookie comes with every request of a browser, also with those that a page of another site makes.
std::optional<problem> from_other_page(const request& request) {
  const bool reads = request.method == "GET" || request.method == "HEAD";
  const auto at = request.origin.find("://");
  const bool own = request.origin.empty()
                   || (at != std::string::npos && request.origin.substr(at + 3) == request.host);
  if (reads || own)
    return std::nullopt;
  return problem{403, "foreign_origin", "this request comes from a page of another site",
                 "open the node's own page"};
}

const char* who_may(daemon::permission wanted) {
  switch (wanted) {
  case daemon::permission::be_known:
    return "viewer, operator, admin, gateway or relay";
  case daemon::permission::send:
    return "gateway, relay or admin";
  case daemon::permission::read:
    return "viewer, operator or admin";
  case daemon::permission::operate:
    return "operator or admin";
  case daemon::permission::administer:
    return "admin";
  case daemon::permission::manage:
    return "admin, for all machines of the farm";
  case daemon::permission::watch:
    return "viewer, operator or admin, and farm = \"*\"";
  case daemon::permission::oversee:
    return "operator or admin, and farm = \"*\"";
  case daemon::permission::govern:
    return "admin, and farm = \"*\"";
  }
  return "another role";
}

} // namespace

std::variant<daemon::credential, problem>
guard::admit(const request& request, std::optional<daemon::permission> needs) const {
  if (access_->open()) {
    if (auto wrong = foreign(request))
      return *wrong;
    daemon::credential local{"default", daemon::role::admin, {}, true};
    local.name = "local";
    return local;
  }
  if (!needs)
    return daemon::credential{}; // an open route needs no credential
  if (!access_->ready())
    return problem{503, "not_ready", "this node has not read yet who has access",
                   "wait until its database answers: /ready tells"};
  constexpr std::string_view scheme = "Bearer ";
  std::string_view given = request.authorization;
  if (given.empty()) {
    given = cookie_in(request.cookie, session_cookie(request.secure));
    if (given.empty())
      return problem{401, "no_token", "this request needs a token",
                     "log in, or send `Authorization: Bearer TOKEN`; with furrow: --token-file or "
                     "FURROW_TOKEN"};
    if (auto wrong = from_other_page(request))
      return *wrong;
  } else if (!same_word(given.substr(0, scheme.size()), scheme))
    return problem{401, "wrong_scheme", "only bearer tokens are accepted",
                   "send `Authorization: Bearer TOKEN`"};
  else
    given.remove_prefix(scheme.size());
  auto found = access_->find(given, daemon::wall_clock_us());
  if (found.expired)
    return problem{401, expired_token, "this token or session has expired",
                   "log in again, or ask an admin for a new token"};
  auto& who = found.who;
  if (!who)
    return problem{401, unknown_token, "this node does not know this token",
                   "log in with `furrow login`, or make a token with `furrow token new NAME`"};
  if (!who->may(*needs))
    return problem{403, "not_permitted",
                   fmt::format("the role {} {} may not do this", daemon::to_string(who->role),
                               who->every_farm ? "of the node" : "of one farm"),
                   fmt::format("use a token with the role {}", who_may(*needs))};
  return std::move(*who);
}

} // namespace furrow::http
