#include "tools/furrowd/api/fleet/fleet_rows.hpp"

#include "actors/live/node_meter.hpp"

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

namespace furrow::http {

namespace {

/// While the database is known to be away, the live view does not wait for it.
constexpr std::chrono::milliseconds fleet_limit_away{500};

struct named_machine {
  std::string_view name;
  const placed_machine* placed = nullptr;
};

std::vector<named_machine> sorted_by_name(const std::vector<placed_machine>& machines) {
  std::vector<named_machine> sorted;
  sorted.reserve(machines.size());
  for (const auto& one : machines)
    sorted.push_back({one.machine->equipment, &one});
  const auto by_name = [](const auto& left, const auto& right) { return left.name < right.name; };
  if (!std::is_sorted(sorted.begin(), sorted.end(), by_name))
    std::stable_sort(sorted.begin(), sorted.end(), by_name);
  return sorted;
}

std::span<const storage::equipment_row> rows_of(const shared_rows& stored,
                                                const std::optional<std::string>& only) {
  if (stored == nullptr)
    return {};
  if (!only)
    return *stored;
  struct by_name {
    bool operator()(const storage::equipment_row& row, const std::string& name) const {
      return row.name < name;
    }
    bool operator()(const std::string& name, const storage::equipment_row& row) const {
      return name < row.name;
    }
  };
  const auto [first, last] = std::equal_range(stored->begin(), stored->end(), *only, by_name{});
  return {first, last};
}

} // namespace

fleet_rows::fleet_rows(shared_rows stored,
                       placed_machines live,
                       const daemon::credential& who,
                       const std::optional<std::string>& only)
  : places{std::make_shared<const place_map>()}, stored_{std::move(stored)}, live_{
                                                                               std::move(live)} {
  const auto sorted = sorted_by_name(live_.machines);
  live_by_name_.reserve(sorted.size()); // spans point into it
  for (const auto& one : sorted)
    live_by_name_.push_back(one.placed->machine.get());
  const auto known = rows_of(stored_, only);
  machines_.reserve(std::max(sorted.size(), known.size()));
  std::size_t next = 0;
  const auto take_live = [&](fleet_machine& to) {
    const auto first = next;
    while (next < sorted.size() && sorted[next].name == sorted[first].name)
      ++next;
    to.live = std::span{live_by_name_}.subspan(first, next - first);
    to.live_at = &sorted[next - 1].placed->node;
  };
  const auto take_live_before = [&](const std::string* name) {
    while (next < sorted.size() && (name == nullptr || sorted[next].name < *name))
      take_live(machines_.emplace_back());
  };
  for (const auto& row : known) {
    if (!who.covers(row.name))
      continue;
    take_live_before(&row.name);
    if (!machines_.empty() && machines_.back().name() == row.name) {
      machines_.back().stored = &row; // of another farm
      continue;
    }
    auto& machine = machines_.emplace_back();
    machine.stored = &row;
    if (next < sorted.size() && sorted[next].name == row.name)
      take_live(machine);
  }
  take_live_before(nullptr);
}

const fleet_machine* fleet_rows::find(const std::string& name) const {
  const auto found =
    std::lower_bound(machines_.begin(), machines_.end(), name,
                     [](const auto& one, const auto& given) { return one.name() < given; });
  return found != machines_.end() && found->name() == name ? &*found : nullptr;
}

const machine_place& fleet_rows::place_of(const std::string& name) const {
  static const machine_place nowhere;
  const auto found = places->find(name);
  return found == places->end() ? nowhere : found->second;
}

const std::string& fleet_rows::node_of(const fleet_machine& machine, bool connected) const {
  return connected ? *machine.live_at : place_of(machine.name()).node;
}

boost::asio::awaitable<fleet_rows> read_fleet(api_context& of,
                                              daemon::credential who,
                                              stored_age age,
                                              std::optional<std::string> only) {
  auto live = co_await live_machines_of(of, who, only);
  const auto limit = of.node.meter.is_store_up() ? answer_limit : fleet_limit_away;
  std::variant<shared_rows, problem> stored;
  if (age == stored_age::aged)
    stored =
      co_await stored_equipment_soon(of.cache, of.node.store, of.node.meter, who.farm, limit);
  else
    stored = co_await stored_equipment(of.cache, of.node.store, of.node.meter, who.farm, limit);
  auto* const fault = std::get_if<problem>(&stored);
  fleet_rows rows{fault == nullptr ? std::get<shared_rows>(std::move(stored)) : nullptr,
                  std::move(live), who, only};
  if (fault != nullptr)
    rows.fault = std::move(*fault);
  auto* const members = of.node.store.membership();
  // Nobody waits for the places of one machine either. Without a cache nobody may get older ones.
  if ((age == stored_age::aged || only) && of.cache.on())
    rows.places = co_await of.homes.of_farm_soon(of.node.cluster, members, who.farm, limit);
  else
    rows.places = co_await of.homes.of_farm(of.node.cluster, members, who.farm, limit);
  co_return rows;
}

} // namespace furrow::http
