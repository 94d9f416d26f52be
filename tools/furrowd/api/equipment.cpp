#include "actors/live/live_machines.hpp"
#include "actors/live/machine_reports.hpp"
#include "actors/live/wall_clock.hpp"
#include "storage/removal.hpp"
#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/bodies/bus_names.hpp"
#include "tools/furrowd/api/bodies/machine_json.hpp"
#include "tools/furrowd/api/fleet/machine_row.hpp"
#include "tools/furrowd/api/peers.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/furrowd/cache/summaries.hpp"
#include "tools/furrowd/http/ask_store.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

/// A removal that takes longer goes on; the call may be made again.
constexpr std::chrono::minutes removal_limit{10};

/// Faults, ECUs and implements of a machine that is at another node; nothing, and the node among the incomplete ones,
/// when it does not tell.
boost::asio::awaitable<std::optional<json>> report_of_peer(api_context& of,
                                                           daemon::credential who,
                                                           std::string node,
                                                           std::string name,
                                                           std::vector<std::string>& incomplete) {
  // Named: gcc 12 destroys a temporary in a co_await expression twice.
  proto::link::wish wish{scope_of(who), proto::link::report_wish{std::move(name)}};
  const auto said = co_await ask_peer(of, node, std::move(wish));
  const auto* reply = std::get_if<proto::link::reply>(&said);
  const auto* told = reply == nullptr ? nullptr : std::get_if<proto::link::report_answer>(reply);
  auto parsed =
    told == nullptr ? json(json::value_t::discarded) : json::parse(told->json, nullptr, false);
  if (parsed.is_object())
    co_return parsed;
  if (told == nullptr || told->known)
    incomplete.push_back(node);
  co_return std::nullopt;
}

answer one_equipment(api_context& of, call call) {
  const auto& name = call.path.at("name");
  if (!call.who.covers(name))
    co_return to_response(not_covered(name));
  const auto rows = co_await read_fleet(of, call.who, stored_age::usual, name);
  const auto* const found = rows.find(name);
  if (found == nullptr)
    co_return to_response(rows.fault ? *rows.fault : no_such_equipment(name));
  const auto now_us = actors::wall_clock_us();
  auto machine = machine_row(rows, *found, now_us);
  auto incomplete = rows.incomplete_nodes();
  std::optional<json> report;
  if (machine.at("state_from") == "live") {
    const auto node = *found->live_at;
    if (node == of.node_name) {
      of.node.machines.interest_in(call.who.farm, name)->asked(std::chrono::steady_clock::now());
      const auto start = [&](auto done) {
        of.node.reports.look_at(call.who.farm, name, std::move(done));
      };
      const auto looked = co_await ask<std::optional<can::machine_report>>(start, answer_limit);
      if (!looked)
        co_return to_response(no_answer("node"));
      if (*looked)
        report = to_json(**looked, now_us);
    } else {
      report = co_await report_of_peer(of, call.who, node, name, incomplete);
    }
  }
  if (report)
    for (const char* part : {"faults", "cleared_faults"})
      name_faults((*report)[part], {&of.node.dbc, call.who.farm, name});
  for (const char* part : {"faults", "cleared_faults", "ecus", "implements", "own_signals"})
    machine[part] = nullptr;
  if (report)
    for (auto& [part, value] : report->items())
      machine[part] = std::move(value);
  machine["incomplete_nodes"] = incomplete;
  co_return ok(machine);
}

/// Removes a machine with everything that was stored of it. A gateway that sends on makes it listed again.
answer remove_equipment(api_context& of, call call) {
  const auto name = call.path.at("name");
  if (!call.who.covers(name))
    co_return to_response(not_covered(name));
  const auto* const confirmed = given(call, "confirm");
  if (confirmed == nullptr || *confirmed != name)
    co_return to_response({400, "not_confirmed", "this removes everything that was stored of it",
                           "add confirm= and the name of the machine"});
  const bool of_several = call.who.every_farm || !call.who.farms.empty();
  if (of_several && !call.farm && call.who.kind != daemon::credential_kind::local)
    co_return to_response({400, "farm_needed", "which farm's " + name + "?", "add farm=NAME"});
  auto* const removals = of.node.store.removals();
  if (removals == nullptr)
    co_return co_await not_kept(of, std::move(call));
  const storage::removal what{call.who.farm, name, std::nullopt};
  const auto by = author_of(call);
  const auto start = [&](auto done) { removals->remove(what, by, std::move(done)); };
  const auto said = co_await ask_store<storage::removal_outcome>(start, removal_limit);
  if (const auto* wrong = std::get_if<problem>(&said))
    co_return to_response(*wrong);
  const auto& gone = std::get<storage::removal_outcome>(said);
  json body{{"removed", name},         {"streams", gone.streams},     {"frames", gone.frames},
            {"records", gone.records}, {"telemetry", gone.telemetry}, {"rollup", gone.rollup}};
  co_return ok(body);
}

struct farm_rows {
  farm_machines found;
  std::map<std::string, problem> missing; // farms whose database does not answer
};

/// The machines of the farms that the caller may name, or of the one that the request names.
boost::asio::awaitable<std::variant<farm_rows, problem>> farms_of(api_context& of,
                                                                  const call& call) {
  if (call.who.every_farm && !call.farm) {
    auto all = co_await every_farm(of.cache, of.node.store, of.node.meter, answer_limit);
    if (auto* fault = std::get_if<problem>(&all))
      co_return std::move(*fault);
    co_return farm_rows{std::get<farm_machines>(std::move(all)), {}};
  }
  auto names = call.farm ? std::vector<std::string>{} : call.who.farms;
  if (names.empty())
    names.push_back(call.who.farm);
  farm_rows rows;
  for (const auto& name : names) {
    auto stored =
      co_await stored_equipment(of.cache, of.node.store, of.node.meter, name, answer_limit);
    if (auto* fault = std::get_if<problem>(&stored)) {
      rows.missing.emplace(name, std::move(*fault));
      continue;
    }
    auto& machines = rows.found[name];
    for (const auto& row : *std::get<shared_rows>(stored))
      machines.push_back(row.name);
  }
  if (rows.found.empty())
    co_return std::move(rows.missing.begin()->second);
  co_return rows;
}

answer list_farms(api_context& of, call call) {
  const auto answered = co_await farms_of(of, call);
  if (const auto* fault = std::get_if<problem>(&answered))
    co_return to_response(*fault);
  const auto& rows = std::get<farm_rows>(answered);
  std::map<std::string, json> by_name;
  for (const auto& [farm, machines] : rows.found) {
    const auto count = std::count_if(machines.begin(), machines.end(),
                                     [&](const auto& name) { return call.who.covers(name); });
    by_name[farm] = {{"name", farm}, {"machines", count}};
  }
  for (const auto& [farm, fault] : rows.missing)
    by_name[farm] = {{"name", farm}, {"machines", nullptr}, {"fault", fault.message}};
  json list = json::array();
  for (auto& [farm, row] : by_name)
    list.push_back(std::move(row));
  json body{{"farms", std::move(list)}};
  co_return ok(body);
}

} // namespace

void add_equipment_routes(router& to, api_context& of) {
  using enum daemon::permission;
  route farms{"GET", "/api/v1/farms", read, {}, on(of, list_farms)};
  farms.of_one_farm = false;
  to.add(std::move(farms));
  to.add({"GET", "/api/v1/equipment/{name}", read, {}, on(of, one_equipment)});
  to.add({"DELETE",
          "/api/v1/equipment/{name}",
          administer,
          {"confirm"},
          on(of, remove_equipment),
          false}); // it may last, and others must not wait for it
}

} // namespace furrow::http
