#include "actors/log/log.hpp"
#include "storage/identity/password.hpp"
#include "tools/furrowd/api/people/people.hpp"
#include "tools/furrowd/http/guard.hpp"
#include "tools/json/rfc3339.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

using storage::identity_key;
using storage::identity_outcome;
using storage::session_row;
using storage::stored_login;

/// "north/anna", and of the node "anna": names have no slash.
identity_key key_of(const std::string& text) {
  const auto slash = text.find('/');
  return slash == std::string::npos ? identity_key{"", text}
                                    : identity_key{text.substr(0, slash), text.substr(slash + 1)};
}

problem too_many_attempts(std::chrono::milliseconds wait) {
  problem made{429, "too_many_attempts", "too many failed logins from here, or for this user",
               "wait as long as Retry-After says", ""};
  made.retry_after = std::chrono::ceil<std::chrono::seconds>(wait);
  return made;
}

problem wrong_login() {
  return {401, "wrong_login", "wrong user or password",
          "a user of a farm other than default logs in as FARM/USER", ""};
}

std::string cookie_text(const call& call, const std::string& token, std::chrono::seconds age) {
  return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{}",
                     session_cookie(call.secure), token, age.count(),
                     call.secure ? "; Secure" : "");
}

/// The user who logs in: of the named farm; else of the node, else of the farm `default`. Nothing: there is none.
boost::asio::awaitable<std::variant<std::optional<stored_login>, problem>>
user_named(api_context& of, std::string name, std::optional<std::string> farm) {
  std::vector<identity_key> keys;
  if (farm)
    keys.push_back({*farm == "*" ? "" : *farm, name});
  else if (name.find('/') != std::string::npos)
    keys.push_back(key_of(name));
  else
    keys = {{"", name}, {"default", name}};
  for (const auto& key : keys) {
    auto found = co_await find_user(of, key);
    if (auto* login = std::get_if<stored_login>(&found))
      co_return std::optional{std::move(*login)};
    if (std::get<problem>(found).status != 404)
      co_return std::get<problem>(std::move(found));
  }
  co_return std::optional<stored_login>{};
}

/// Whether the password is right; a problem when it could not be checked, or was wrong.
boost::asio::awaitable<std::optional<problem>> check_password(
  api_context& of, call& call, std::string name, std::string password, std::string hash) {
  const auto start = [&](auto done) { of.logins->check(password, hash, std::move(done)); };
  const auto right = co_await ask<std::optional<bool>>(start, answer_limit);
  if (!right || !*right)
    co_return problem{503, "busy", "too many passwords are being checked", "try again"};
  if (**right) {
    of.logins->succeeded(name);
    co_return std::nullopt;
  }
  if (const auto count = of.logins->failed(call.from, name))
    log::warn(log::http, "login_failed", {.peer = call.from, .count = *count},
              "HTTP: failed login from {} ({} failed since the last such line); further ones wait",
              call.from, *count);
  co_return wrong_login();
}

std::string attempt_name(const std::string& user, const std::optional<std::string>& farm) {
  constexpr std::size_t name_max = 130; // a farm, a slash and a name
  return (farm ? *farm + "/" + user : user).substr(0, name_max);
}

answer log_in(api_context& of, call call) {
  auto* const people = people_of(of);
  if (people == nullptr)
    co_return co_await not_kept(of, std::move(call));
  const auto body = read_body(call.body, {"user", "password", "farm", "cookie"});
  if (const auto* wrong = std::get_if<problem>(&body))
    co_return to_response(*wrong);
  const auto& members = std::get<json>(body);
  std::optional<problem> fault;
  const auto user = text_in(members, "user", fault).value_or("");
  const auto password = text_in(members, "password", fault).value_or("");
  const auto farm = text_in(members, "farm", fault);
  const bool cookie = flag_in(members, "cookie", fault);
  if (fault)
    co_return to_response(*fault);
  const auto name = attempt_name(user, farm);
  if (const auto wait = of.logins->wait_of(call.from, name); wait.count() > 0)
    co_return to_response(too_many_attempts(wait));
  auto found = co_await user_named(of, user, farm);
  if (const auto* wrong = std::get_if<problem>(&found))
    co_return to_response(*wrong);
  const auto& login = std::get<std::optional<stored_login>>(found);
  const bool active = login && login->user.status == "active";
  // A user who does not exist, or is disabled, takes as long as one with a wrong password.
  const auto hash = active ? login->password : std::string{};
  auto refused = co_await check_password(of, call, name, password, hash);
  if (refused)
    co_return to_response(*refused);
  const auto token = storage::random_token("fus_");
  if (!token)
    co_return to_response({500, "internal", "the system has no random bytes", "try again"});
  const std::chrono::seconds age = of.sessions.total;
  session_row session;
  session.user = login->user.id;
  session.sha256 = storage::sha256_of(*token);
  session.origin = call.from;
  session.expires_us =
    daemon::wall_clock_us() + std::chrono::duration_cast<std::chrono::microseconds>(age).count();
  const storage::author by{to_text(login->user.key), call.from};
  const auto start = [&](auto done) { people->open_session(session, by, std::move(done)); };
  auto said = co_await ask_store<identity_outcome<session_row>>(start, answer_limit);
  const auto row = row_of(std::move(said));
  if (const auto* wrong = std::get_if<problem>(&row))
    co_return to_response(*wrong);
  co_await learn(of);
  json answer{{"user", to_json(login->user)},
              {"expires", json_rows::format_time(session.expires_us)}};
  if (!cookie)
    answer["token"] = *token;
  auto made = ok(answer);
  if (cookie)
    made.headers.emplace_back("Set-Cookie", cookie_text(call, *token, age));
  co_return made;
}

problem no_session() {
  return {400, "no_session", "this request has no session of a person", "log in: furrow login"};
}

/// Ends sessions of a user; answers how many.
answer end_sessions(api_context& of, call& call, storage::session_selection which) {
  const auto start = [&](auto done) {
    people_of(of)->close_sessions(which, author_of(call), std::move(done));
  };
  const auto said = co_await ask_store<std::uint64_t>(start, answer_limit);
  if (const auto* wrong = std::get_if<problem>(&said))
    co_return to_response(*wrong);
  co_await learn(of);
  json answer{{"ended", std::get<std::uint64_t>(said)}};
  co_return ok(answer);
}

answer log_out(api_context& of, call call) {
  if (people_of(of) == nullptr)
    co_return co_await not_kept(of, std::move(call));
  if (call.who.kind != daemon::credential_kind::session)
    co_return to_response(no_session());
  const storage::session_selection own{call.who.user, call.who.id};
  auto made = co_await end_sessions(of, call, own);
  if (made.status == 200)
    made.headers.emplace_back("Set-Cookie", cookie_text(call, "", std::chrono::seconds{0}));
  co_return made;
}

answer show_me(api_context& /*of*/, call call) {
  co_return ok(to_json(call.who));
}

answer change_own_password(api_context& of, call call) {
  auto* const people = people_of(of);
  if (people == nullptr)
    co_return co_await not_kept(of, std::move(call));
  if (call.who.kind != daemon::credential_kind::session)
    co_return to_response(no_session());
  const auto body = read_body(call.body, {"old", "new"});
  if (const auto* wrong = std::get_if<problem>(&body))
    co_return to_response(*wrong);
  std::optional<problem> fault;
  const auto before = text_in(std::get<json>(body), "old", fault).value_or("");
  const auto after = text_in(std::get<json>(body), "new", fault).value_or("");
  const auto key = key_of(call.who.name);
  if (!fault)
    fault = weak(after, key.name);
  if (fault)
    co_return to_response(*fault);
  if (const auto wait = of.logins->wait_of(call.from, call.who.name); wait.count() > 0)
    co_return to_response(too_many_attempts(wait));
  const auto found = co_await find_user(of, key);
  if (const auto* wrong = std::get_if<problem>(&found))
    co_return to_response(*wrong);
  auto refused = co_await check_password(of, call, call.who.name, before,
                                         std::get<stored_login>(found).password);
  if (refused) {
    refused->status = refused->status == 401 ? 403 : refused->status; // the session goes on
    co_return to_response(*refused);
  }
  const auto hashing = [&](auto done) { of.logins->hash(after, std::move(done)); };
  const auto hash = co_await ask<std::optional<std::string>>(hashing, answer_limit);
  if (!hash || !*hash)
    co_return to_response({503, "busy", "too many passwords are being checked", "try again"});
  storage::user_change change;
  change.password = **hash;
  change.keep_session = call.who.id;
  const auto start = [&](auto done) {
    people->change_user(key, change, author_of(call), std::move(done));
  };
  auto said = co_await ask_store<identity_outcome<storage::user_row>>(start, answer_limit);
  const auto row = row_of(std::move(said));
  if (const auto* wrong = std::get_if<problem>(&row))
    co_return to_response(*wrong);
  co_await learn(of);
  json answer{{"changed", call.who.name}};
  co_return ok(answer);
}

/// Whose sessions a call is about: the caller's own, or those of a user that the caller manages.
boost::asio::awaitable<std::variant<std::int64_t, problem>> user_of(api_context& of, call& call) {
  const auto* name = given(call, "user");
  if (name == nullptr) {
    if (call.who.kind != daemon::credential_kind::session)
      co_return no_session();
    co_return call.who.user;
  }
  if (!call.who.may(daemon::permission::manage))
    co_return problem{403, "not_permitted", "only an admin sees the sessions of others",
                      "leave out the parameter user"};
  identity_key key{home_of(call), *name};
  const auto found = co_await find_user(of, std::move(key));
  if (const auto* wrong = std::get_if<problem>(&found))
    co_return *wrong;
  co_return std::get<stored_login>(found).user.id;
}

answer list_sessions(api_context& of, call call) {
  auto* const people = people_of(of);
  if (people == nullptr)
    co_return co_await not_kept(of, std::move(call));
  const auto user = co_await user_of(of, call);
  if (const auto* wrong = std::get_if<problem>(&user))
    co_return to_response(*wrong);
  const auto start = [&](auto done) {
    people->list_sessions(std::get<std::int64_t>(user), std::move(done));
  };
  const auto said = co_await ask_store<std::vector<session_row>>(start, answer_limit);
  if (const auto* wrong = std::get_if<problem>(&said))
    co_return to_response(*wrong);
  json list = json::array();
  for (const auto& row : std::get<std::vector<session_row>>(said))
    list.push_back(
      to_json(row, call.who.kind == daemon::credential_kind::session && row.id == call.who.id));
  json answer{{"sessions", std::move(list)}};
  co_return ok(answer);
}

answer close_sessions(api_context& of, call call) {
  if (people_of(of) == nullptr)
    co_return co_await not_kept(of, std::move(call));
  storage::session_selection which;
  if (const auto id = call.path.find("id"); id != call.path.end()) {
    const auto& text = id->second;
    const auto* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, which.id);
    if (error != std::errc{} || at != end || which.id <= 0)
      co_return to_response(bad_parameter("id", text, "it is the number that the list shows"));
  }
  const auto user = co_await user_of(of, call);
  if (const auto* wrong = std::get_if<problem>(&user))
    co_return to_response(*wrong);
  which.user = std::get<std::int64_t>(user);
  co_return co_await end_sessions(of, call, which);
}

} // namespace

void add_session_routes(router& to, api_context& of) {
  using enum daemon::permission;
  to.add({"POST", "/api/v1/login", {}, {}, on(of, log_in)});
  to.add({"POST", "/api/v1/logout", be_known, {}, on(of, log_out)});
  to.add({"GET", "/api/v1/me", be_known, {}, on(of, show_me), false});
  to.add({"PUT", "/api/v1/me/password", be_known, {}, on(of, change_own_password)});
  to.add({"GET", "/api/v1/sessions", be_known, {"user"}, on(of, list_sessions)});
  to.add({"DELETE", "/api/v1/sessions", be_known, {"user"}, on(of, close_sessions)});
  to.add({"DELETE", "/api/v1/sessions/{id}", be_known, {"user"}, on(of, close_sessions)});
}

} // namespace furrow::http
