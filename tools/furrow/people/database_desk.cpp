#include "storage/identity/identities.hpp"
#include "storage/identity/password.hpp"
#include "tools/furrow/database/confirm.hpp"
#include "tools/furrow/database/direct.hpp"
#include "tools/furrow/people/people_desk.hpp"
#include "tools/json/people_json.hpp"
#include "tools/json/rfc3339.hpp"

#include <fmt/format.h>

#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace furrow::cli {

namespace {

using json_rows::to_json;
using storage::identity_outcome;
using storage::token_row;
using storage::user_row;

std::vector<std::string> names_of(const json& body, const char* member) {
  const auto found = body.find(member);
  return found == body.end() ? std::vector<std::string>{} : found->get<std::vector<std::string>>();
}

std::string text_of(const json& body, const char* member, const char* otherwise = "") {
  return body.value(member, std::string{otherwise});
}

storage::identity_key key_of(const person_name& who) {
  return {who.farm == "*" ? "" : who.farm, who.name};
}

/// A person with the database's password may do everything.
class direct_desk : public people_desk {
public:
  direct_desk(std::unique_ptr<storage::store> store,
              std::string url,
              std::chrono::milliseconds patience)
    : store_{std::move(store)}, people_{*storage::identities_of(*store_)}, url_{std::move(url)},
      patience_{patience} {}

  result<json> users(const std::string& farm, const list_wish& wish) override {
    auto all = pages<user_row>(
      farm, [this](auto query, auto done) { people_.list_users(query, std::move(done)); });
    return wished(std::move(all), wish, json_rows::user_sort_keys);
  }
  result<json> user(const person_name& who) override {
    const auto found = wait<storage::stored_login>(
      [&](auto done) { people_.find_user(key_of(who), std::move(done)); });
    return found ? result<json>{to_json(found->user)} : found.error();
  }
  result<json> add_user(const json& wanted) override {
    user_row user;
    user.key.name = text_of(wanted, "name");
    reach(wanted, user.key, user.farms);
    user.role = text_of(wanted, "role", "viewer");
    user.title = text_of(wanted, "title");
    user.equipment = names_of(wanted, "equipment");
    std::string shown;
    auto hash = result<std::string>{std::string{}};
    if (!wanted.value("no_password", false))
      hash = hash_of(wanted, shown);
    if (!hash)
      return hash.error();
    return with(shown, wait<identity_outcome<user_row>>([&](auto done) {
                  people_.add_user(user, *hash, false, by_, std::move(done));
                }));
  }
  result<json> change_user(const person_name& who, const json& change) override {
    storage::user_change made;
    for (const auto& [member, into] :
         {std::pair{"title", &made.title}, std::pair{"role", &made.role},
          std::pair{"status", &made.status}})
      if (change.contains(member))
        *into = text_of(change, member);
    if (change.contains("equipment"))
      made.equipment = names_of(change, "equipment");
    if (change.contains("farms"))
      made.farms = names_of(change, "farms");
    if (made.farms && *made.farms == std::vector<std::string>{"*"})
      made.farms->clear();
    std::string shown;
    if (change.contains("password") || change.value("new_password", false)) {
      auto hash = hash_of(change, shown);
      if (!hash)
        return hash.error();
      made.password = *hash;
    }
    return with(shown, wait<identity_outcome<user_row>>([&](auto done) {
                  people_.change_user(key_of(who), made, by_, std::move(done));
                }));
  }
  result<json> remove_user(const person_name& who) override {
    return with({}, wait<identity_outcome<user_row>>(
                      [&](auto done) { people_.remove_user(key_of(who), by_, std::move(done)); }));
  }
  result<json> tokens(const std::string& farm, const list_wish& wish) override {
    auto all = pages<token_row>(
      farm, [this](auto query, auto done) { people_.list_tokens(query, std::move(done)); });
    return wished(std::move(all), wish, json_rows::token_sort_keys);
  }
  result<json> add_token(const json& wanted) override {
    const auto secret = storage::random_token("fur_");
    if (!secret)
      return failure{errc::failed, "the operating system gave no random numbers (try again)"};
    token_row token;
    token.key.name = text_of(wanted, "name");
    reach(wanted, token.key, token.farms);
    token.role = text_of(wanted, "role", "gateway");
    token.equipment = names_of(wanted, "equipment");
    token.sha256 = storage::sha256_of(*secret);
    if (wanted.contains("expires"))
      token.expires_us = json_rows::parse_time(text_of(wanted, "expires"));
    auto made = with({}, wait<identity_outcome<token_row>>(
                           [&](auto done) { people_.add_token(token, by_, std::move(done)); }));
    if (made)
      (*made)["token"] = *secret;
    return made;
  }
  result<json> revoke_token(const person_name& which) override {
    return with({}, wait<identity_outcome<token_row>>([&](auto done) {
                  people_.remove_token(key_of(which), by_, std::move(done));
                }));
  }
  result<json> audit(const std::string& farm, std::size_t limit) override {
    storage::audit_query query;
    query.rows_max = limit;
    if (!farm.empty())
      query.farm = farm == "*" ? "" : farm;
    const auto rows = wait<std::vector<storage::audit_row>>(
      [&](auto done) { storage::audit_of(*store_)->list(query, std::move(done)); });
    if (!rows)
      return rows.error();
    auto list = json::array();
    for (const auto& row : *rows)
      list.push_back(to_json(row));
    return list;
  }

private:
  template <class T, class Start>
  result<T> wait(Start start) {
    return wait_for<T>(std::move(start), url_, patience_);
  }
  static void
  reach(const json& wanted, storage::identity_key& key, std::vector<std::string>& farms) {
    farms = names_of(wanted, "farms");
    const auto farm = text_of(wanted, "farm", farms.empty() ? "default" : "*");
    key.farm = farm == "*" ? "" : farm;
  }
  /// Of the password in the body, or of a new one that `shown` gets.
  static result<std::string> hash_of(const json& body, std::string& shown) {
    auto password = text_of(body, "password");
    if (password.empty()) {
      const auto made = storage::random_password();
      password = shown = made.value_or("");
    } else if (password.size() < storage::password_bytes_min)
      return failure{errc::usage,
                     fmt::format("a password has at least {} bytes (choose a longer one, "
                                 "such as four words)",
                                 storage::password_bytes_min)};
    const auto hash = storage::hash_of_password(password);
    return hash ? result<std::string>{*hash}
                : failure{errc::failed, "the password is too long, or there are no random numbers"};
  }
  template <class Row>
  result<json> with(const std::string& password, const result<identity_outcome<Row>>& outcome) {
    if (!outcome)
      return outcome.error();
    if (outcome->refused != storage::identity_refusal::none)
      return failure{outcome->refused == storage::identity_refusal::missing ? errc::not_found
                                                                            : errc::failed,
                     with_url(url_, outcome->detail)};
    auto made = to_json(outcome->row);
    if (!password.empty())
      made["password"] = password;
    return made;
  }
  static result<json>
  wished(result<json> all, const list_wish& wish, std::span<const std::string_view> keys) {
    if (!all)
      return all;
    if (const auto cut = carry_out(wish, keys, *all); !cut)
      return cut.error();
    return all;
  }
  template <class Row, class List>
  result<json> pages(const std::string& farm, List list) {
    storage::identity_query query;
    query.rows_max = storage::identity_page_max;
    if (!farm.empty())
      query.farm = farm == "*" ? "" : farm;
    auto all = json::array();
    for (std::size_t rows = query.rows_max; rows == query.rows_max;) {
      const auto page = wait<std::vector<Row>>([&](auto done) { list(query, std::move(done)); });
      if (!page)
        return page.error();
      rows = page->size();
      for (const auto& row : *page)
        all.push_back(to_json(row));
      if (!page->empty())
        query.after = page->back().key;
    }
    return all;
  }

  std::unique_ptr<storage::store> store_;
  storage::identity_store& people_;
  std::string url_;
  std::chrono::milliseconds patience_;
  storage::author by_{person()};
};

} // namespace

result<std::unique_ptr<people_desk>> database_desk(const globals& globals, const std::string& url) {
  auto store = open_directly(url);
  if (!store)
    return store.error();
  return std::unique_ptr<people_desk>{
    std::make_unique<direct_desk>(std::move(*store), url, globals.timeout())};
}

} // namespace furrow::cli
