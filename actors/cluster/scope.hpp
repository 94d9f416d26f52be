/// Which actors a person or program may see and end: the asking node and the answering node decide alike.
///
/// Threads: pure functions.
#pragma once

#include "actors/live/live_view.hpp"
#include "proto/link.hpp"

namespace furrow::actors {

/// Whether an actor serves all farms. The others are named after their machine, "equipment FARM/NAME".
[[nodiscard]] bool is_shared(const actor_row& row);
[[nodiscard]] bool may_see(const actor_row& row, const proto::link::scope& who);
/// Leaves out what the scope may not see: actors of other machines, and what befell shared ones.
void narrow(std::vector<actor_row>& rows, const proto::link::scope& who);

} // namespace furrow::actors
