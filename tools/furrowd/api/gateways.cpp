#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/bodies/machine_json.hpp"
#include "tools/furrowd/api/resources.hpp"

#include <chrono>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

/// A token sees the gateways of its farm and machines. A gateway that was refused before its farm was known is shown
/// to those who watch the node.
bool may_see_gateway(const daemon::credential& who,
                     const std::string& farm,
                     const std::string& equipment) {
  if (farm.empty())
    return who.may(daemon::permission::watch);
  return farm == who.farm && who.covers(equipment);
}

answer list_gateways(api_context& of, call call) {
  const auto now_us = std::chrono::duration_cast<std::chrono::microseconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count();
  json connected = json::array();
  for (const auto& one : of.gateways->all_connected())
    if (may_see_gateway(call.who, one.farm, one.equipment))
      connected.push_back(to_json(one, now_us));
  json refused = json::array();
  for (const auto& one : of.gateways->all_refused())
    if (may_see_gateway(call.who, one.farm, one.equipment))
      refused.push_back(to_json(one));
  co_return ok({{"connected", std::move(connected)}, {"refused", std::move(refused)}});
}

} // namespace

void add_gateway_routes(router& to, api_context& of) {
  using enum daemon::permission;
  to.add({"GET", "/api/v1/gateways", read, {}, on(of, list_gateways)});
}

} // namespace furrow::http
