#include "storage/identity/password.hpp"
#include "tools/furrowd/api/people/people.hpp"
#include "tools/furrowd/api/people/people_list.hpp"
#include "tools/json/people_json.hpp"
#include "tools/json/rfc3339.hpp"

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

using storage::identity_key;
using storage::identity_outcome;
using storage::token_row;

answer list_tokens(api_context& of, call call) {
  auto* const people = people_of(of);
  if (people == nullptr)
    co_return co_await not_kept(of, std::move(call));
  const auto list = [people](const auto& query, auto done) {
    people->list_tokens(query, std::move(done));
  };
  co_return co_await list_people<token_row>(of, std::move(call), "tokens",
                                            json_rows::token_sort_keys, list);
}

answer one_token(api_context& of, call call) {
  auto* const people = people_of(of);
  if (people == nullptr)
    co_return co_await not_kept(of, std::move(call));
  storage::identity_query query;
  query.farm = home_of(call);
  query.name = call.path.at("name");
  query.rows_max = 1;
  const auto start = [&](auto done) { people->list_tokens(query, std::move(done)); };
  const auto said = co_await ask_store<std::vector<token_row>>(start, answer_limit);
  if (const auto* wrong = std::get_if<problem>(&said))
    co_return to_response(*wrong);
  const auto& rows = std::get<std::vector<token_row>>(said);
  if (rows.empty())
    co_return to_response({404, "not_found",
                           "there is no token " + to_text(identity_key{*query.farm, query.name}),
                           "`furrow token list` shows them"});
  co_return ok(to_json(rows.front()));
}

answer add_token(api_context& of, call call) {
  auto* const people = people_of(of);
  if (people == nullptr)
    co_return co_await not_kept(of, std::move(call));
  const auto body = read_body(call.body, {"name", "farm", "farms", "role", "equipment", "expires"});
  if (const auto* wrong = std::get_if<problem>(&body))
    co_return to_response(*wrong);
  const auto& members = std::get<json>(body);
  const auto reached = reach_in(members, call);
  if (const auto* wrong = std::get_if<problem>(&reached))
    co_return to_response(*wrong);
  std::optional<problem> fault;
  token_row token;
  token.key = {std::get<reach>(reached).home, text_in(members, "name", fault).value_or("")};
  token.farms = std::get<reach>(reached).farms;
  token.role = text_in(members, "role", fault).value_or("gateway");
  token.equipment = names_in(members, "equipment", fault).value_or(std::vector<std::string>{});
  if (const auto expires = text_in(members, "expires", fault)) {
    token.expires_us = json_rows::parse_time(*expires);
    if (!token.expires_us)
      fault = problem{400, "bad_body", "invalid value of \"expires\"",
                      "write a time such as 2027-12-31T00:00:00Z"};
  }
  if (fault)
    co_return to_response(*fault);
  if (const auto wrong = first_is_admin(of, false))
    co_return to_response(*wrong);
  const auto secret = storage::random_token("fur_");
  if (!secret)
    co_return to_response({500, "internal", "the system has no random bytes", "try again"});
  token.sha256 = storage::sha256_of(*secret);
  const auto start = [&](auto done) { people->add_token(token, author_of(call), std::move(done)); };
  auto said = co_await ask_store<identity_outcome<token_row>>(start, answer_limit);
  const auto row = row_of(std::move(said));
  if (const auto* wrong = std::get_if<problem>(&row))
    co_return to_response(*wrong);
  co_await learn(of);
  auto answer = to_json(std::get<token_row>(row));
  answer["token"] = *secret;
  co_return ok(answer, 201);
}

answer revoke_token(api_context& of, call call) {
  auto* const people = people_of(of);
  if (people == nullptr)
    co_return co_await not_kept(of, std::move(call));
  const identity_key key{home_of(call), call.path.at("name")};
  const auto start = [&](auto done) {
    people->remove_token(key, author_of(call), std::move(done));
  };
  auto said = co_await ask_store<identity_outcome<token_row>>(start, answer_limit);
  const auto row = row_of(std::move(said));
  if (const auto* wrong = std::get_if<problem>(&row))
    co_return to_response(*wrong);
  co_await learn(of);
  json answer{{"revoked", to_text(key)}};
  co_return ok(answer);
}

} // namespace

void add_token_routes(router& to, api_context& of) {
  using enum daemon::permission;
  to.add({"GET",
          "/api/v1/tokens",
          manage,
          {"sort", "after", "after_farm", "limit"},
          on(of, list_tokens)});
  to.add({"POST", "/api/v1/tokens", manage, {}, on(of, add_token)});
  to.add({"GET", "/api/v1/tokens/{name}", manage, {}, on(of, one_token)});
  to.add({"DELETE", "/api/v1/tokens/{name}", manage, {}, on(of, revoke_token)});
}

} // namespace furrow::http
