/// The quantities of a live state: name and unit, telemetry column, and the catalogue signals that
/// carry the quantity.
///
/// Shape: one row per number or word, in the order of display. A value with several parts (position,
///   gnss) has one row, and a row for each part, whose key contains a dot. Signals have the names of
///   deploy/catalogue/furrow-agricultural.dbc, the best first, as live_state.hpp orders their PGNs. A
///   row without signals: the catalogue does not contain the message.
/// Units: units of display; empty for words and plain numbers. Keys end in the unit, too, so that a
///   number can be read by itself.
#pragma once

#include "can/live/live_state.hpp"

#include <array>
#include <cstddef>
#include <numbers>
#include <string_view>

namespace furrow::can {

/// value = physical value of the signal * factor + offset.
struct catalogue_signal {
  std::string_view message{};
  std::string_view signal{};
  double factor = 1;
  double offset = 0;
};

/// The column of `furrow.telemetry` that keeps a quantity: value * factor.
struct kept_column {
  int at = -1; // index in `telemetry_row::values`; stored state depends on it; -1: not kept
  std::string_view name{};
  std::string_view key{};  // in JSON, with the unit
  std::string_view unit{}; // empty: the unit of the quantity
  double factor = 1;
};

struct live_quantity {
  std::string_view key;
  std::string_view unit;
  kept_column kept{};
  std::array<catalogue_signal, 4> signals{}; // entries without a name are unused

  [[nodiscard]] constexpr std::string_view kept_unit() const {
    return kept.unit.empty() ? unit : kept.unit;
  }
};

namespace quantity_units {
inline constexpr double from_kmh = 1 / 3.6;
inline constexpr double to_kmh = 3.6;
inline constexpr double from_rad = 180 / std::numbers::pi;
inline constexpr double from_pa = 0.001;
inline constexpr double from_m = 0.001;
inline constexpr double from_kelvin = -273.15;
} // namespace quantity_units

inline constexpr auto live_quantities = [] {
  using namespace quantity_units;
  return std::to_array<live_quantity>({
    {"engine_speed_rpm",
     "rpm",
     {2, "engine_speed", "engine_speed_rpm"},
     {{{"EEC1", "engine_speed"}}}},
    {"engine_load_pct", "%", {3, "engine_load", "engine_load_pct"}, {{{"EEC2", "engine_load"}}}},
    {"engine_torque_pct", "%", {}, {{{"EEC1", "engine_torque_actual"}}}},
    {"wheel_speed_mps",
     "m/s",
     {1, "wheel_speed", "wheel_speed_kmh", "km/h", to_kmh},
     {{{"WBSD", "wheel_based_speed"}, {"CCVS1", "wheel_based_vehicle_speed", from_kmh}}}},
    // The column contains the wheel speed if the ground speed is absent.
    {"ground_speed_mps",
     "m/s",
     {0, "speed", "speed_kmh", "km/h", to_kmh},
     {{{"GBSD", "ground_based_speed"},
       {"N2K_COG_SOG", "speed_over_ground"},
       {"VDS", "navigation_based_speed", from_kmh}}}},
    {"selected_speed_mps", "m/s", {}, {{{"MSS", "machine_selected_speed"}}}},
    {"direction",
     "",
     {},
     {{{"MSS", "machine_selected_direction"},
       {"WBSD", "wheel_based_direction"},
       {"GBSD", "ground_based_direction"}}}},
    {"fuel_rate_lph", "L/h", {4, "fuel_rate", "fuel_rate_lph"}, {{{"LFE1", "engine_fuel_rate"}}}},
    {"fuel_level_pct", "%", {5, "fuel_level", "fuel_level_pct"}, {{{"DD1", "fuel_level_1"}}}},
    {"total_fuel_l", "L", {19, "total_fuel", "total_fuel_l"}, {{{"LFC1", "total_fuel"}}}},
    {"engine_hours_h", "h", {18, "engine_hours", "engine_hours_h"}, {{{"HOURS", "engine_hours"}}}},
    {"wheel_distance_m", "m", {}, {{{"WBSD", "wheel_based_distance"}}}},
    {"ground_distance_m", "m", {}, {{{"GBSD", "ground_based_distance"}}}},
    {"total_distance_km",
     "km",
     {},
     {{{"VDHR", "total_distance_fine", from_m}, {"VD", "total_distance"}}}},
    {"coolant_temperature_c",
     "°C",
     {6, "coolant_temperature", "coolant_temperature_c"},
     {{{"ET1", "engine_coolant_temperature"}}}},
    {"engine_oil_temperature_c", "°C", {}, {{{"ET1", "engine_oil_temperature"}}}},
    {"fuel_temperature_c", "°C", {}, {{{"ET1", "engine_fuel_temperature"}}}},
    {"intake_air_temperature_c", "°C", {}, {}},    // IC1 65270, SPN 105
    {"exhaust_temperature_c", "°C", {}, {}},       // IC1 65270, SPN 173
    {"hydraulic_oil_temperature_c", "°C", {}, {}}, // VF 65128, SPN 1638
    {"transmission_oil_temperature_c", "°C", {}, {{{"TRF1", "transmission_oil_temperature"}}}},
    {"ambient_temperature_c",
     "°C",
     {9, "ambient_temperature", "ambient_temperature_c"},
     {{{"AMB", "ambient_air_temperature"},
       {"N2K_TEMPERATURE", "temperature_actual", 1, from_kelvin},
       {"N2K_TEMPERATURE_EXTENDED", "extended_temperature_actual", 1, from_kelvin},
       {"N2K_ENVIRONMENT", "environment_temperature", 1, from_kelvin}}}},
    {"ambient_humidity_pct",
     "%",
     {},
     {{{"N2K_HUMIDITY", "humidity_actual"}, {"N2K_ENVIRONMENT", "environment_humidity"}}}},
    {"ambient_pressure_kpa",
     "kPa",
     {},
     {{{"AMB", "barometric_pressure"},
       {"N2K_ACTUAL_PRESSURE", "actual_pressure", from_pa},
       {"N2K_ENVIRONMENT", "environment_pressure", from_pa}}}},
    {"oil_pressure_kpa",
     "kPa",
     {7, "oil_pressure", "oil_pressure_kpa"},
     {{{"EFL_P1", "engine_oil_pressure"}}}},
    {"battery_v", "V", {8, "battery_voltage", "battery_v"}, {{{"VEP1", "battery_voltage"}}}},
    {"rear_pto_rpm", "rpm", {10, "rear_pto_speed", "rear_pto_rpm"}, {{{"RPTO", "rear_pto_speed"}}}},
    {"front_pto_rpm",
     "rpm",
     {11, "front_pto_speed", "front_pto_rpm"},
     {{{"FPTO", "front_pto_speed"}}}},
    {"rear_hitch_pct",
     "%",
     {12, "rear_hitch", "rear_hitch_pct"},
     {{{"RHS", "rear_hitch_position"}}}},
    {"front_hitch_pct",
     "%",
     {13, "front_hitch", "front_hitch_pct"},
     {{{"FHS", "front_hitch_position"}}}},
    {"rear_hitch_in_work", "", {}, {{{"RHS", "rear_hitch_in_work"}}}},
    {"front_hitch_in_work", "", {}, {{{"FHS", "front_hitch_in_work"}}}},
    {"position", "deg", {}, {}},
    {"position.latitude_deg",
     "deg",
     {14, "latitude", "latitude_deg"},
     {{{"N2K_POSITION", "position_latitude"},
       {"N2K_GNSS_POSITION", "gnss_latitude"},
       {"VP1", "latitude"}}}},
    {"position.longitude_deg",
     "deg",
     {15, "longitude", "longitude_deg"},
     {{{"N2K_POSITION", "position_longitude"},
       {"N2K_GNSS_POSITION", "gnss_longitude"},
       {"VP1", "longitude"}}}},
    {"altitude_m",
     "m",
     {16, "altitude", "altitude_m"},
     {{{"N2K_GNSS_POSITION", "gnss_altitude"}, {"VDS", "altitude"}}}},
    {"gnss", "", {}, {}},
    {"gnss.method", "", {}, {{{"N2K_GNSS_POSITION", "gnss_method"}}}},
    {"gnss.satellites", "", {}, {{{"N2K_GNSS_POSITION", "gnss_satellites"}}}},
    {"gnss.hdop", "", {}, {{{"N2K_GNSS_POSITION", "gnss_hdop"}}}},
    // Over ground, from true north.
    {"course_deg",
     "deg",
     {17, "course", "course_deg"},
     {{{"N2K_COG_SOG", "course_over_ground", from_rad}, {"VDS", "compass_bearing"}}}},
    {"heading_deg", "deg", {}, {{{"N2K_HEADING", "heading", from_rad}}}},
    {"yaw_rate_dps", "deg/s", {}, {{{"N2K_RATE_OF_TURN", "rate_of_turn", from_rad}}}},
    {"curvature_per_km", "1/km", {}, {{{"GMS", "estimated_curvature"}}}},
    {"commanded_curvature_per_km", "1/km", {}, {{{"GSC", "curvature_command"}}}},
  });
}();

/// The row with this key; an unknown key does not compile.
consteval const live_quantity& quantity_named(std::string_view key) {
  std::size_t at = 0;
  while (at < live_quantities.size() && live_quantities[at].key != key)
    ++at;
  return live_quantities.at(at);
}

/// Calls `visit(name, unit, std::optional<observed<...>>)` for each, in the order of the table; name
/// and unit end in a zero byte.
template <class Visit>
void for_each_quantity(const live_state& state, Visit visit) {
  const auto each = [&visit](const live_quantity& of, const auto& seen) {
    visit(of.key.data(), of.unit.data(), seen); // literals
  };
  each(quantity_named("engine_speed_rpm"), state.engine_speed_rpm);
  each(quantity_named("engine_load_pct"), state.engine_load_pct);
  each(quantity_named("engine_torque_pct"), state.engine_torque_pct);
  each(quantity_named("wheel_speed_mps"), state.wheel_speed_mps);
  each(quantity_named("ground_speed_mps"), state.ground_speed_mps);
  each(quantity_named("selected_speed_mps"), state.selected_speed_mps);
  each(quantity_named("direction"), state.direction);
  each(quantity_named("fuel_rate_lph"), state.fuel_rate_lph);
  each(quantity_named("fuel_level_pct"), state.fuel_level_pct);
  each(quantity_named("total_fuel_l"), state.total_fuel_l);
  each(quantity_named("engine_hours_h"), state.engine_hours_h);
  each(quantity_named("wheel_distance_m"), state.wheel_distance_m);
  each(quantity_named("ground_distance_m"), state.ground_distance_m);
  each(quantity_named("total_distance_km"), state.total_distance_km);
  each(quantity_named("coolant_temperature_c"), state.coolant_temperature_c);
  each(quantity_named("engine_oil_temperature_c"), state.engine_oil_temperature_c);
  each(quantity_named("fuel_temperature_c"), state.fuel_temperature_c);
  each(quantity_named("intake_air_temperature_c"), state.intake_air_temperature_c);
  each(quantity_named("exhaust_temperature_c"), state.exhaust_temperature_c);
  each(quantity_named("hydraulic_oil_temperature_c"), state.hydraulic_oil_temperature_c);
  each(quantity_named("transmission_oil_temperature_c"), state.transmission_oil_temperature_c);
  each(quantity_named("ambient_temperature_c"), state.ambient_temperature_c);
  each(quantity_named("ambient_humidity_pct"), state.ambient_humidity_pct);
  each(quantity_named("ambient_pressure_kpa"), state.ambient_pressure_kpa);
  each(quantity_named("oil_pressure_kpa"), state.oil_pressure_kpa);
  each(quantity_named("battery_v"), state.battery_v);
  each(quantity_named("rear_pto_rpm"), state.rear_pto_rpm);
  each(quantity_named("front_pto_rpm"), state.front_pto_rpm);
  each(quantity_named("rear_hitch_pct"), state.rear_hitch_pct);
  each(quantity_named("front_hitch_pct"), state.front_hitch_pct);
  each(quantity_named("rear_hitch_in_work"), state.rear_hitch_in_work);
  each(quantity_named("front_hitch_in_work"), state.front_hitch_in_work);
  each(quantity_named("position"), state.position);
  each(quantity_named("altitude_m"), state.altitude_m);
  each(quantity_named("gnss"), state.gnss);
  each(quantity_named("course_deg"), state.course_deg);
  each(quantity_named("heading_deg"), state.heading_deg);
  each(quantity_named("yaw_rate_dps"), state.yaw_rate_dps);
  each(quantity_named("curvature_per_km"), state.curvature_per_km);
  each(quantity_named("commanded_curvature_per_km"), state.commanded_curvature_per_km);
}

} // namespace furrow::can
