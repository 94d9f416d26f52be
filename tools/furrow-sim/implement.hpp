/// What a simulated implement says on the bus: its device description, and its process data.
///
/// Units: as the DDIs of ISO 11783-11; the description presents them as people write them.
/// Threads: pure functions.
/// Source: ISO 11783-10, annex A (object pool), annex B (messages); DDIs 2, 7, 67, 84, 116, 134, 161.
#pragma once

#include "tools/furrow-sim/field_work.hpp"

#include <array>
#include <cstdint>
#include <vector>

namespace furrow::sim {

/// Device class and function of its NAME (ISO 11783-1).
struct implement_name {
  unsigned function = 0;
  unsigned device_class = 0;
};
[[nodiscard]] implement_name name_of(implement_kind kind);

/// The message that carries the object pool: command 1, then the pool.
[[nodiscard]] std::vector<std::uint8_t> device_description(const field_plan& plan,
                                                           std::uint64_t name);

using process_payload = std::array<std::uint8_t, 8>;
/// The states of the sections (DDI 161).
[[nodiscard]] process_payload section_states(const field_work& work);
/// Width, rate or yield, and area.
[[nodiscard]] std::vector<process_payload> implement_values(const field_work& work);

} // namespace furrow::sim
