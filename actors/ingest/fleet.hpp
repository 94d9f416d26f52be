/// The fleet supervisor: starts a machine's actor when the machine's gateway greets, tells the
/// machines of a database where its lanes are, and reports dead machines to fleet_account.hpp. A machine that dies
/// too often is quarantined; other machines are not affected.
///
/// Shape: a dead machine is not restarted at once. Its sessions were dropped with it, and the next
///   greeting of the gateway starts it.
///   A machine gets the lane and the claim desk of the database in which its farm lives. Gateways of a farm whose home
///   is unknown, or not open yet, wait in home_queue.hpp; those of other farms do not.
/// Limits: equipment_max machines; a quarantine ends when the account's window has passed; home_queue's.
#pragma once

#include "actors/ingest/equipment.hpp"
#include "actors/ingest/fleet_account.hpp"
#include "actors/ingest/home_queue.hpp"
#include "actors/live/census.hpp"
#include "actors/live/metered_actor.hpp"
#include "actors/messages.hpp"
#include "actors/supervision/restart_policy.hpp"
#include "storage/homes/home_stores.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <cstddef>
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
    std::size_t home = 0; // of the actor: the index of its database
  };
  /// Where the machines of one database send their claims and appends.
  struct places {
    std::vector<aggregator_actor> aggregators;
    claim_desk_actor desk;
    [[nodiscard]] bool open() const {
      return desk && !aggregators.empty()
             && std::all_of(aggregators.begin(), aggregators.end(),
                            [](const auto& one) { return static_cast<bool>(one); });
    }
  };
  fleet_config config;
  fleet_account account;
  std::uint64_t census_id = 0;
  std::shared_ptr<census> people;
  std::unordered_map<std::string, machine> machines; // by farm/name
  std::unordered_map<caf::actor_addr, std::string> names;
  storage::home_stores* stores = nullptr;
  std::vector<places> homes; // by index
  home_queue<attach_order> waiting;
  bool looks = false; // homes_due is on its way
  ~fleet_state();
};

/// `stores` outlives the actor.
fleet_actor::behavior_type fleet(metered_pointer<fleet_actor, fleet_state> self,
                                 std::uint64_t census_id,
                                 const fleet_config& config,
                                 std::shared_ptr<census> people,
                                 storage::home_stores* stores);

} // namespace furrow::actors
