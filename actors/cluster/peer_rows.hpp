/// The rows of actors and machines as they travel between nodes, and back.
///
/// Shape: a machine's live state is a list of values with the keys of can/live/quantity_table.hpp. A key that this
///   version does not know is left out.
/// Threads: pure functions.
#pragma once

#include "actors/live/live_view.hpp"
#include "can/isobus/diagnostics.hpp"
#include "proto/link.hpp"

#include <memory>
#include <string>
#include <vector>

namespace furrow::actors {

[[nodiscard]] proto::link::actor_row to_wire(const actor_row& row);
[[nodiscard]] actor_row from_wire(proto::link::actor_row row);

[[nodiscard]] proto::link::machine_row to_wire(const live_equipment& machine);
/// As many as a row may have, the active ones first.
[[nodiscard]] std::vector<proto::link::machine_fault>
to_wire(const std::vector<can::fault>& faults);
[[nodiscard]] std::vector<can::fault>
from_wire(const std::vector<proto::link::machine_fault>& faults);
[[nodiscard]] std::shared_ptr<const live_equipment> from_wire(proto::link::machine_row row,
                                                              const std::string& farm);

/// Whether a machine's row of one node is newer than that of another: the one that is connected, then the one with the
/// newest claim, then the one with the latest frame.
[[nodiscard]] bool is_newer(const live_equipment& left, const live_equipment& right);

} // namespace furrow::actors
