/// The meaning of a data dictionary identifier (DDI): name, unit and scale of values that implements send and receive.
///
/// Shape: a value on the bus is a signed 32-bit number; number * scale is in `unit`. The table has the DDIs of field
///   work: rates, yield, moisture, depths, widths, contents, totals, work states, geometry, fuel, bales, cotton,
///   weather.
/// Limits: a DDI outside the table is unknown; its number is still a value, without name and unit.
/// Source: ISO 11783-11 (isobus.net), as of October 2025.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::can {

struct ddi_definition {
  std::uint16_t ddi = 0;
  std::string_view role;     // "setpoint", "actual", "default", "minimum", "maximum", or empty
  std::string_view quantity; // "mass per area application rate"
  std::string_view unit;     // empty: a state or a plain number
  double scale = 1;
  /// For a DDI with the states of sixteen sections: the number of the first section; else 0.
  std::uint16_t first_section = 0;

  [[nodiscard]] std::string name() const;
};

[[nodiscard]] std::optional<ddi_definition> find_ddi(std::uint16_t ddi);

/// State of a work element or section, two bits each.
enum class work_state : std::uint8_t { off = 0, on = 1, error = 2, not_installed = 3 };

/// The state of section `index` (0 .. 15) in a condensed work state.
[[nodiscard]] constexpr work_state section_state(std::int32_t value, unsigned index) {
  return static_cast<work_state>(static_cast<std::uint32_t>(value) >> (index * 2) & 3U);
}

} // namespace furrow::can
