/// The device description of an implement: device, elements, process data, properties, value presentations.
///
/// Shape: an object pool is a sequence of objects, each with a three-letter tag and an id of 16 bits. Elements refer to
///   process data and properties by id, and these refer to the presentation of their values.
/// Units: a presented value is (number + offset) * scale, in the unit of the presentation.
/// Errors: `ddop_errc` with the position in bytes. References to missing objects are kept, because real pools have
///   them; a missing presentation means no presentation.
/// Limits: `ddop_bytes_max`; an id is unique, so there are at most 65,536 objects. Text is kept as received (UTF-8, or
///   ISO 8859-1 of old devices).
/// Source: ISO 11783-10, annex A; versions 1 to 4.
#pragma once

#include "can/frame/name.hpp"
#include "can/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::can {

inline constexpr std::size_t ddop_bytes_max = 4U << 20U;
inline constexpr std::uint16_t no_object = 0xFFFF;

enum class ddop_errc : std::uint8_t {
  none = 0,
  truncated = 1,      // the pool ends inside an object
  unknown_object = 2, // a tag that ISO 11783-10 does not define
  doubled_id = 3,     // two objects with one id
  too_long = 4,       // beyond a limit of the standard or of ours
  no_device = 5,      // a pool without a device, or with two
};
[[nodiscard]] const char* to_string(ddop_errc code);

/// DVC
struct ddop_device {
  std::uint16_t id = 0;
  std::string designator;
  std::string software_version;
  iso_name name;
  std::string serial_number;
  std::string structure_label;                      // seven bytes
  std::array<std::uint8_t, 7> localization_label{}; // language, units: ISO 11783-7
  std::string extended_structure_label;             // version 4
};

enum class element_type : std::uint8_t {
  device = 1,
  function = 2,
  bin = 3,
  section = 4,
  unit = 5,
  connector = 6,
  navigation_reference = 7,
};
[[nodiscard]] const char* to_string(element_type type);

/// DET
struct ddop_element {
  std::uint16_t id = 0;
  element_type type = element_type::device; // unnamed types are kept too
  std::string designator;
  std::uint16_t number = 0; // what process data calls `element`
  std::uint16_t parent = 0; // id
  std::vector<std::uint16_t> objects;
};

/// DPD
struct ddop_process_data {
  std::uint16_t id = 0;
  std::uint16_t ddi = 0;
  std::uint8_t properties = 0; // bit 0 default set, 1 settable, 2 control source
  std::uint8_t triggers = 0;   // bit 0 time, 1 distance, 2 threshold, 3 on change, 4 total
  std::string designator;
  std::uint16_t presentation = no_object;
};

/// DPT
struct ddop_property {
  std::uint16_t id = 0;
  std::uint16_t ddi = 0;
  std::int32_t value = 0;
  std::string designator;
  std::uint16_t presentation = no_object;
};

/// DVP
struct value_presentation {
  std::uint16_t id = 0;
  std::int32_t offset = 0;
  double scale = 1; // a float on the wire; here its shortest decimal: 0.001
  std::uint8_t decimals = 0;
  std::string unit;

  [[nodiscard]] double present(std::int32_t number) const {
    return (static_cast<double>(number) + offset) * scale;
  }
};

struct ddop {
  ddop_device device;
  std::vector<ddop_element> elements;
  std::vector<ddop_process_data> process_data;
  std::vector<ddop_property> properties;
  std::vector<value_presentation> presentations;

  [[nodiscard]] const ddop_element* element(std::uint16_t number) const;
  /// The process data with this DDI in this element.
  [[nodiscard]] const ddop_process_data* find(std::uint16_t element_number,
                                              std::uint16_t ddi) const;
  [[nodiscard]] const ddop_property* property(std::uint16_t element_number,
                                              std::uint16_t ddi) const;
  [[nodiscard]] const value_presentation* presentation(std::uint16_t id) const;
};

[[nodiscard]] result<ddop, ddop_errc> parse_ddop(std::span<const std::uint8_t> pool);

} // namespace furrow::can
