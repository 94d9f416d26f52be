#include "tools/json/people_json.hpp"

#include "tools/json/rfc3339.hpp"

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::json_rows {

namespace {

void add_reach(json& to,
               const storage::identity_key& key,
               const std::vector<std::string>& farms,
               const std::vector<std::string>& equipment) {
  to["name"] = key.name;
  to["belongs_to"] = key.farm.empty() ? json("node") : json("farm");
  if (!key.farm.empty())
    to["farms"] = json::array({key.farm});
  else if (farms.empty())
    to["farms"] = json::array({"*"});
  else
    to["farms"] = farms;
  to["equipment"] = equipment;
}

} // namespace

json time_or_null(const std::optional<std::int64_t>& time_us) {
  return time_us ? json(format_time(*time_us)) : json(nullptr);
}

json to_json(const storage::user_row& user) {
  json made;
  add_reach(made, user.key, user.farms, user.equipment);
  made["title"] = user.title;
  made["role"] = user.role;
  made["status"] = user.status;
  made["has_password"] = user.has_password;
  made["last_login"] = time_or_null(user.last_login_us);
  made["created"] = format_time(user.created_us);
  made["version"] = user.version;
  return made;
}

json to_json(const storage::token_row& token) {
  json made;
  add_reach(made, token.key, token.farms, token.equipment);
  made["role"] = token.role;
  made["expires"] = time_or_null(token.expires_us);
  made["last_used"] = time_or_null(token.last_used_us);
  made["created"] = format_time(token.created_us);
  made["created_by"] = token.created_by;
  return made;
}

json to_json(const storage::audit_row& row) {
  const auto value = [](const std::string& text) {
    auto made = json::parse(text, nullptr, false);
    return text.empty() || made.is_discarded() ? json(nullptr) : made;
  };
  return {{"id", row.id},
          {"time", format_time(row.time_us)},
          {"who", row.who},
          {"from", row.origin},
          {"farm", row.farm.empty() ? json(nullptr) : json(row.farm)},
          {"action", row.action},
          {"object", row.object},
          {"detail", row.detail},
          {"before", value(row.before)},
          {"after", value(row.after)}};
}

} // namespace furrow::json_rows
