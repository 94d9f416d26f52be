#include "storage/identity/identity_rows.hpp"
#include "storage/identity/password.hpp"
#include "tools/furrowd/api/people/people.hpp"
#include "tools/furrowd/api/people/people_list.hpp"
#include "tools/json/people_json.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

using storage::identity_key;
using storage::identity_outcome;
using storage::user_row;

answer list_users(api_context& of, call call) {
  auto* const people = people_of(of);
  if (people == nullptr)
    co_return co_await not_kept(of, std::move(call));
  const auto list = [people](const auto& query, auto done) {
    people->list_users(query, std::move(done));
  };
  co_return co_await list_people<user_row>(of, std::move(call), "users", json_rows::user_sort_keys,
                                           list);
}

answer show_user(api_context& of, call call) {
  if (people_of(of) == nullptr)
    co_return co_await not_kept(of, std::move(call));
  identity_key key{home_of(call), call.path.at("name")};
  const auto found = co_await find_user(of, std::move(key));
  if (const auto* wrong = std::get_if<problem>(&found))
    co_return to_response(*wrong);
  co_return ok(to_json(std::get<storage::stored_login>(found).user));
}

/// The hash of a given password, or of a new one that `shown` gets; empty: no password is wanted.
boost::asio::awaitable<std::variant<std::string, problem>> new_password(
  api_context& of, std::optional<std::string> chosen, std::string name, std::string& shown) {
  if (chosen) {
    if (auto fault = weak(*chosen, name))
      co_return *fault;
  } else {
    chosen = storage::random_password();
    if (!chosen)
      co_return problem{500, "internal", "the system has no random bytes", "try again"};
    shown = *chosen;
  }
  const auto start = [&](auto done) { of.logins->hash(*chosen, std::move(done)); };
  const auto hash = co_await ask<std::optional<std::string>>(start, answer_limit);
  if (!hash || !*hash)
    co_return problem{503, "busy", "too many passwords are being checked", "try again"};
  co_return **hash;
}

answer add_user(api_context& of, call call) {
  auto* const people = people_of(of);
  if (people == nullptr)
    co_return co_await not_kept(of, std::move(call));
  const auto body = read_body(
    call.body, {"name", "farm", "farms", "role", "title", "equipment", "password", "no_password"});
  if (const auto* wrong = std::get_if<problem>(&body))
    co_return to_response(*wrong);
  const auto& members = std::get<json>(body);
  const auto reached = reach_in(members, call);
  if (const auto* wrong = std::get_if<problem>(&reached))
    co_return to_response(*wrong);
  std::optional<problem> fault;
  user_row user;
  user.key = {std::get<reach>(reached).home, text_in(members, "name", fault).value_or("")};
  user.farms = std::get<reach>(reached).farms;
  user.role = text_in(members, "role", fault).value_or("viewer");
  user.title = text_in(members, "title", fault).value_or("");
  user.equipment = names_in(members, "equipment", fault).value_or(std::vector<std::string>{});
  auto chosen = text_in(members, "password", fault);
  const bool without = flag_in(members, "no_password", fault);
  if (fault)
    co_return to_response(*fault);
  if (auto wrong = storage::fault_of(user); !wrong.empty())
    co_return to_response(to_problem(storage::identity_refusal::invalid, wrong));
  const bool admin_of_node = user.key.farm.empty() && user.farms.empty() && user.role == "admin";
  if (const auto wrong = first_is_admin(of, admin_of_node))
    co_return to_response(*wrong);
  std::string shown;
  std::string hash;
  if (!without) {
    auto made = co_await new_password(of, std::move(chosen), user.key.name, shown);
    if (const auto* wrong = std::get_if<problem>(&made))
      co_return to_response(*wrong);
    hash = std::get<std::string>(std::move(made));
  }
  const auto start = [&](auto done) {
    people->add_user(user, hash, false, author_of(call), std::move(done));
  };
  auto said = co_await ask_store<identity_outcome<user_row>>(start, answer_limit);
  const auto row = row_of(std::move(said));
  if (const auto* wrong = std::get_if<problem>(&row))
    co_return to_response(*wrong);
  co_await learn(of);
  auto answer = to_json(std::get<user_row>(row));
  if (!shown.empty())
    answer["password"] = shown;
  co_return ok(answer, 201);
}

answer change_user(api_context& of, call call) {
  auto* const people = people_of(of);
  if (people == nullptr)
    co_return co_await not_kept(of, std::move(call));
  const auto body = read_body(call.body, {"name", "role", "title", "status", "farms", "equipment",
                                          "password", "new_password", "version"});
  if (const auto* wrong = std::get_if<problem>(&body))
    co_return to_response(*wrong);
  const auto& members = std::get<json>(body);
  std::optional<problem> fault;
  storage::user_change change;
  change.role = text_in(members, "role", fault);
  change.title = text_in(members, "title", fault);
  change.status = text_in(members, "status", fault);
  change.farms = names_in(members, "farms", fault);
  change.equipment = names_in(members, "equipment", fault);
  const auto chosen = text_in(members, "password", fault);
  const bool fresh = flag_in(members, "new_password", fault);
  if (const auto version = members.find("version"); version != members.end())
    change.version = version->is_number_integer() ? version->get<std::int64_t>() : -1;
  if (fault)
    co_return to_response(*fault);
  if (change.farms && *change.farms == std::vector<std::string>{"*"})
    change.farms->clear();
  const identity_key key{home_of(call), call.path.at("name")};
  std::string shown;
  if (chosen || fresh) {
    auto made = co_await new_password(of, chosen, key.name, shown);
    if (const auto* wrong = std::get_if<problem>(&made))
      co_return to_response(*wrong);
    change.password = std::get<std::string>(std::move(made));
  }
  const auto start = [&](auto done) {
    people->change_user(key, change, author_of(call), std::move(done));
  };
  auto said = co_await ask_store<identity_outcome<user_row>>(start, answer_limit);
  const auto row = row_of(std::move(said));
  if (const auto* wrong = std::get_if<problem>(&row))
    co_return to_response(*wrong);
  co_await learn(of);
  auto answer = to_json(std::get<user_row>(row));
  if (!shown.empty())
    answer["password"] = shown;
  co_return ok(answer);
}

answer remove_user(api_context& of, call call) {
  auto* const people = people_of(of);
  if (people == nullptr)
    co_return co_await not_kept(of, std::move(call));
  const identity_key key{home_of(call), call.path.at("name")};
  const auto start = [&](auto done) { people->remove_user(key, author_of(call), std::move(done)); };
  auto said = co_await ask_store<identity_outcome<user_row>>(start, answer_limit);
  const auto row = row_of(std::move(said));
  if (const auto* wrong = std::get_if<problem>(&row))
    co_return to_response(*wrong);
  co_await learn(of);
  json answer{{"removed", to_text(key)}};
  co_return ok(answer);
}

} // namespace

boost::asio::awaitable<std::variant<storage::stored_login, problem>> find_user(api_context& of,
                                                                               identity_key key) {
  const auto start = [&](auto done) { people_of(of)->find_user(key, std::move(done)); };
  auto said = co_await ask_store<storage::stored_login>(start, answer_limit);
  if (auto* wrong = std::get_if<problem>(&said); wrong != nullptr && wrong->status == 404)
    wrong->hint = "`furrow user list` shows them";
  co_return said;
}

std::optional<problem> weak(const std::string& password, const std::string& name) {
  if (password.size() < storage::password_bytes_min
      || password.size() > storage::password_bytes_max)
    return problem{400, "weak_password",
                   fmt::format("a password has {} to {} bytes", storage::password_bytes_min,
                               storage::password_bytes_max),
                   "choose a longer one, such as four words"};
  if (password == name)
    return problem{400, "weak_password", "the password is the user's name", "choose another one"};
  return std::nullopt;
}

std::optional<problem> first_is_admin(api_context& of, bool admin_of_node) {
  if (admin_of_node || !of.access->open())
    return std::nullopt;
  return problem{409, "no_admin", "nobody could use this node afterwards: it has no admin yet",
                 "make an admin of the node first: furrow user add NAME --role admin --farm '*'"};
}

void add_user_routes(router& to, api_context& of) {
  using enum daemon::permission;
  to.add(
    {"GET", "/api/v1/users", manage, {"sort", "after", "after_farm", "limit"}, on(of, list_users)});
  to.add({"POST", "/api/v1/users", manage, {}, on(of, add_user)});
  to.add({"GET", "/api/v1/users/{name}", manage, {}, on(of, show_user)});
  to.add({"PATCH", "/api/v1/users/{name}", manage, {}, on(of, change_user)});
  to.add({"DELETE", "/api/v1/users/{name}", manage, {}, on(of, remove_user)});
}

} // namespace furrow::http
