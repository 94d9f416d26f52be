#include "tools/furrowd/api/dbc/dbc_reach.hpp"

#include "tools/furrowd/api/answers.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace furrow::http {

namespace {

/// Whether the request is about this farm: the one that it names, or else any that the caller may name.
bool asks_about(const call& call, const std::string& farm) {
  return call.farm ? farm == call.who.farm : call.who.reaches(farm);
}

dbc_target target_of_farm(const std::string& farm) {
  return {farm, {}, farm + "/"};
}

dbc_target target_of_machine(const std::string& farm, const std::string& equipment) {
  return {farm, equipment, farm + "/" + equipment};
}

} // namespace

bool sees_dbc(const call& call, const storage::stored_dbc& file) {
  if (file.farm.empty())
    return true;
  if (!asks_about(call, file.farm))
    return false;
  return file.equipment.empty() || call.who.covers(file.equipment);
}

problem no_such_dbc(std::string_view id) {
  return {404, "no_such_dbc", fmt::format("there is no DBC file {}", id),
          "GET /api/v1/dbc lists them"};
}

std::variant<std::int32_t, problem> parse_dbc_id(const char* name, const std::string& text) {
  std::int32_t id = 0;
  const auto* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, id);
  if (error != std::errc{} || at != end || id <= 0)
    return bad_parameter(name, text, "it is a number; GET /api/v1/dbc lists the files");
  return id;
}

std::optional<problem>
may_change_dbc(const call& call, const std::string& farm, const std::string& equipment) {
  const bool limited = !call.who.equipment.empty();
  if (farm.empty() && (limited || !call.who.may(daemon::permission::govern)))
    return problem{403, "not_permitted", "only an admin of the node changes files for all machines",
                   "choose a farm or a machine: for=NAME"};
  if (!equipment.empty() && !call.who.covers(equipment))
    return not_covered(equipment);
  if (equipment.empty() && limited)
    return problem{403, "not_permitted", "this token is for some machines of the farm only",
                   "choose one of its machines: for=NAME"};
  return std::nullopt;
}

std::variant<dbc_target, problem> dbc_target_of(const call& call, const std::string* given) {
  const auto& who = call.who;
  dbc_target target;
  if (given == nullptr) {
    target = target_of_farm(who.farm);
  } else if (const auto slash = given->find('/'); slash != std::string::npos) {
    target = target_of_machine(given->substr(0, slash), given->substr(slash + 1));
    if (target.farm.empty() || target.equipment.empty())
      return bad_parameter("for", *given, "it is all, a farm, a machine, or FARM/MACHINE");
    if (!asks_about(call, target.farm))
      return problem{404, "no_such_farm", fmt::format("there is no farm \"{}\"", target.farm),
                     "GET /api/v1/farms lists the farms"};
  } else if (given->empty()) {
    return bad_parameter("for", *given, "it is all, a farm, a machine, or FARM/MACHINE");
  } else if (*given == "all") {
    target.scope = *given;
  } else if (*given == who.farm || (!who.every_farm && asks_about(call, *given))) {
    target = target_of_farm(*given);
  } else if (who.every_farm && !call.farm && who.equipment.empty()) {
    return dbc_target{*given, {}, *given}; // the store finds the farm or machine of this name
  } else {
    target = target_of_machine(who.farm, *given);
  }
  if (auto refused = may_change_dbc(call, target.farm, target.equipment))
    return std::move(*refused);
  return target;
}

} // namespace furrow::http
