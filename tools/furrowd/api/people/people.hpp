/// What the handlers of users, tokens, sessions and the audit log share.
///
/// Threads: as resources.hpp.
#pragma once

#include "storage/identity/identities.hpp"
#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/people/people_json.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/furrowd/http/ask_store.hpp"

#include <string>
#include <utility>
#include <variant>

namespace furrow::http {

/// nullptr: the node's database keeps none.
[[nodiscard]] inline storage::identity_store* people_of(api_context& of) {
  return storage::identities_of(of.node.store);
}

/// After a change: this node knows it before it answers. The others see it within seconds.
[[nodiscard]] inline boost::asio::awaitable<void> learn(api_context& of) {
  constexpr std::chrono::milliseconds learn_limit{5'000};
  if (!of.refresh_access)
    co_return;
  const auto start = [&of](auto done) { of.refresh_access([done] { done(true); }); };
  (void)co_await ask<bool>(start, learn_limit);
}

/// The row, or why there is none.
template <class Row>
[[nodiscard]] std::variant<Row, problem>
row_of(std::variant<storage::identity_outcome<Row>, problem> said) {
  if (auto* wrong = std::get_if<problem>(&said))
    return std::move(*wrong);
  auto& outcome = std::get<storage::identity_outcome<Row>>(said);
  if (outcome.refused != storage::identity_refusal::none)
    return to_problem(outcome.refused, outcome.detail);
  return std::move(outcome.row);
}

/// The user of a path or parameter, among those that the caller may manage.
[[nodiscard]] boost::asio::awaitable<std::variant<storage::stored_login, problem>>
find_user(api_context& of, storage::identity_key key);

/// The fault of a password that a person chose.
[[nodiscard]] std::optional<problem> weak(const std::string& password, const std::string& name);

/// While the node is open, the first to be made is an admin of the node: nobody could get in otherwise.
[[nodiscard]] std::optional<problem> first_is_admin(api_context& of, bool admin_of_node);

} // namespace furrow::http
