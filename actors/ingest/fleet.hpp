/// The fleet supervisor: starts a machine's actor when the machine's gateway greets, tells all
/// machines where the lanes are, and reports dead machines to fleet_account.hpp. A machine that dies
/// too often is quarantined; other machines are not affected.
///
/// Shape: a dead machine is not restarted at once. Its sessions were dropped with it, and the next
///   greeting of the gateway starts it.
/// Limits: equipment_max machines; a quarantine ends when the account's window has passed.
#pragma once

#include "actors/ingest/equipment.hpp"
#include "actors/ingest/fleet_account.hpp"
#include "actors/live/census.hpp"
#include "actors/live/metered_actor.hpp"
#include "actors/messages.hpp"
#include "actors/supervision/restart_policy.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace furrow::actors {

struct fleet_config {
  equipment_config equipment; // settings of every machine
  std::size_t lanes = 1;
  std::size_t equipment_max = 20'000;
  restart_policy restart;
};

struct fleet_state {
  static constexpr const char* name = "fleet";
  struct machine {
    equipment_actor actor; // null: the actor died
    std::uint64_t census_id = 0;
  };
  fleet_config config;
  fleet_account account;
  std::uint64_t census_id = 0;
  std::shared_ptr<census> people;
  std::unordered_map<std::string, machine> machines; // by farm/name
  std::unordered_map<caf::actor_addr, std::string> names;
  std::vector<aggregator_actor> aggregators;
  claim_desk_actor desk;
  ~fleet_state();
};

fleet_actor::behavior_type fleet(metered_pointer<fleet_actor, fleet_state> self,
                                 std::uint64_t census_id,
                                 const fleet_config& config,
                                 std::shared_ptr<census> people);

} // namespace furrow::actors
