#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/bodies/machine_json.hpp"
#include "tools/furrowd/api/lists/row_page.hpp"
#include "tools/furrowd/api/resources.hpp"

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

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

constexpr std::array<std::string_view, 6> gateway_keys{"equipment", "farm",     "peer",
                                                       "since",     "software", "age_ms"};

answer list_gateways(api_context& of, call call) {
  const auto asked = read_row_page(call, gateway_keys);
  if (const auto* wrong = std::get_if<problem>(&asked))
    co_return to_response(*wrong);
  const auto& page = std::get<row_page_wish>(asked);
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
  const auto next = page.is_given() ? cut_to_page(connected, page, "peer") : json(nullptr);
  json body{{"connected", std::move(connected)}, {"refused", std::move(refused)}};
  if (page.is_given())
    body["next"] = next;
  co_return ok(body);
}

} // namespace

void add_gateway_routes(router& to, api_context& of) {
  using enum daemon::permission;
  to.add({"GET", "/api/v1/gateways", read, {"sort", "limit", "after"}, on(of, list_gateways)});
}

} // namespace furrow::http
