#include "can/live/live_state.hpp"

#include "can/frame/identifier.hpp"
#include "can/transport/transport.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <numbers>

namespace furrow::can {

namespace {

// SAE J1939-71
constexpr std::uint32_t pgn_eec2 = 61443;
constexpr std::uint32_t pgn_eec1 = 61444;
constexpr std::uint32_t pgn_vehicle_fluids = 65128;           // VF
constexpr std::uint32_t pgn_distance_high_resolution = 65217; // VDHR
constexpr std::uint32_t pgn_distance = 65248;                 // VD
constexpr std::uint32_t pgn_engine_hours = 65253;
constexpr std::uint32_t pgn_vehicle_direction = 65256; // VDS
constexpr std::uint32_t pgn_fuel_consumption = 65257;
constexpr std::uint32_t pgn_engine_temperature = 65262; // ET1
constexpr std::uint32_t pgn_engine_fluids = 65263;      // EFL/P1
constexpr std::uint32_t pgn_ccvs = 65265;
constexpr std::uint32_t pgn_fuel_economy = 65266;     // LFE1
constexpr std::uint32_t pgn_vehicle_position = 65267; // VP1
constexpr std::uint32_t pgn_ambient = 65269;
constexpr std::uint32_t pgn_inlet_exhaust = 65270;    // IC1
constexpr std::uint32_t pgn_electrical_power = 65271; // VEP1
constexpr std::uint32_t pgn_transmission_fluids = 65272;
constexpr std::uint32_t pgn_dash_display = 65276; // DD1
// ISO 11783-7
constexpr std::uint32_t pgn_guidance_machine = 44032;
constexpr std::uint32_t pgn_guidance_command = 44288;
constexpr std::uint32_t pgn_selected_speed = 61474; // MSS
constexpr std::uint32_t pgn_rear_pto = 65091;
constexpr std::uint32_t pgn_front_pto = 65092;
constexpr std::uint32_t pgn_rear_hitch = 65093;
constexpr std::uint32_t pgn_front_hitch = 65094;
constexpr std::uint32_t pgn_wheel_speed = 65096;  // WBSD
constexpr std::uint32_t pgn_ground_speed = 65097; // GBSD
// NMEA 2000
constexpr std::uint32_t pgn_heading = 127250;
constexpr std::uint32_t pgn_rate_of_turn = 127251;
constexpr std::uint32_t pgn_position_rapid = 129025;
constexpr std::uint32_t pgn_course_speed = 129026;
constexpr std::uint32_t pgn_marine_engine = 127488;
constexpr std::uint32_t pgn_fluid_level = 127505;
constexpr std::uint32_t pgn_environment = 130311;
constexpr std::uint32_t pgn_temperature = 130312;
constexpr std::uint32_t pgn_humidity = 130313;
constexpr std::uint32_t pgn_pressure = 130314;
constexpr std::uint32_t pgn_fine_temperature = 130316;

constexpr double deg_per_rad = 180 / std::numbers::pi;
constexpr double mps_per_kmh = 1 / 3.6;
constexpr std::uint8_t true_north = 0; // NMEA 2000 direction reference
constexpr double kelvin_at_0_c = 273.15;

/// The payload of one message, with the time, PGN and source for its values.
struct reading {
  std::span<const std::uint8_t> data;
  std::int64_t time_us = 0;
  std::uint32_t pgn = 0;
  std::uint8_t source = 0;
  std::uint8_t bus = 0;
  bool late = false; // newer ones came before it

  [[nodiscard]] bool has(std::size_t first, std::size_t bytes) const {
    return data.size() >= first + bytes;
  }
  [[nodiscard]] std::uint64_t raw(std::size_t first, std::size_t bytes) const {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i)
      value |= std::uint64_t{data[first + i]} << (8 * i);
    return value;
  }
  /// Two bits; nothing beyond the payload.
  [[nodiscard]] std::optional<std::uint8_t> bits2(std::size_t byte, unsigned shift) const {
    if (!has(byte, 1))
      return std::nullopt;
    return static_cast<std::uint8_t>(data[byte] >> shift & 3U);
  }
};

/// SAE J1939-71 table 1: in 8, 16 and 32 bits the top byte decides. Above FA there is no value.
std::optional<double> j1939_raw(const reading& from, std::size_t first, std::size_t bytes) {
  if (!from.has(first, bytes) || from.data[first + bytes - 1] > 0xFA)
    return std::nullopt;
  return static_cast<double>(from.raw(first, bytes));
}

/// NMEA 2000: only the three largest values are special.
std::optional<double> n2k_unsigned(const reading& from, std::size_t first, std::size_t bytes) {
  if (!from.has(first, bytes)
      || from.raw(first, bytes) >= (~std::uint64_t{0} >> (64 - 8 * bytes)) - 2)
    return std::nullopt;
  return static_cast<double>(from.raw(first, bytes));
}

std::optional<double> n2k_signed(const reading& from, std::size_t first, std::size_t bytes) {
  if (!from.has(first, bytes))
    return std::nullopt;
  const auto spare = 64 - 8 * bytes;
  const auto value = static_cast<std::int64_t>(from.raw(first, bytes) << spare) >> spare;
  if (value >= static_cast<std::int64_t>(~std::uint64_t{0} >> (spare + 1)) - 2)
    return std::nullopt;
  return static_cast<double>(value);
}

template <class T>
void file(std::optional<observed<T>>& into, const reading& from, T value) {
  if (from.late && into && into->time_us > from.time_us)
    return;
  into = observed<T>{value, from.time_us, from.pgn, from.source, from.bus};
}

/// The distance of two times. Unsigned, because times come from outside and have any value.
std::uint64_t apart_us(std::int64_t a, std::int64_t b) {
  const auto x = static_cast<std::uint64_t>(a);
  const auto y = static_cast<std::uint64_t>(b);
  return a >= b ? x - y : y - x;
}

/// The PGNs that carry one value, the best first.
using precedence = std::initializer_list<std::uint32_t>;

/// Whether to ignore this value: a better PGN came within `source_hold_us`, before it or, if the clock
/// stepped back, after it.
template <class T>
bool better_speaks(const std::optional<observed<T>>& held, const reading& from, precedence order) {
  if (!held
      || apart_us(from.time_us, held->time_us)
           > static_cast<std::uint64_t>(live_state::source_hold_us))
    return false;
  for (const auto pgn : order) {
    if (pgn == from.pgn)
      return false;
    if (pgn == held->pgn)
      return true;
  }
  return false;
}

constexpr precedence no_other{};

using value = std::optional<observed<double>>;

void file_linear(value& into,
                 const reading& from,
                 std::optional<double> raw,
                 double scale,
                 double offset = 0,
                 precedence order = no_other) {
  if (raw && !better_speaks(into, from, order))
    file(into, from, *raw * scale + offset);
}

void file_j1939(value& into,
                const reading& from,
                std::size_t first,
                std::size_t bytes,
                double scale,
                double offset = 0,
                precedence order = no_other) {
  file_linear(into, from, j1939_raw(from, first, bytes), scale, offset, order);
}

void file_position(live_state& state,
                   const reading& from,
                   std::optional<double> latitude_deg,
                   std::optional<double> longitude_deg) {
  if (!latitude_deg || !longitude_deg || std::abs(*latitude_deg) > 90
      || std::abs(*longitude_deg) > 180)
    return;
  if (!better_speaks(state.position, from,
                     {pgn_position_rapid, pgn_gnss_position, pgn_vehicle_position}))
    file(state.position, from, position{*latitude_deg, *longitude_deg});
}

std::optional<double> scaled(std::optional<double> raw, double scale, double offset = 0) {
  return raw ? std::optional{*raw * scale + offset} : std::nullopt;
}

/// A division gives the number nearest to 41.5023456, which is then printed as such. A product may not.
std::optional<double> ten_millionths(std::optional<double> raw) {
  return raw ? std::optional{*raw / 1e7} : std::nullopt;
}

void file_direction(live_state& state, const reading& from) {
  const auto bits = from.bits2(7, 0);
  if (!bits || *bits > 1
      || better_speaks(state.direction, from,
                       {pgn_selected_speed, pgn_wheel_speed, pgn_ground_speed}))
    return;
  file(state.direction, from, static_cast<travel_direction>(*bits));
}

void file_in_work(std::optional<observed<bool>>& into, const reading& from) {
  if (const auto bits = from.bits2(1, 6); bits && *bits <= 1)
    file(into, from, *bits == 1);
}

void update_course_speed(live_state& state, const reading& from) {
  file_linear(state.ground_speed_mps, from, n2k_unsigned(from, 4, 2), 0.01, 0,
              {pgn_ground_speed, pgn_course_speed, pgn_vehicle_direction});
  if (from.bits2(1, 0) == true_north)
    file_linear(state.course_deg, from, n2k_unsigned(from, 2, 2), 1e-4 * deg_per_rad, 0,
                {pgn_course_speed, pgn_vehicle_direction});
}

void update_vehicle_direction(live_state& state, const reading& from) {
  file_j1939(state.course_deg, from, 0, 2, 1.0 / 128, 0,
             {pgn_course_speed, pgn_vehicle_direction}); // SPN 165
  file_j1939(state.ground_speed_mps, from, 2, 2, mps_per_kmh / 256, 0,
             {pgn_ground_speed, pgn_course_speed, pgn_vehicle_direction}); // SPN 517
  file_j1939(state.altitude_m, from, 6, 2, 0.125, -2500,
             {pgn_gnss_position, pgn_vehicle_direction}); // SPN 580
}

void update_gnss_position(live_state& state, const reading& from) {
  constexpr std::size_t bytes_min = 43; // up to the number of reference stations
  if (!from.has(0, bytes_min))
    return;
  file_position(state, from, scaled(n2k_signed(from, 7, 8), 1e-16),
                scaled(n2k_signed(from, 15, 8), 1e-16));
  file_linear(state.altitude_m, from, n2k_signed(from, 23, 8), 1e-6, 0,
              {pgn_gnss_position, pgn_vehicle_direction});
  const std::uint8_t method = from.data[31] >> 4U;
  constexpr std::uint8_t method_error = 14; // and 15: not available
  if (method >= method_error)
    return;
  gnss_fix fix{method, std::nullopt, scaled(n2k_signed(from, 34, 2), 0.01)};
  if (const auto satellites = n2k_unsigned(from, 33, 1))
    fix.satellites = static_cast<std::uint8_t>(*satellites);
  file(state.gnss, from, fix);
}

/// NMEA 2000 weather; only sensors outside.
void apply_air(live_state& state, const reading& from) {
  static constexpr precedence temperatures{pgn_ambient, pgn_temperature, pgn_fine_temperature,
                                           pgn_environment};
  static constexpr precedence humidities{pgn_humidity, pgn_environment};
  static constexpr precedence pressures{pgn_ambient, pgn_pressure, pgn_environment};
  constexpr std::uint8_t outside = 1;     // of temperatures and humidities
  constexpr std::uint8_t atmospheric = 0; // of pressures
  if (!from.has(0, 3))
    return;
  const auto place = from.data[2];
  switch (from.pgn) {
  case pgn_temperature:
    if (place == outside)
      file_linear(state.ambient_temperature_c, from, n2k_unsigned(from, 3, 2), 0.01, -kelvin_at_0_c,
                  temperatures);
    return;
  case pgn_fine_temperature:
    if (place == outside)
      file_linear(state.ambient_temperature_c, from, n2k_unsigned(from, 3, 3), 0.001,
                  -kelvin_at_0_c, temperatures);
    return;
  case pgn_humidity:
    if (place == outside)
      file_linear(state.ambient_humidity_pct, from, n2k_signed(from, 3, 2), 0.004, 0, humidities);
    return;
  case pgn_pressure:
    if (place == atmospheric)
      file_linear(state.ambient_pressure_kpa, from, n2k_signed(from, 3, 4), 1e-4, 0, pressures);
    return;
  case pgn_environment:
    if ((from.data[1] & 63U) == outside)
      file_linear(state.ambient_temperature_c, from, n2k_unsigned(from, 2, 2), 0.01, -kelvin_at_0_c,
                  temperatures);
    if (from.data[1] >> 6U == outside)
      file_linear(state.ambient_humidity_pct, from, n2k_signed(from, 4, 2), 0.004, 0, humidities);
    file_linear(state.ambient_pressure_kpa, from, n2k_unsigned(from, 6, 2), 0.1, 0, pressures);
    return;
  default:
    return;
  }
}

/// NMEA 2000.
void apply_n2k(live_state& state, const reading& from) {
  switch (from.pgn) {
  case pgn_marine_engine:
    if (from.has(0, 1) && from.data[0] == 0)
      file_linear(state.engine_speed_rpm, from, n2k_unsigned(from, 1, 2), 0.25, 0,
                  {pgn_eec1, pgn_marine_engine});
    return;
  case pgn_fluid_level: // instance in the low bits, kind of fluid in the high ones: 0 is fuel
    if (from.has(0, 1) && from.data[0] == 0)
      file_linear(state.fuel_level_pct, from, n2k_signed(from, 1, 2), 0.004, 0,
                  {pgn_dash_display, pgn_fluid_level});
    return;
  case pgn_position_rapid:
    file_position(state, from, ten_millionths(n2k_signed(from, 0, 4)),
                  ten_millionths(n2k_signed(from, 4, 4)));
    return;
  case pgn_course_speed:
    update_course_speed(state, from);
    return;
  case pgn_heading:
    if (from.bits2(7, 0) == true_north)
      file_linear(state.heading_deg, from, n2k_unsigned(from, 1, 2), 1e-4 * deg_per_rad);
    return;
  case pgn_rate_of_turn:
    file_linear(state.yaw_rate_dps, from, n2k_signed(from, 1, 4), 3.125e-8 * deg_per_rad);
    return;
  case pgn_gnss_position:
    update_gnss_position(state, from);
    return;
  default:
    return apply_air(state, from);
  }
}

/// ISO 11783-7; false for an unknown PGN.
bool apply_implement_bus(live_state& state, const reading& from) {
  switch (from.pgn) {
  case pgn_wheel_speed:
    file_j1939(state.wheel_speed_mps, from, 0, 2, 0.001);  // SPN 1862
    file_j1939(state.wheel_distance_m, from, 2, 4, 0.001); // SPN 1863
    file_direction(state, from);                           // SPN 1864
    return true;
  case pgn_ground_speed:
    file_j1939(state.ground_speed_mps, from, 0, 2, 0.001);  // SPN 1859
    file_j1939(state.ground_distance_m, from, 2, 4, 0.001); // SPN 1860
    file_direction(state, from);                            // SPN 1861
    return true;
  case pgn_selected_speed:
    file_j1939(state.selected_speed_mps, from, 0, 2, 0.001); // SPN 4305
    file_direction(state, from);
    return true;
  case pgn_rear_pto:
    file_j1939(state.rear_pto_rpm, from, 0, 2, 0.125); // SPN 1883
    return true;
  case pgn_front_pto:
    file_j1939(state.front_pto_rpm, from, 0, 2, 0.125); // SPN 1882
    return true;
  case pgn_rear_hitch:
    file_j1939(state.rear_hitch_pct, from, 0, 1, 0.4); // SPN 1873
    file_in_work(state.rear_hitch_in_work, from);
    return true;
  case pgn_front_hitch:
    file_j1939(state.front_hitch_pct, from, 0, 1, 0.4); // SPN 1872
    file_in_work(state.front_hitch_in_work, from);
    return true;
  case pgn_guidance_machine:
    file_j1939(state.curvature_per_km, from, 0, 2, 0.25, -8032); // SPN 5238
    return true;
  case pgn_guidance_command:
    file_j1939(state.commanded_curvature_per_km, from, 0, 2, 0.25, -8032); // SPN 5237
    return true;
  default:
    return false;
  }
}

/// SAE J1939-71.
void apply_vehicle(live_state& state, const reading& from) {
  switch (from.pgn) {
  case pgn_eec1:
    file_j1939(state.engine_torque_pct, from, 2, 1, 1, -125);       // SPN 513
    return file_j1939(state.engine_speed_rpm, from, 3, 2, 0.125, 0, // SPN 190
                      {pgn_eec1, pgn_marine_engine});
  case pgn_eec2:
    return file_j1939(state.engine_load_pct, from, 2, 1, 1); // SPN 92
  case pgn_engine_hours:
    return file_j1939(state.engine_hours_h, from, 0, 4, 0.05); // SPN 247
  case pgn_vehicle_direction:
    return update_vehicle_direction(state, from);
  case pgn_fuel_consumption:
    return file_j1939(state.total_fuel_l, from, 4, 4, 0.5); // SPN 250
  case pgn_engine_temperature:
    file_j1939(state.coolant_temperature_c, from, 0, 1, 1, -40);                   // SPN 110
    file_j1939(state.fuel_temperature_c, from, 1, 1, 1, -40);                      // SPN 174
    return file_j1939(state.engine_oil_temperature_c, from, 2, 2, 1.0 / 32, -273); // SPN 175
  case pgn_engine_fluids:
    return file_j1939(state.oil_pressure_kpa, from, 3, 1, 4); // SPN 100
  case pgn_ccvs:                                              // SPN 84, km/h
    return file_j1939(state.wheel_speed_mps, from, 1, 2, mps_per_kmh / 256, 0,
                      {pgn_wheel_speed, pgn_ccvs});
  case pgn_fuel_economy:
    return file_j1939(state.fuel_rate_lph, from, 0, 2, 0.05); // SPN 183
  case pgn_vehicle_position:                                  // SPN 584, 585
    return file_position(state, from, scaled(j1939_raw(from, 0, 4), 1e-7, -210),
                         scaled(j1939_raw(from, 4, 4), 1e-7, -210));
  case pgn_ambient:
    file_j1939(state.ambient_pressure_kpa, from, 0, 1, 0.5, 0,
               {pgn_ambient, pgn_pressure});                                    // SPN 108
    return file_j1939(state.ambient_temperature_c, from, 3, 2, 1.0 / 32, -273); // SPN 171
  case pgn_inlet_exhaust:
    file_j1939(state.intake_air_temperature_c, from, 2, 1, 1, -40);             // SPN 105
    return file_j1939(state.exhaust_temperature_c, from, 5, 2, 1.0 / 32, -273); // SPN 173
  case pgn_vehicle_fluids:
    return file_j1939(state.hydraulic_oil_temperature_c, from, 0, 1, 1, -40); // SPN 1638
  case pgn_distance_high_resolution:
    return file_j1939(state.total_distance_km, from, 0, 4, 0.005, 0, // SPN 917
                      {pgn_distance_high_resolution, pgn_distance});
  case pgn_distance:
    return file_j1939(state.total_distance_km, from, 4, 4, 0.125, 0, // SPN 245
                      {pgn_distance_high_resolution, pgn_distance});
  case pgn_electrical_power:
    return file_j1939(state.battery_v, from, 4, 2, 0.05); // SPN 168
  case pgn_transmission_fluids:
    return file_j1939(state.transmission_oil_temperature_c, from, 4, 2, 1.0 / 32, -273); // SPN 177
  case pgn_dash_display:
    return file_j1939(state.fuel_level_pct, from, 1, 1, 0.4, 0, // SPN 96
                      {pgn_dash_display, pgn_fluid_level});
  default:
    return;
  }
}

void apply(live_state& state, const reading& from) {
  if (from.pgn > 0xFFFF) {
    apply_n2k(state, from);
    return;
  }
  if (!apply_implement_bus(state, from))
    apply_vehicle(state, from);
}

} // namespace

const char* to_string(operating_mode mode) {
  switch (mode) {
  case operating_mode::unknown:
    return "unknown";
  case operating_mode::off:
    return "off";
  case operating_mode::idle:
    return "idle";
  case operating_mode::moving:
    return "moving";
  case operating_mode::working:
    return "working";
  }
  return "unknown";
}

void live_state::note_time(std::int64_t time_us, bool late) {
  last_frame_us = late ? std::max(last_frame_us, time_us) : time_us;
}

void live_state::update(const frame_view& frame, bool late) {
  note_time(frame.time_us, late);
  const auto header = frame.header;
  if (!header.extended() || header.error() || header.remote()
      || header.kind() != frame_kind::classic)
    return;
  const auto id = header.id();
  apply(*this, {frame.payload(), frame.time_us, pgn_of(id), source_of(id), header.bus(), late});
}

void live_state::update(const assembled_message& message, bool late) {
  note_time(message.time_us, late);
  apply(*this, {message.data, message.time_us, message.pgn, message.source, message.bus, late});
}

operating_mode live_state::mode_at(std::int64_t now_us) const {
  const auto lately = [now_us](const auto& one) {
    return one && apart_us(now_us, one->time_us) <= static_cast<std::uint64_t>(mode_hold_us);
  };
  constexpr double turning_rpm = 50;
  constexpr double driving_mps = 0.14; // 0.5 km/h
  if (!lately(engine_speed_rpm))
    return operating_mode::unknown;
  if (engine_speed_rpm->value < turning_rpm)
    return operating_mode::off;
  for (const auto* pto : {&rear_pto_rpm, &front_pto_rpm})
    if (lately(*pto) && (*pto)->value >= turning_rpm)
      return operating_mode::working;
  bool drives = false;
  for (const auto* speed : {&ground_speed_mps, &wheel_speed_mps, &selected_speed_mps})
    drives = drives || (lately(*speed) && (*speed)->value >= driving_mps);
  if (!drives)
    return operating_mode::idle;
  for (const auto* hitch : {&rear_hitch_in_work, &front_hitch_in_work})
    if (lately(*hitch) && (*hitch)->value)
      return operating_mode::working;
  return operating_mode::moving;
}

} // namespace furrow::can
