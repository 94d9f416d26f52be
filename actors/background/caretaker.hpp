/// The caretaker: makes the partitions that the database needs, then carries out retention.
///
/// Shape: a check makes partitions in one call, then deletes old data in a few steps a call. Several
///   nodes may do so at the same time: the store allows one at a time.
/// Errors: a check that fails is logged once and retried. Nothing is lost. Rows outside the partition
///   of their time raise an alarm until there are none.
/// Limits: one call at a time.
#pragma once

#include "actors/live/census.hpp"
#include "actors/live/metered_actor.hpp"
#include "actors/live/wall_clock.hpp"
#include "actors/messages.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace furrow::actors {

struct caretaker_config {
  std::size_t home = 0; // the index of the database in storage/homes/home_stores.hpp
  std::chrono::milliseconds first_look{5'000}; // the schema may not be complete yet
  std::chrono::milliseconds look_every{600'000};
  std::chrono::milliseconds retry{30'000}; // after a failure, or while another node works
  std::chrono::milliseconds pause{100};    // after each transaction of retention
  std::uint32_t steps_a_call = 64;
  std::function<std::int64_t()> wall_us = wall_clock_us;
};

/// The moment from which retention counts the age of data: nothing is the clock of the database. A clock that is more
/// than a day after the newest frame of every machine is not believed, for a wrong one would take all there is: then
/// the newest frame counts. A frame from the future says nothing.
[[nodiscard]] std::optional<std::int64_t>
retention_moment(const std::vector<storage::equipment_row>& machines, std::int64_t now_us);

struct caretaker_state {
  static constexpr const char* name = "caretaker";
  caretaker_config config;
  std::uint64_t call = 0;
  bool failing = false;
  std::uint64_t told_stray = 0;
  std::string told_fault;
  bool told_held = false;
  std::optional<std::int64_t> moment_us; // as retention_moment has it, for this look
  std::string told_mode;
  storage::store* store = nullptr;
  std::shared_ptr<census> counts;
};

/// `store` outlives the actor and supports retention.
caretaker_actor::behavior_type caretaker(metered_pointer<caretaker_actor, caretaker_state> self,
                                         const caretaker_config& config,
                                         storage::store* store,
                                         std::shared_ptr<census> counts);

} // namespace furrow::actors
