#include "tools/furrowd/api/people/people_json.hpp"

#include "tools/json/rfc3339.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

problem bad_member(const char* member, const char* hint) {
  return {400, "bad_body", fmt::format("invalid value of \"{}\"", member), hint};
}

problem other_farm() {
  return {403, "not_permitted", "an admin of one farm gives access to that farm only",
          "name your own farm, or leave it out"};
}

json parsed(const std::string& body) {
  constexpr int depth_max = 3;
  bool too_deep = false;
  const auto keep = [&](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth >= depth_max;
    return !too_deep;
  };
  auto made = json::parse(body, keep, false);
  return too_deep ? json(nullptr) : made;
}

} // namespace

json to_json(const storage::session_row& session, bool current) {
  return {{"id", session.id},
          {"from", session.origin},
          {"created", json_rows::format_time(session.created_us)},
          {"last_used", json_rows::format_time(session.last_used_us)},
          {"expires", json_rows::format_time(session.expires_us)},
          {"current", current}};
}

json to_json(const daemon::credential& who) {
  using enum daemon::credential_kind;
  const char* kind = "local";
  if (who.kind == session)
    kind = "session";
  else if (who.kind == token || who.kind == file_token)
    kind = "token";
  else if (who.kind == certificate)
    kind = "certificate";
  auto farms = who.every_farm ? json::array({"*"}) : json(who.farms);
  if (farms.empty())
    farms.push_back(who.farm);
  return {{"name", who.name},
          {"kind", kind},
          {"role", daemon::to_string(who.role)},
          {"farms", std::move(farms)},
          {"equipment", who.equipment},
          {"expires",
           who.expires_us == 0 ? json(nullptr) : json(json_rows::format_time(who.expires_us))}};
}

problem to_problem(storage::identity_refusal why, const std::string& detail) {
  using enum storage::identity_refusal;
  switch (why) {
  case none:
    break;
  case invalid:
    return {400, "invalid", detail, ""};
  case exists:
    return {409, "exists", detail, "choose another name"};
  case missing:
    return {404, "not_found", detail, "`furrow user list` and `furrow token list` show them"};
  case conflict:
    return {409, "conflict", detail, ""};
  case last_admin:
    return {409, "last_admin", detail, ""};
  case admin_exists:
    return {409, "exists", detail, ""};
  case full:
    return {503, "full", detail, "remove some that nobody uses"};
  }
  return {500, "internal", detail, ""};
}

std::variant<json, problem> read_body(const std::string& body,
                                      std::initializer_list<std::string_view> members) {
  auto made = body.empty() ? json::object() : parsed(body);
  if (!made.is_object())
    return problem{400, "bad_body", "the body is not a JSON object", "send a JSON object"};
  for (const auto& [name, value] : made.items())
    if (std::find(members.begin(), members.end(), name) == members.end())
      return problem{400, "bad_body", fmt::format("unknown member \"{}\"", name),
                     fmt::format("the members are: {}", fmt::join(members, ", "))};
  return made;
}

std::optional<std::string>
text_in(const json& body, const char* member, std::optional<problem>& fault) {
  const auto found = body.find(member);
  if (found == body.end() || found->is_null())
    return std::nullopt;
  if (found->is_string())
    return found->get<std::string>();
  fault = bad_member(member, "write a text");
  return std::nullopt;
}

std::optional<std::vector<std::string>>
names_in(const json& body, const char* member, std::optional<problem>& fault) {
  const auto found = body.find(member);
  if (found == body.end() || found->is_null())
    return std::nullopt;
  const bool sound =
    found->is_array()
    && std::all_of(found->begin(), found->end(), [](const json& one) { return one.is_string(); });
  if (sound)
    return found->get<std::vector<std::string>>();
  fault = bad_member(member, "write a list of texts");
  return std::nullopt;
}

bool flag_in(const json& body, const char* member, std::optional<problem>& fault) {
  const auto found = body.find(member);
  if (found == body.end() || found->is_null())
    return false;
  if (found->is_boolean())
    return found->get<bool>();
  fault = bad_member(member, "write true or false");
  return false;
}

std::string home_of(const call& call) {
  if (call.who.every_farm)
    return call.farm && *call.farm != "*" ? *call.farm : "";
  return call.who.farm;
}

std::optional<std::string> listed_farm(const call& call) {
  if (call.who.every_farm && !call.farm)
    return std::nullopt;
  return home_of(call);
}

std::variant<reach, problem> reach_in(const json& body, const call& call) {
  std::optional<problem> fault;
  const auto farm = text_in(body, "farm", fault);
  const auto farms = names_in(body, "farms", fault);
  if (fault)
    return *fault;
  if (farm && farms)
    return problem{400, "bad_body", "\"farm\" and \"farms\" are both given", "give one of them"};
  if (!call.who.every_farm) {
    const bool own = (!farm || *farm == call.who.farm)
                     && (!farms || *farms == std::vector<std::string>{call.who.farm});
    return own ? std::variant<reach, problem>{reach{call.who.farm, {}}} : other_farm();
  }
  if (farms && farms->empty())
    return bad_member("farms", R"(name the farms; every farm is "farm": "*")");
  if (farms && farms->size() > 1)
    return reach{"", *farms};
  const auto named = farms ? std::optional{farms->front()} : farm ? farm : call.farm;
  if (!named)
    return problem{400, "bad_body", "it is not said which farm",
                   R"(name the farm, or "*" for every farm)"};
  return reach{*named == "*" ? "" : *named, {}};
}

} // namespace furrow::http
