/// The quantities of a live state by name, each with its unit: what an API, a table or a record shows
/// of it, told once.
///
/// Units: as people read them; empty where the value is a word. The name ends in the unit as well, so
///   that a number can be read without the rest.
#pragma once

#include "can/live/live_state.hpp"

namespace furrow::can {

/// Calls `visit(name, unit, std::optional<observed<...>>)` for each, in the order in which people
/// read them; `name` and `unit` are string literals.
template <class Visit>
void for_each_quantity(const live_state& state, Visit visit) {
  visit("engine_speed_rpm", "rpm", state.engine_speed_rpm);
  visit("engine_load_pct", "%", state.engine_load_pct);
  visit("engine_torque_pct", "%", state.engine_torque_pct);
  visit("wheel_speed_mps", "m/s", state.wheel_speed_mps);
  visit("ground_speed_mps", "m/s", state.ground_speed_mps);
  visit("selected_speed_mps", "m/s", state.selected_speed_mps);
  visit("direction", "", state.direction);
  visit("fuel_rate_lph", "L/h", state.fuel_rate_lph);
  visit("fuel_level_pct", "%", state.fuel_level_pct);
  visit("total_fuel_l", "L", state.total_fuel_l);
  visit("engine_hours_h", "h", state.engine_hours_h);
  visit("wheel_distance_m", "m", state.wheel_distance_m);
  visit("ground_distance_m", "m", state.ground_distance_m);
  visit("total_distance_km", "km", state.total_distance_km);
  visit("coolant_temperature_c", "°C", state.coolant_temperature_c);
  visit("engine_oil_temperature_c", "°C", state.engine_oil_temperature_c);
  visit("fuel_temperature_c", "°C", state.fuel_temperature_c);
  visit("intake_air_temperature_c", "°C", state.intake_air_temperature_c);
  visit("exhaust_temperature_c", "°C", state.exhaust_temperature_c);
  visit("hydraulic_oil_temperature_c", "°C", state.hydraulic_oil_temperature_c);
  visit("transmission_oil_temperature_c", "°C", state.transmission_oil_temperature_c);
  visit("ambient_temperature_c", "°C", state.ambient_temperature_c);
  visit("ambient_humidity_pct", "%", state.ambient_humidity_pct);
  visit("ambient_pressure_kpa", "kPa", state.ambient_pressure_kpa);
  visit("oil_pressure_kpa", "kPa", state.oil_pressure_kpa);
  visit("battery_v", "V", state.battery_v);
  visit("rear_pto_rpm", "rpm", state.rear_pto_rpm);
  visit("front_pto_rpm", "rpm", state.front_pto_rpm);
  visit("rear_hitch_pct", "%", state.rear_hitch_pct);
  visit("front_hitch_pct", "%", state.front_hitch_pct);
  visit("rear_hitch_in_work", "", state.rear_hitch_in_work);
  visit("front_hitch_in_work", "", state.front_hitch_in_work);
  visit("position", "deg", state.position);
  visit("altitude_m", "m", state.altitude_m);
  visit("gnss", "", state.gnss);
  visit("course_deg", "deg", state.course_deg);
  visit("heading_deg", "deg", state.heading_deg);
  visit("yaw_rate_dps", "deg/s", state.yaw_rate_dps);
  visit("curvature_per_km", "1/km", state.curvature_per_km);
  visit("commanded_curvature_per_km", "1/km", state.commanded_curvature_per_km);
}

} // namespace furrow::can
