#include "actors/live/live_machines.hpp"
#include "actors/live/machine_reports.hpp"
#include "actors/live/node_meter.hpp"
#include "storage/removal.hpp"
#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/bodies/bus_names.hpp"
#include "tools/furrowd/api/bodies/machine_json.hpp"
#include "tools/furrowd/api/lists/row_page.hpp"
#include "tools/furrowd/api/peers.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/furrowd/cache/summaries.hpp"
#include "tools/furrowd/http/ask_store.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

/// While the database is known to be away, the live view does not wait for it.
constexpr std::chrono::milliseconds answer_limit_away{500};
/// A removal that takes longer goes on; the call may be made again.
constexpr std::chrono::minutes removal_limit{10};

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
           std::chrono::system_clock::now().time_since_epoch())
    .count();
}

struct equipment_rows {
  std::vector<storage::equipment_row> stored;
  placed_machines live;
  place_map places;             // of those that may be at nodes that do not answer
  std::optional<problem> fault; // why nothing is known of what is stored

  /// The page that is asked for, and `next` of its answer. By name, only the rows of the page are made.
  [[nodiscard]] std::pair<json, json> page_of(const row_page_wish& page) const {
    const auto by_name = known_by_name();
    const auto now = now_us();
    const bool names_first = page.key == "name";
    json list = json::array();
    for (const auto& [name, known] : by_name)
      list.push_back(names_first ? json{{"name", name}} : row_of(name, known, now));
    auto next = page.is_given() ? cut_to_page(list, page, "name") : json(nullptr);
    if (names_first)
      for (auto& row : list) {
        const auto name = row.at("name").get<std::string>();
        row = row_of(name, by_name.at(name), now);
      }
    return {std::move(list), std::move(next)};
  }

  /// One of them, without making the others; nothing when nobody knows it.
  [[nodiscard]] std::optional<json> row_of(const std::string& name) const {
    parts known;
    for (const auto& row : stored)
      if (row.name == name)
        known.stored = &row;
    for (const auto& row : live.machines)
      if (row.machine->equipment == name)
        known.add(row);
    if (known.stored == nullptr && known.live.empty())
      return std::nullopt;
    return row_of(name, known, now_us());
  }

  /// At which node it is when it is not connected here.
  void place_row(json& row, const std::string& name) const {
    const auto found = places.find(name);
    const auto place = found == places.end() ? machine_place{} : found->second;
    const bool here = row.at("connected") == true;
    if (!here && !place.node.empty())
      row["node"] = place.node;
    row["awaiting_gateway"] = !here && place.awaiting;
    row["pinned_to"] = place.pinned_to.empty() ? json(nullptr) : json(place.pinned_to);
  }

  /// Where a live machine is.
  [[nodiscard]] std::string node_of(const std::string& name) const {
    for (const auto& row : live.machines)
      if (row.machine->equipment == name)
        return row.node;
    return {};
  }

private:
  struct parts {
    const storage::equipment_row* stored = nullptr;
    std::vector<const actors::live_equipment*> live;
    std::string node;

    template <class Row>
    void add(const Row& row) {
      live.push_back(row.machine.get());
      node = row.node;
    }
  };

  [[nodiscard]] std::map<std::string, parts> known_by_name() const {
    std::map<std::string, parts> by_name;
    for (const auto& row : stored)
      by_name[row.name].stored = &row;
    for (const auto& row : live.machines)
      by_name[row.machine->equipment].add(row);
    return by_name;
  }

  [[nodiscard]] json row_of(const std::string& name, const parts& known, std::int64_t now) const {
    auto row = to_json(known.stored, known.live, now, known.node);
    place_row(row, name);
    return row;
  }
};

boost::asio::awaitable<equipment_rows> read_equipment(api_context& of, daemon::credential who) {
  equipment_rows rows;
  rows.live = co_await all_machines(of, who);
  const auto limit = of.node.meter.stats().store_up ? answer_limit : answer_limit_away;
  auto stored = co_await stored_equipment(of.cache, of.node.store, of.node.meter, who.farm, limit);
  if (auto* fault = std::get_if<problem>(&stored))
    rows.fault = std::move(*fault);
  else
    rows.stored = std::get<stored_rows>(std::move(stored));
  rows.places =
    co_await of.homes.of_farm(of.node.cluster, of.node.store.membership(), who.farm, limit);
  std::erase_if(rows.stored, [&who](const auto& row) { return !who.covers(row.name); });
  co_return rows;
}

constexpr std::array<std::string_view, 11> equipment_keys{
  "name",         "last_frame",  "connected", "node",   "fault_count",       "ecu_count",
  "received_seq", "durable_seq", "sent_seq",  "frames", "stored_durable_seq"};

answer list_equipment(api_context& of, call call) {
  const auto asked = read_row_page(call, equipment_keys);
  if (const auto* wrong = std::get_if<problem>(&asked))
    co_return to_response(*wrong);
  const auto& page = std::get<row_page_wish>(asked);
  const auto rows = co_await read_equipment(of, call.who);
  auto [list, next] = rows.page_of(page);
  json body{{"equipment", std::move(list)},
            {"incomplete", rows.fault ? json(rows.fault->message) : json(nullptr)},
            {"incomplete_nodes", rows.live.incomplete}};
  if (page.is_given())
    body["next"] = std::move(next);
  co_return ok(body);
}

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
  const auto rows = co_await read_equipment(of, call.who);
  const auto found = rows.row_of(name);
  if (!found)
    co_return to_response(rows.fault ? *rows.fault : no_such_equipment(name));
  auto machine = *found;
  auto incomplete = rows.live.incomplete;
  std::optional<json> report;
  if (machine.at("state_from") == "live") {
    const auto node = rows.node_of(name);
    if (node == of.node_name) {
      of.node.machines.interest_in(call.who.farm, name)->asked(std::chrono::steady_clock::now());
      const auto start = [&](auto done) {
        of.node.reports.look_at(call.who.farm, name, std::move(done));
      };
      const auto looked = co_await ask<std::optional<can::machine_report>>(start, answer_limit);
      if (!looked)
        co_return to_response(no_answer("node"));
      if (*looked)
        report = to_json(**looked, now_us());
    } else {
      report = co_await report_of_peer(of, call.who, node, name, incomplete);
    }
  }
  if (report)
    for (const char* part : {"faults", "cleared_faults"})
      name_faults((*report)[part], {&of.node.dbc, call.who.farm, name});
  const auto parts = report.value_or(to_json(can::machine_report{}, now_us()));
  for (const auto& [part, value] : parts.items())
    machine[part] = report ? value : json(nullptr);
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
    for (auto& row : std::get<stored_rows>(stored))
      machines.push_back(std::move(row.name));
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
  to.add({"GET", "/api/v1/equipment", read, {"sort", "limit", "after"}, on(of, list_equipment)});
  to.add({"GET", "/api/v1/equipment/{name}", read, {}, on(of, one_equipment)});
  to.add({"DELETE",
          "/api/v1/equipment/{name}",
          administer,
          {"confirm"},
          on(of, remove_equipment),
          false}); // it may last, and others must not wait for it
}

} // namespace furrow::http
