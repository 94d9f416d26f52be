#include "can/records/kind.hpp"

#include <algorithm>
#include <array>

namespace furrow::can {

namespace {

constexpr double count_max = 1e12;

constexpr std::array<std::string_view, 5> sensor_types{"soil", "weather", "yield", "machine",
                                                       "other"};
constexpr std::array<std::string_view, 3> qualities{"good", "suspect", "bad"};
constexpr std::array<std::string_view, 5> lamps{"off", "protect", "amber", "red", "malfunction"};

constexpr record_field latitude{"latitude_deg", field_type::real, false, -90, 90, "deg", {},
                                "longitude_deg"};
constexpr record_field longitude{"longitude_deg", field_type::real, false, -180, 180, "deg", {},
                                 "latitude_deg"};
constexpr record_field altitude{"altitude_m", field_type::real, false, -500, 10'000, "m"};
constexpr record_field quality{"quality", field_type::word, false, 1, 16, {}, qualities};

constexpr std::array<record_field, 9> sensor_fields{{
  {"sensor", field_type::text, true, 1, 64},
  {"type", field_type::word, true, 1, 16, {}, sensor_types},
  {"quantity", field_type::text, true, 1, 64},
  {"value", field_type::real, true, -1e12, 1e12},
  {"unit", field_type::text, true, 1, 16}, // "1" for a value without a unit
  latitude,
  longitude,
  altitude,
  quality,
}};

constexpr std::array<record_field, 9> yield_fields{{
  {"mass_flow_kgps", field_type::real, true, 0, 200, "kg/s"},
  {"moisture_pct", field_type::real, false, 0, 100, "%"},
  {"width_m", field_type::real, true, 0, 60, "m"},
  {"speed_mps", field_type::real, true, 0, 30, "m/s"},
  latitude,
  longitude,
  altitude,
  {"crop", field_type::text, false, 1, 64},
  quality,
}};

constexpr std::array<record_field, 7> token_fields{{
  {"agent", field_type::text, true, 1, 128},
  {"task", field_type::text, false, 1, 256},
  {"model", field_type::text, true, 1, 128},
  {"prompt_tokens", field_type::amount, true, 0, count_max},
  {"completion_tokens", field_type::amount, true, 0, count_max},
  {"cost_usd", field_type::real, false, 0, 1e6, "USD"},
  {"duration_ms", field_type::real, false, 0, 86'400'000, "ms"},
}};

constexpr std::array<record_field, 7> fault_fields{{
  {"source", field_type::integer, true, 0, 253}, // address of the control unit
  {"spn", field_type::integer, true, 0, 524'287},
  {"fmi", field_type::integer, true, 0, 31},
  {"active", field_type::boolean, true, 0, 1},
  {"occurrences", field_type::integer, false, 0, 126},
  {"lamp", field_type::word, false, 1, 16, {}, lamps},
  {"description", field_type::text, false, 1, 256},
}};

constexpr std::array<record_kind, 4> kinds{{
  {record_kind_sensor, "sensor", "sensor_reading", sensor_fields},
  {record_kind_yield, "yield", "yield_sample", yield_fields},
  {record_kind_tokens, "tokens", "token_usage", token_fields},
  {record_kind_fault, "fault", "fault", fault_fields},
}};

} // namespace

std::span<const record_kind> record_kinds() {
  return kinds;
}

const record_kind* find_record_kind(std::uint16_t number) {
  const auto at = static_cast<std::size_t>(number - record_kind_sensor);
  return number >= record_kind_sensor && at < kinds.size() ? &kinds[at] : nullptr;
}

const record_kind* find_record_kind(std::string_view name) {
  const auto found = std::find_if(kinds.begin(), kinds.end(), [&](const record_kind& kind) {
    return kind.name == name || kind.table == name;
  });
  return found == kinds.end() ? nullptr : &*found;
}

std::string record_kind_names() {
  std::string names;
  for (const auto& kind : kinds)
    names.append(names.empty() ? "" : ", ").append(kind.name);
  return names;
}

std::optional<std::size_t> find_field(const record_kind& kind, std::string_view name) {
  for (std::size_t i = 0; i < kind.fields.size(); ++i)
    if (kind.fields[i].name == name)
      return i;
  return std::nullopt;
}

} // namespace furrow::can
