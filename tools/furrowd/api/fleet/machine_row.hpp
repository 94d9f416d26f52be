/// A machine of the fleet as the API shows it in full.
///
/// Errors: absent is null, never zero.
/// Threads: a pure function.
#pragma once

#include "tools/furrowd/api/bodies/machine_json.hpp"
#include "tools/furrowd/api/fleet/fleet_rows.hpp"

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

namespace furrow::http {

[[nodiscard]] inline json
machine_row(const fleet_rows& of, const fleet_machine& machine, std::int64_t now_us) {
  static const std::string nowhere;
  auto row = to_json(machine.stored, machine.live, now_us,
                     machine.live_at != nullptr ? *machine.live_at : nowhere);
  const bool here = row.at("connected") == true;
  const auto& place = of.place_of(machine.name());
  if (!here && !place.node.empty())
    row["node"] = place.node;
  row["awaiting_gateway"] = !here && place.awaiting;
  row["pinned_to"] = place.pinned_to.empty() ? json(nullptr) : json(place.pinned_to);
  return row;
}

} // namespace furrow::http
