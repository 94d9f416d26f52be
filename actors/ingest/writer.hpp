/// The writer: hands batches to its lane of the store and the answers back. Dying, it takes its
/// connection with it, so that what was under way is in doubt and nothing more can come of it after
/// the next claim.
#pragma once

#include "actors/messages.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <memory>

namespace furrow::actors {

struct writer_state {
  static constexpr const char* name = "writer";
  std::unique_ptr<storage::appender> lane;
  std::uint64_t call = 0;   // the one under way
  aggregator_actor waiting; // who asked for it
};

/// `store` outlives the actor.
writer_actor::behavior_type writer(writer_actor::stateful_pointer<writer_state> self,
                                   storage::store* store,
                                   const std::string& lane);

} // namespace furrow::actors
