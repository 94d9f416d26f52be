/// The writer: passes batches to its lane of the store, and the answers back. When the writer dies,
/// it closes its connection. The current batch is then in doubt, and cannot be stored after the next
/// claim.
#pragma once

#include "actors/live/metered_actor.hpp"
#include "actors/messages.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <memory>

namespace furrow::actors {

struct writer_state {
  static constexpr const char* name = "writer";
  std::unique_ptr<storage::appender> lane;
  std::uint64_t call = 0;   // the current call
  aggregator_actor waiting; // the sender of the current call
};

/// `store` outlives the actor.
writer_actor::behavior_type writer(metered_pointer<writer_actor, writer_state> self,
                                   storage::store* store,
                                   const std::string& lane);

} // namespace furrow::actors
