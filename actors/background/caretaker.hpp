/// The caretaker: at every look it lets the store make the partitions that are wanted, then carry out
/// retention, some steps a call. Any number of nodes may do so at once; the store keeps them apart.
///
/// Errors: a look that fails is told once and tried again at the next; nothing is lost by it. Rows
///   that stand outside any partition of their time are an alarm until there are none.
/// Limits: one call under way.
#pragma once

#include "actors/live/census.hpp"
#include "actors/messages.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstdint>
#include <memory>

namespace furrow::actors {

struct caretaker_config {
  std::chrono::milliseconds first_look{5'000}; // the schema may still be on its way
  std::chrono::milliseconds look_every{600'000};
  std::chrono::milliseconds retry{30'000}; // after a failure, or where another node is at it
  std::chrono::milliseconds pause{100};    // after each transaction of retention
  std::uint32_t steps_a_call = 64;
};

struct caretaker_state {
  static constexpr const char* name = "caretaker";
  caretaker_config config;
  std::uint64_t call = 0;
  bool failing = false;
  std::uint64_t told_stray = 0;
  std::string told_fault;
  std::string told_mode;
  storage::store* store = nullptr;
  std::shared_ptr<census> counts;
};

/// `store` outlives the actor, and has retention.
caretaker_actor::behavior_type caretaker(caretaker_actor::stateful_pointer<caretaker_state> self,
                                         const caretaker_config& config,
                                         storage::store* store,
                                         std::shared_ptr<census> counts);

} // namespace furrow::actors
