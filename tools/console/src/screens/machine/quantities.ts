/// The values of the live view: kind, name, and where their history is. Pure.
///
/// Units: history in the unit that the screen shows; speeds in km/h.
/// Source: can/live/quantity_table.hpp.
import type { Schema } from "../../api/types";
import { keyWords } from "../../format/number";

/// history = physical value * factor + offset
export interface CatalogueSignal {
  name: string;
  factor: number;
  offset: number;
}
export interface Quantity {
  key: string;
  kind: string;
  column?: keyof Schema<"telemetry">; // second by second
  signals: CatalogueSignal[]; // by minute, hour and day; the best first
}

const degrees_per_radian = 180 / Math.PI;
const from = (name: string, factor = 1, offset = 0): CatalogueSignal => ({ name, factor, offset });
const kelvin = (name: string) => from(name, 1, -273.15);
const quantity = (
  kind: string, key: string, column: keyof Schema<"telemetry"> | null, ...signals: CatalogueSignal[]): Quantity =>
  column ? { key, kind, column, signals } : { key, kind, signals };

export const quantities: readonly Quantity[] = [
  quantity("Driving", "mode", null),
  quantity("Driving", "ground_speed_mps", "speed_kmh", from("GBSD.ground_based_speed", 3.6),
    from("N2K_COG_SOG.speed_over_ground", 3.6), from("VDS.navigation_based_speed")),
  quantity("Driving", "wheel_speed_mps", "wheel_speed_kmh", from("WBSD.wheel_based_speed", 3.6),
    from("CCVS1.wheel_based_vehicle_speed")),
  quantity("Driving", "selected_speed_mps", null, from("MSS.machine_selected_speed", 3.6)),
  quantity("Driving", "direction", null),
  quantity("Driving", "wheel_distance_m", null, from("WBSD.wheel_based_distance")),
  quantity("Driving", "ground_distance_m", null, from("GBSD.ground_based_distance")),
  quantity("Driving", "total_distance_km", null, from("VDHR.total_distance_fine", 0.001), from("VD.total_distance")),
  quantity("Engine", "engine_speed_rpm", "engine_speed_rpm", from("EEC1.engine_speed")),
  quantity("Engine", "engine_load_pct", "engine_load_pct", from("EEC2.engine_load")),
  quantity("Engine", "engine_torque_pct", null, from("EEC1.engine_torque_actual")),
  quantity("Engine", "engine_hours_h", "engine_hours_h", from("HOURS.engine_hours")),
  quantity("Engine", "oil_pressure_kpa", "oil_pressure_kpa", from("EFL_P1.engine_oil_pressure")),
  quantity("Engine", "battery_v", "battery_v", from("VEP1.battery_voltage")),
  quantity("Fuel", "fuel_rate_lph", "fuel_rate_lph", from("LFE1.engine_fuel_rate")),
  quantity("Fuel", "fuel_level_pct", "fuel_level_pct", from("DD1.fuel_level_1")),
  quantity("Fuel", "total_fuel_l", "total_fuel_l", from("LFC1.total_fuel")),
  quantity("Temperatures", "coolant_temperature_c", "coolant_temperature_c", from("ET1.engine_coolant_temperature")),
  quantity("Temperatures", "engine_oil_temperature_c", null, from("ET1.engine_oil_temperature")),
  quantity("Temperatures", "fuel_temperature_c", null, from("ET1.engine_fuel_temperature")),
  quantity("Temperatures", "intake_air_temperature_c", null),
  quantity("Temperatures", "exhaust_temperature_c", null),
  quantity("Temperatures", "hydraulic_oil_temperature_c", null),
  quantity("Temperatures", "transmission_oil_temperature_c", null, from("TRF1.transmission_oil_temperature")),
  quantity("Hitch and PTO", "rear_pto_rpm", "rear_pto_rpm", from("RPTO.rear_pto_speed")),
  quantity("Hitch and PTO", "front_pto_rpm", "front_pto_rpm", from("FPTO.front_pto_speed")),
  quantity("Hitch and PTO", "rear_hitch_pct", "rear_hitch_pct", from("RHS.rear_hitch_position")),
  quantity("Hitch and PTO", "front_hitch_pct", "front_hitch_pct", from("FHS.front_hitch_position")),
  quantity("Hitch and PTO", "rear_hitch_in_work", null, from("RHS.rear_hitch_in_work")),
  quantity("Hitch and PTO", "front_hitch_in_work", null, from("FHS.front_hitch_in_work")),
  quantity("Position and steering", "position", null),
  quantity("Position and steering", "altitude_m", "altitude_m", from("N2K_GNSS_POSITION.gnss_altitude"),
    from("VDS.altitude")),
  quantity("Position and steering", "gnss", null),
  quantity("Position and steering", "course_deg", "course_deg",
    from("N2K_COG_SOG.course_over_ground", degrees_per_radian), from("VDS.compass_bearing")),
  quantity("Position and steering", "heading_deg", null, from("N2K_HEADING.heading", degrees_per_radian)),
  quantity("Position and steering", "yaw_rate_dps", null, from("N2K_RATE_OF_TURN.rate_of_turn", degrees_per_radian)),
  quantity("Position and steering", "curvature_per_km", null, from("GMS.estimated_curvature")),
  quantity("Position and steering", "commanded_curvature_per_km", null, from("GSC.curvature_command")),
  quantity("Surroundings", "ambient_temperature_c", "ambient_temperature_c", from("AMB.ambient_air_temperature"),
    kelvin("N2K_TEMPERATURE.temperature_actual"), kelvin("N2K_TEMPERATURE_EXTENDED.extended_temperature_actual"),
    kelvin("N2K_ENVIRONMENT.environment_temperature")),
  quantity("Surroundings", "ambient_humidity_pct", null, from("N2K_HUMIDITY.humidity_actual"),
    from("N2K_ENVIRONMENT.environment_humidity")),
  quantity("Surroundings", "ambient_pressure_kpa", null, from("AMB.barometric_pressure"),
    from("N2K_ACTUAL_PRESSURE.actual_pressure", 0.001), from("N2K_ENVIRONMENT.environment_pressure", 0.001)),
];

const by_key = new Map(quantities.map((one) => [one.key, one]));
export const quantityOf = (key: string): Quantity | undefined => by_key.get(key);

const short_words: Record<string, string> = { gnss: "GNSS fix", rear_pto_rpm: "rear PTO", front_pto_rpm: "front PTO" };
/// "engine speed"; a signal of the catalogue or of a DBC file keeps its name.
export const titleOf = (id: string): string =>
  id.includes(".") ? id : short_words[id] ?? keyWords(id).replace(/ dps$/, "");

export const own_kind = "Own signals";
/// Of a key that a newer node sends and this page does not know.
export const kindOf = (key: string): string => quantityOf(key)?.kind ?? "Other";
export const kinds: readonly string[] = [...new Set(quantities.map((one) => one.kind)), "Other"];

export interface GaugeRange {
  key: string;
  min: number;
  max: number;
}
/// The main values, with the usual range of a tractor.
export const gauges: readonly GaugeRange[] = [
  { key: "ground_speed_mps", min: 0, max: 50 },
  { key: "engine_speed_rpm", min: 0, max: 2500 },
  { key: "engine_load_pct", min: 0, max: 100 },
  { key: "fuel_rate_lph", min: 0, max: 60 },
  { key: "fuel_level_pct", min: 0, max: 100 },
  { key: "coolant_temperature_c", min: 0, max: 120 },
  { key: "oil_pressure_kpa", min: 0, max: 700 },
  { key: "battery_v", min: 10, max: 16 },
  { key: "rear_pto_rpm", min: 0, max: 1000 },
  { key: "rear_hitch_pct", min: 0, max: 100 },
];
