#include "actors/live/wall_clock.hpp"
#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/bodies/machine_json.hpp"
#include "tools/furrowd/api/fleet/brief_rows.hpp"
#include "tools/furrowd/api/fleet/fleet_rows.hpp"
#include "tools/furrowd/api/fleet/machine_row.hpp"
#include "tools/furrowd/api/lists/row_page.hpp"
#include "tools/furrowd/stream/glob.hpp"
#include "tools/furrowd/stream/subscription.hpp"
#include "tools/json/rfc3339.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

constexpr std::array<std::string_view, 11> equipment_keys{
  "name",         "last_frame",  "connected", "node",   "fault_count",       "ecu_count",
  "received_seq", "durable_seq", "sent_seq",  "frames", "stored_durable_seq"};

/// What a list of machines is asked for.
struct fleet_wish {
  row_page_wish page;
  subscription filter;         // machines and area; of the brief list also signals
  std::optional<bool> relayed; // only machines that a site forwards, or only the others

  [[nodiscard]] bool is_filtered() const {
    return !filter.machines.empty() || filter.has_area() || relayed.has_value();
  }
};

std::variant<fleet_wish, problem> read_fleet_wish(const call& call) {
  fleet_wish wish;
  auto page = read_row_page(call, equipment_keys);
  if (auto* wrong = std::get_if<problem>(&page))
    return std::move(*wrong);
  wish.page = std::get<row_page_wish>(std::move(page));
  auto filter = to_subscription(call.query, call.who);
  if (auto* wrong = std::get_if<problem>(&filter))
    return std::move(*wrong);
  wish.filter = std::get<subscription>(std::move(filter));
  if (const auto* relayed = given(call, "relayed")) {
    if (*relayed != "true" && *relayed != "false")
      return bad_parameter("relayed", *relayed, "use true or false");
    wish.relayed = *relayed == "true";
  }
  return wish;
}

/// The only machine that the list can have, so that nobody looks at the others; nothing: it can have several, or none.
std::optional<std::string> only_machine(const fleet_wish& wish, const daemon::credential& who) {
  const auto& named = wish.filter.machines;
  const bool one = named.size() == 1 && is_plain(named.front()) && who.covers(named.front());
  return one ? std::optional{named.front()} : std::nullopt;
}

/// The value of a row's member that the list is sorted by, without making the row.
json sort_key_of(const fleet_rows& of,
                 const fleet_machine& machine,
                 std::string_view key,
                 std::int64_t now_us) {
  if (key == "name")
    return machine.name();
  if (key == "stored_durable_seq")
    return machine.stored != nullptr ? json(machine.stored->durable) : json(nullptr);
  const auto known = machine.summary(now_us);
  const auto& sum = known.sum;
  if (key == "last_frame")
    return known.last_frame_us ? json(json_rows::format_time(*known.last_frame_us)) : json(nullptr);
  if (key == "connected")
    return sum.connected;
  if (key == "node") {
    const auto& node = of.node_of(machine, sum.connected);
    return node.empty() ? json(nullptr) : json(node);
  }
  if (known.latest == nullptr)
    return nullptr;
  if (key == "fault_count")
    return known.latest->faults_active;
  if (key == "ecu_count")
    return known.latest->ecus;
  if (key == "received_seq")
    return sum.received_seq;
  if (key == "durable_seq")
    return sum.durable_seq;
  if (key == "sent_seq")
    return sum.sent_seq;
  return sum.frames;
}

/// The machines that the filter takes.
class fleet_filter {
public:
  fleet_filter(const fleet_wish& wish, std::int64_t now_us) : wish_{wish}, now_us_{now_us} {}

  [[nodiscard]] bool takes(const fleet_machine& machine) {
    const auto& filter = wish_.filter;
    if (!wish_.is_filtered())
      return true;
    if (!filter.covers(machine.name()))
      return false;
    if (!filter.has_area() && !wish_.relayed)
      return true;
    const auto summary = machine.summary(now_us_);
    if (wish_.relayed && summary.is_relayed() != *wish_.relayed)
      return false;
    if (!filter.has_area())
      return true;
    read_cells(summary, cells_, position_);
    if (cells_.empty() || !cells_[position_index()].present)
      return false;
    const auto& at = cells_[position_index()].parts;
    return filter.holds({at[1], at[0]});
  }

private:
  const fleet_wish& wish_;
  const std::int64_t now_us_;
  const quantity_set position_ = quantity_set{}.set(position_index());
  std::vector<value_cell> cells_;
};

struct chosen_machines {
  std::vector<const fleet_machine*> machines; // in the order of the answer
  json next = nullptr;
};

chosen_machines choose(const fleet_rows& of, const fleet_wish& wish, std::int64_t now_us) {
  chosen_machines chosen;
  chosen.machines.reserve(of.machines().size());
  fleet_filter filter{wish, now_us};
  for (const auto& one : of.machines())
    if (filter.takes(one))
      chosen.machines.push_back(&one);
  if (!wish.page.is_given())
    return chosen;
  std::vector<row_place> places;
  places.reserve(chosen.machines.size());
  for (std::size_t i = 0; i < chosen.machines.size(); ++i) {
    const auto& one = *chosen.machines[i];
    places.push_back({sort_key_of(of, one, wish.page.key, now_us), one.name(), i});
  }
  chosen.next = cut_to_page(places, wish.page);
  std::vector<const fleet_machine*> page;
  page.reserve(places.size());
  for (const auto& place : places)
    page.push_back(chosen.machines[place.row]);
  chosen.machines = std::move(page);
  return chosen;
}

/// What stands beside the rows.
json list_end(const fleet_rows& of, const fleet_wish& wish, json next) {
  json made{{"incomplete", of.fault ? json(of.fault->message) : json(nullptr)},
            {"incomplete_nodes", of.incomplete_nodes()}};
  if (wish.page.is_given())
    made["next"] = std::move(next);
  return made;
}

response brief_list(const fleet_rows& of, const fleet_wish& wish) {
  const auto now_us = actors::wall_clock_us();
  auto chosen = choose(of, wish, now_us);
  response made;
  auto& out = made.body;
  out.reserve(chosen.machines.size() * brief_row_bytes + 512);
  out += R"({"machines":[)";
  brief_rows rows{wish.filter, of, now_us};
  for (const auto* machine : chosen.machines) {
    if (machine != chosen.machines.front())
      out += ',';
    rows.append(out, *machine);
  }
  out += "],";
  out += std::string_view{json_rows::to_text(list_end(of, wish, std::move(chosen.next)))}.substr(1);
  return made;
}

response whole_list(const fleet_rows& of, const fleet_wish& wish) {
  const auto now_us = actors::wall_clock_us();
  auto chosen = choose(of, wish, now_us);
  json list = json::array();
  for (const auto* machine : chosen.machines)
    list.push_back(machine_row(of, *machine, now_us));
  json body{{"equipment", std::move(list)}};
  body.update(list_end(of, wish, std::move(chosen.next)));
  return ok(body);
}

answer list_equipment(api_context& of, call call) {
  const auto read = read_fleet_wish(call);
  if (const auto* wrong = std::get_if<problem>(&read))
    co_return to_response(*wrong);
  const auto& wish = std::get<fleet_wish>(read);
  auto only = only_machine(wish, call.who);
  const auto rows = co_await read_fleet(of, call.who, stored_age::usual, std::move(only));
  co_return whole_list(rows, wish);
}

answer list_fleet(api_context& of, call call) {
  const auto read = read_fleet_wish(call);
  if (const auto* wrong = std::get_if<problem>(&read))
    co_return to_response(*wrong);
  const auto& wish = std::get<fleet_wish>(read);
  auto only = only_machine(wish, call.who);
  const auto rows = co_await read_fleet(of, call.who, stored_age::aged, std::move(only));
  co_return brief_list(rows, wish);
}

} // namespace

void add_fleet_routes(router& to, api_context& of) {
  using enum daemon::permission;
  to.add({"GET",
          "/api/v1/equipment",
          read,
          {"machines", "area", "relayed", "sort", "limit", "after"},
          on(of, list_equipment)});
  route brief{"GET",
              "/api/v1/fleet",
              read,
              {"machines", "signals", "area", "relayed", "sort", "limit", "after"},
              on(of, list_fleet)};
  brief.at_hand = true;
  to.add(std::move(brief));
}

} // namespace furrow::http
