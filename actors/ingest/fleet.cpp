#include "actors/ingest/fleet.hpp"

#include "actors/supervision/exceptions.hpp"

#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <functional>

namespace furrow::actors {

namespace {

using fleet_pointer = metered_pointer<fleet_actor, fleet_state>;

void start_machine(fleet_pointer self,
                   const std::string& key,
                   const greeting& from,
                   fleet_state::machine& machine) {
  auto& state = self->state;
  auto config = state.config.equipment;
  config.farm = from.farm;
  config.name = from.hello.equipment;
  config.lane = std::hash<std::string>{}(key) % state.config.lanes;
  machine.actor =
    self->spawn(equipment, config, state.people, state.aggregators[config.lane], state.desk);
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

void attach(fleet_pointer self, attach_order& order) {
  auto& state = self->state;
  const auto key = order.from->farm + "/" + order.from->hello.equipment;
  switch (state.account.greet(key, self->clock().now())) {
  case fleet_account::admission::full:
    refuse(order, "this node serves as many machines as its limit allows");
    return;
  case fleet_account::admission::quarantined:
    refuse(order, "this machine's actor died too often and is quarantined");
    return;
  case fleet_account::admission::start:
    start_machine(self, key, *order.from, state.machines[key]);
    break;
  case fleet_account::admission::running:
    break;
  }
  const auto& machine = state.machines.at(key);
  order.target->set(machine.actor);
  self->send(machine.actor, std::move(order));
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
    spdlog::warn("equipment {} died ({}); its gateway will start it again", found->first, why);
    state.people->set_state(machine.census_id, "awaiting gateway", why);
    return;
  }
  spdlog::error("equipment {} died too often ({}) and is quarantined for {} s", found->first, why,
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
                                 std::shared_ptr<census> people) {
  report_exceptions(self);
  self->state.config = config;
  self->state.account = {config.equipment_max, config.restart};
  self->state.census_id = census_id;
  self->state.people = std::move(people);
  self->state.aggregators.resize(config.lanes);
  self->set_down_handler([self](const caf::down_msg& down) { machine_died(self, down); });
  return {
    [self](attach_order& order) { attach(self, order); },
    [self](lane_changed& changed) {
      self->state.aggregators.at(changed.lane) = changed.aggregator;
      for (auto& [key, machine] : self->state.machines)
        if (machine.actor)
          self->send(machine.actor, changed);
    },
    [self](desk_changed& changed) {
      self->state.desk = changed.desk;
      for (auto& [key, machine] : self->state.machines)
        if (machine.actor)
          self->send(machine.actor, changed);
    },
    [self](store_replaced what) {
      for (auto& [key, machine] : self->state.machines)
        if (machine.actor)
          self->send(machine.actor, what);
    },
  };
}

} // namespace furrow::actors
