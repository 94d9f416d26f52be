#include "storage/identity/identity_rows.hpp"

#include "storage/store.hpp"

#include <utf8.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <span>

#include <nlohmann/json.hpp>

namespace furrow::storage {

namespace {

constexpr std::size_t name_bytes = 64;
constexpr std::size_t title_bytes = 256;

std::optional<std::int64_t> given_number(const std::optional<std::string>& text) {
  std::int64_t value = 0;
  if (!text)
    return std::nullopt;
  const auto* const end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, value);
  return error == std::errc{} && at == end ? std::optional{value} : std::nullopt;
}

std::vector<std::string> names_in(const std::optional<std::string>& text) {
  std::vector<std::string> names;
  const auto list = nlohmann::json::parse(text.value_or("[]"), nullptr, false);
  if (list.is_array())
    for (const auto& name : list)
      if (name.is_string())
        names.push_back(name.get<std::string>());
  return names;
}

bool is_plain(std::string_view text) {
  return utf8::is_valid(text.begin(), text.end())
         && std::none_of(text.begin(), text.end(),
                         [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

bool is_identity_name(std::string_view text) {
  return !text.empty() && text.size() <= name_bytes && text.find('/') == std::string_view::npos
         && text != "*" && is_plain(text);
}

constexpr const char* name_rule =
  " must have 1 to 64 bytes of UTF-8, no slash and no control character, and must not be *";

std::string names_fault(const char* what, const std::vector<std::string>& names) {
  if (names.size() > identity_names_max)
    return std::string{what} + " has at most " + std::to_string(identity_names_max) + " names";
  for (const auto& name : names)
    if (!is_identity_name(name))
      return std::string{"a name in "} + what + name_rule;
  if (std::set<std::string>{names.begin(), names.end()}.size() != names.size())
    return std::string{what} + " has a name twice";
  return {};
}

std::string reach_fault(const identity_key& key,
                        const std::vector<std::string>& farms,
                        const std::vector<std::string>& equipment) {
  if (!is_identity_name(key.name))
    return std::string{"name"} + name_rule;
  if (!key.farm.empty() && !is_identity_name(key.farm))
    return std::string{"farm"} + name_rule;
  if (!key.farm.empty() && !farms.empty())
    return "only a user or token of the node has a list of farms";
  if (key.farm.empty() && !equipment.empty())
    return "only a user or token of one farm has a list of machines";
  if (auto fault = names_fault("farms", farms); !fault.empty())
    return fault;
  return names_fault("equipment", equipment);
}

bool is_one_of(std::string_view word, std::span<const std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

nlohmann::ordered_json reach_json(const identity_key& key,
                                  const std::vector<std::string>& farms,
                                  const std::vector<std::string>& equipment) {
  nlohmann::ordered_json made;
  if (!key.farm.empty())
    made["farm"] = key.farm;
  else if (farms.empty())
    made["farm"] = "*";
  else
    made["farms"] = farms;
  if (!equipment.empty())
    made["equipment"] = equipment;
  return made;
}

std::string dumped(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace

identity_store* identities_of(store& of) {
  auto* const keeper = dynamic_cast<identity_keeper*>(&of);
  return keeper == nullptr ? nullptr : keeper->identities();
}

audit_store* audit_of(store& of) {
  auto* const keeper = dynamic_cast<identity_keeper*>(&of);
  return keeper == nullptr ? nullptr : keeper->audit();
}

std::string to_text(const identity_key& key) {
  return key.farm.empty() ? key.name : key.farm + "/" + key.name;
}

std::int64_t number_in(const std::optional<std::string>& text) {
  return given_number(text).value_or(0);
}

user_row user_in(const sql_cells& cells) {
  const auto text = [&](std::size_t at) { return cells[at].value_or(""); };
  user_row made;
  made.id = number_in(cells[0]);
  made.key = {text(1), text(2)};
  made.title = text(3);
  made.role = text(4);
  made.status = text(5);
  made.farms = names_in(cells[6]);
  made.equipment = names_in(cells[7]);
  made.has_password = text(8) == "1";
  made.version = number_in(cells[9]);
  made.created_us = number_in(cells[10]);
  made.last_login_us = given_number(cells[11]);
  return made;
}

token_row token_in(const sql_cells& cells) {
  const auto text = [&](std::size_t at) { return cells[at].value_or(""); };
  token_row made;
  made.id = number_in(cells[0]);
  made.key = {text(1), text(2)};
  made.sha256 = text(3);
  made.role = text(4);
  made.farms = names_in(cells[5]);
  made.equipment = names_in(cells[6]);
  made.expires_us = given_number(cells[7]);
  made.last_used_us = given_number(cells[8]);
  made.created_by = text(9);
  made.created_us = number_in(cells[10]);
  return made;
}

session_row session_in(const sql_cells& cells) {
  session_row made;
  made.id = number_in(cells[0]);
  made.user = number_in(cells[1]);
  made.sha256 = cells[2].value_or("");
  made.origin = cells[3].value_or("");
  made.created_us = number_in(cells[4]);
  made.last_used_us = number_in(cells[5]);
  made.expires_us = number_in(cells[6]);
  return made;
}

audit_row audit_in(const sql_cells& cells) {
  const auto text = [&](std::size_t at) { return cells[at].value_or(""); };
  audit_row made;
  made.id = number_in(cells[0]);
  made.time_us = number_in(cells[1]);
  made.who = text(2);
  made.action = text(3);
  made.object = text(4);
  made.detail = text(5);
  made.farm = text(6);
  made.origin = text(7);
  made.before = text(8);
  made.after = text(9);
  return made;
}

std::string list_json(const std::vector<std::string>& names) {
  return nlohmann::json(names).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string audit_json(const user_row& user, bool new_password) {
  auto made = reach_json(user.key, user.farms, user.equipment);
  made["role"] = user.role;
  made["status"] = user.status;
  if (!user.title.empty())
    made["title"] = user.title;
  if (new_password)
    made["password"] = "changed";
  return dumped(made);
}

std::string audit_json(const token_row& token) {
  auto made = reach_json(token.key, token.farms, token.equipment);
  made["role"] = token.role;
  if (token.expires_us)
    made["expires_us"] = *token.expires_us;
  return dumped(made);
}

std::string fault_of(const user_row& user) {
  constexpr std::array<std::string_view, 3> roles{"viewer", "operator", "admin"};
  constexpr std::array<std::string_view, 2> statuses{"active", "disabled"};
  if (auto fault = reach_fault(user.key, user.farms, user.equipment); !fault.empty())
    return fault;
  if (user.title.size() > title_bytes || !is_plain(user.title))
    return "title must have at most 256 bytes of UTF-8 and no control character";
  if (!is_one_of(user.role, roles))
    return "role must be viewer, operator or admin";
  if (!is_one_of(user.status, statuses))
    return "status must be active or disabled";
  return {};
}

std::string fault_of(const token_row& token) {
  constexpr std::array<std::string_view, 5> roles{"gateway", "relay", "viewer", "operator",
                                                  "admin"};
  if (auto fault = reach_fault(token.key, token.farms, token.equipment); !fault.empty())
    return fault;
  if (!is_one_of(token.role, roles))
    return "role must be gateway, relay, viewer, operator or admin";
  if ((token.role == "gateway" || token.role == "relay") && token.key.farm.empty())
    return "a gateway or relay sends for one farm: name it";
  if (token.role == "relay" && !token.equipment.empty())
    return "a relay sends for every machine of its farm: leave out equipment";
  if (token.sha256.size() != 64
      || token.sha256.find_first_not_of("0123456789abcdef") != std::string::npos)
    return "sha256 must be 64 lower-case hex digits";
  return {};
}

} // namespace furrow::storage
