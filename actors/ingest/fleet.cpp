#include "actors/ingest/fleet.hpp"

#include "actors/log/log.hpp"
#include "actors/supervision/exceptions.hpp"

#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <utility>

namespace furrow::actors {

namespace {

/// What a line says of a machine, whose key is `farm/name`.
log::about about(std::string_view key, std::string_view why) {
  const auto slash = key.find('/');
  return {.farm = key.substr(0, slash), .equipment = key.substr(slash + 1), .error = why};
}

using fleet_pointer = metered_pointer<fleet_actor, fleet_state>;

void start_machine(fleet_pointer self,
                   const std::string& key,
                   const greeting& from,
                   std::size_t home,
                   fleet_state::machine& machine) {
  auto& state = self->state;
  const auto& places = state.homes[home];
  auto config = state.config.equipment;
  config.farm = from.farm;
  config.name = from.hello.equipment;
  config.lane = std::hash<std::string>{}(key) % state.config.lanes;
  machine.home = home;
  machine.actor =
    self->spawn(equipment, config, state.people, places.aggregators[config.lane], places.desk);
  const auto handle = caf::actor_cast<caf::actor>(machine.actor);
  if (machine.census_id == 0)
    machine.census_id = state.people->enter(state.census_id, "equipment " + key, handle);
  else
    state.people->restarted(machine.census_id, handle, "its gateway came again");
  state.names[handle.address()] = key;
  self->monitor(machine.actor);
}

void refuse(attach_order& order, std::string why) {
  auto port = std::move(*order.port);
  port->reject({proto::reject_code::unavailable, std::move(why), 0});
  port.let_go();
}

fleet_state::places& places_of(fleet_state& state, std::size_t home) {
  while (state.homes.size() <= home)
    state.homes.emplace_back().aggregators.resize(state.config.lanes);
  return state.homes[home];
}

/// The database in which the farm lives, when it is known and open.
std::optional<std::size_t> home_of(fleet_state& state, const std::string& farm) {
  const auto home = state.stores->find(farm);
  if (!home || !places_of(state, home->index).open())
    return std::nullopt;
  return home->index;
}

void look_again(fleet_pointer self) {
  auto& state = self->state;
  const auto due = state.waiting.next_due();
  if (!due || std::exchange(state.looks, true))
    return;
  self->delayed_send(
    self,
    std::max<std::chrono::nanoseconds>(*due - self->clock().now(), std::chrono::milliseconds{1}),
    homes_due{});
}

/// Asks the directory, unless the farm's home is known and only its lanes are to be started.
void wait_for_home(fleet_pointer self, attach_order& order) {
  auto& state = self->state;
  const auto farm = order.from->farm;
  if (!state.waiting.add(farm, order, self->clock().now()))
    return refuse(order, "too many gateways wait until the home of their farm is known");
  look_again(self);
  if (state.stores->find(farm) || !state.waiting.asks(farm))
    return;
  using home = storage::home_stores::home;
  state.stores->resolve(farm, [farm, me = fleet_actor{self}](storage::result<home> outcome) {
    caf::anon_send(me,
                   home_answer{farm, std::make_shared<storage::result<home>>(std::move(outcome))});
  });
}

void attach(fleet_pointer self, attach_order& order) {
  auto& state = self->state;
  if (order.target->ended())
    return;
  const auto key = order.from->farm + "/" + order.from->hello.equipment;
  std::optional<std::size_t> home; // of a machine that is to be started
  if (const auto known = state.machines.find(key);
      known == state.machines.end() || !known->second.actor) {
    home = home_of(state, order.from->farm);
    if (!home)
      return wait_for_home(self, order);
  }
  switch (state.account.greet(key, self->clock().now())) {
  case fleet_account::admission::full:
    refuse(order, "this node serves as many machines as its limit allows");
    return;
  case fleet_account::admission::quarantined:
    refuse(order, "this machine's actor died too often and is quarantined");
    return;
  case fleet_account::admission::start:
    start_machine(self, key, *order.from, home.value_or(0), state.machines[key]);
    break;
  case fleet_account::admission::running:
    break;
  }
  const auto& machine = state.machines.at(key);
  order.target->set(machine.actor);
  self->send(machine.actor, std::move(order));
}

/// The gateways of the farm go on when its home is known and open.
void admit(fleet_pointer self, const std::string& farm) {
  if (!home_of(self->state, farm))
    return;
  for (auto& order : self->state.waiting.take(farm))
    attach(self, order);
}

void hear(fleet_pointer self, const home_answer& answer) {
  auto& state = self->state;
  state.waiting.answered(answer.farm);
  if (*answer.outcome)
    return admit(self, answer.farm);
  const auto& why = answer.outcome->error().detail;
  const auto refused = state.waiting.take(answer.farm);
  if (!refused.empty())
    log::warn(log::store, {"home_unknown", log::many}, {.farm = answer.farm, .error = why},
              "farm {}: its database is not known: {}; its gateways come again", answer.farm, why);
  for (auto order : refused)
    refuse(order, "the database of this farm is not known: " + in_public(why));
}

void reject_overdue(fleet_pointer self) {
  auto& state = self->state;
  state.looks = false;
  for (auto& order : state.waiting.overdue(self->clock().now()))
    refuse(order, state.stores->find(order.from->farm)
                    ? "the database of this farm is being opened"
                    : "the main database does not say where this farm lives");
  look_again(self);
}

/// Passes it on to the machines of that database; those that wait for it may go on.
template <class Change>
void tell_home(fleet_pointer self, const Change& change) {
  auto& state = self->state;
  for (auto& [key, machine] : state.machines)
    if (machine.actor && machine.home == change.home)
      self->send(machine.actor, change);
  for (const auto& farm : state.waiting.farms())
    admit(self, farm);
}

void machine_died(fleet_pointer self, const caf::down_msg& down) {
  auto& state = self->state;
  const auto name = state.names.find(down.source);
  if (name == state.names.end())
    return;
  const auto found = state.machines.find(name->second);
  state.names.erase(name);
  if (found == state.machines.end())
    return;
  auto& machine = found->second;
  machine.actor = nullptr;
  if (!down.reason) { // passivated
    state.people->leave(machine.census_id);
    state.account.stopped(found->first);
    state.machines.erase(found);
    return;
  }
  if (down.reason == operator_restart) {
    state.account.released(found->first);
    state.people->set_state(machine.census_id, "awaiting gateway", "an operator restarted it");
    return;
  }
  const auto why = self->system().render(down.reason);
  if (state.account.died(found->first, self->clock().now())
      == fleet_account::verdict::awaits_gateway) {
    log::warn(log::machine, "machine_died", about(found->first, why),
              "equipment {} died ({}); its gateway will start it again", found->first, why);
    state.people->set_state(machine.census_id, "awaiting gateway", why);
    return;
  }
  log::error(log::machine, "machine_quarantined", about(found->first, why),
             "equipment {} died too often ({}) and is quarantined for {} s", found->first, why,
             state.config.restart.window.count());
  ++state.people->counters.machines_quarantined;
  state.people->set_state(machine.census_id, "quarantined",
                          fmt::format("for {} s: {}", state.config.restart.window.count(), why));
}

} // namespace

fleet_state::~fleet_state() {
  for (auto& [key, one] : machines) {
    if (one.actor)
      caf::anon_send_exit(one.actor, caf::exit_reason::user_shutdown);
    people->leave(one.census_id);
  }
}

fleet_actor::behavior_type fleet(fleet_pointer self,
                                 std::uint64_t census_id,
                                 const fleet_config& config,
                                 std::shared_ptr<census> people,
                                 storage::home_stores* stores) {
  report_exceptions(self);
  self->state.config = config;
  self->state.account = {config.equipment_max, config.restart};
  self->state.census_id = census_id;
  self->state.people = std::move(people);
  self->state.stores = stores;
  self->set_down_handler([self](const caf::down_msg& down) { machine_died(self, down); });
  return {
    [self](attach_order& order) { attach(self, order); },
    [self](const home_answer& answer) { hear(self, answer); },
    [self](homes_due) { reject_overdue(self); },
    [self](const lane_changed& changed) {
      places_of(self->state, changed.home).aggregators.at(changed.lane) = changed.aggregator;
      tell_home(self, changed);
    },
    [self](const desk_changed& changed) {
      places_of(self->state, changed.home).desk = changed.desk;
      tell_home(self, changed);
    },
    [self](const store_replaced& what) { tell_home(self, what); },
  };
}

} // namespace furrow::actors
