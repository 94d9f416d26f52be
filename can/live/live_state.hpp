/// The latest values of a machine: engine, speeds, fuel, temperatures, PTO, hitch, position, course.
/// Each value has its age and source.
///
/// Shape: `update` reads one frame or one reassembled message. An unknown PGN costs one switch.
///   machine_monitor.hpp reads ECUs, faults and process data, and keeps a live state, too.
/// Units: in the member names. Times are those of the frames, in microseconds since 1970.
/// Errors: "not available" and "error" do not change a value; absent is never zero. If several PGNs
///   carry one value, the leftmost PGN received within the last `source_hold_us` is used:
///     wheel speed   WBSD 65096, CCVS 65265
///     ground speed  GBSD 65097, COG & SOG 129026, VDS 65256
///     direction     MSS 61474, WBSD 65096, GBSD 65097
///     position      129025, GNSS 129029, VP1 65267
///     altitude      GNSS 129029, VDS 65256
///     course        COG & SOG 129026 (true north only), VDS 65256
///     engine speed  EEC1 61444, 127488 (of engine 0)
///     fuel level    DD1 65276, 127505
///     distance      VDHR 65217, VD 65248
///     air           AMB 65269, 130312 and 130316 (outside), 130313, 130314, 130311
/// Source: SAE J1939-71, ISO 11783-7 and -8, NMEA 2000; live_state.cpp names each PGN and SPN.
#pragma once

#include "can/frame/frame.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace furrow::can {

struct assembled_message;

template <class T>
struct observed {
  T value{};
  std::int64_t time_us = 0;
  std::uint32_t pgn = 0;
  std::uint8_t source = 0; // J1939 source address
  std::uint8_t bus = 0;
};

struct position {
  double latitude_deg = 0;
  double longitude_deg = 0;
};

enum class travel_direction : std::uint8_t { reverse = 0, forward = 1 };

/// The quality of a position, with the numbers of NMEA 2000.
struct gnss_fix {
  std::uint8_t method =
    0; // 0 none, 1 GNSS, 2 differential, 3 precise, 4 RTK fixed, 5 RTK float ...
  std::optional<std::uint8_t> satellites;
  std::optional<double> hdop;
};

/// The operating mode of the machine, from its values.
enum class operating_mode : std::uint8_t {
  unknown = 0, // no recent engine speed
  off = 1,     // the engine does not turn
  idle = 2,    // the engine runs, and the machine does not move
  moving = 3,  // the machine drives and does not work
  working = 4, // a PTO turns, or the machine drives with a hitch in work position
};
[[nodiscard]] const char* to_string(operating_mode mode);

/// All PGNs that a live state reads. A frame of another PGN only changes `last_frame_us`.
inline constexpr std::array<std::uint32_t, 39> live_pgns{
  44032,  44288,  61443,  61444,  61474,  65091,  65092,  65093,  65094,  65096,
  65097,  65128,  65217,  65248,  65253,  65256,  65257,  65262,  65263,  65265,
  65266,  65267,  65269,  65270,  65271,  65272,  65276,  127250, 127251, 127488,
  127505, 129025, 129026, 129029, 130311, 130312, 130313, 130314, 130316};

struct live_state {
  /// Tractor messages come every 100 ms, positions at 1 Hz or faster. After three missed messages the
  /// next source is used.
  static constexpr std::int64_t source_hold_us = 3'000'000;
  /// Older values do not affect the operating mode.
  static constexpr std::int64_t mode_hold_us = 10'000'000;

  std::optional<observed<double>> engine_speed_rpm;
  std::optional<observed<double>> wheel_speed_mps;
  std::optional<observed<double>> ground_speed_mps;
  std::optional<observed<double>> fuel_rate_lph;
  std::optional<observed<double>> fuel_level_pct;
  std::optional<observed<double>> coolant_temperature_c;
  std::optional<observed<double>> rear_pto_rpm;
  std::optional<observed<double>> rear_hitch_pct;
  std::optional<observed<can::position>> position; // qualified, because the member hides the type
  std::int64_t last_frame_us = 0;

  std::optional<observed<double>> engine_load_pct;
  std::optional<observed<double>> engine_torque_pct;
  std::optional<observed<double>> engine_hours_h;
  std::optional<observed<double>> total_fuel_l;
  std::optional<observed<double>> oil_pressure_kpa;
  std::optional<observed<double>> battery_v;
  std::optional<observed<double>> ambient_temperature_c;
  std::optional<observed<double>> ambient_humidity_pct;
  std::optional<observed<double>> ambient_pressure_kpa;
  std::optional<observed<double>> engine_oil_temperature_c;
  std::optional<observed<double>> fuel_temperature_c;
  std::optional<observed<double>> intake_air_temperature_c;
  std::optional<observed<double>> exhaust_temperature_c;
  std::optional<observed<double>> hydraulic_oil_temperature_c;
  std::optional<observed<double>> transmission_oil_temperature_c;
  std::optional<observed<double>>
    selected_speed_mps; // the speed that the tractor offers implements
  std::optional<observed<double>> wheel_distance_m;
  std::optional<observed<double>> ground_distance_m;
  std::optional<observed<double>> total_distance_km;
  std::optional<observed<travel_direction>> direction;
  std::optional<observed<double>> front_pto_rpm;
  std::optional<observed<double>> front_hitch_pct;
  std::optional<observed<bool>> rear_hitch_in_work;
  std::optional<observed<bool>> front_hitch_in_work;
  std::optional<observed<double>> curvature_per_km;           // estimated, + is to the right
  std::optional<observed<double>> commanded_curvature_per_km; // by guidance
  std::optional<observed<double>> course_deg;                 // over ground, from true north
  std::optional<observed<double>> heading_deg;                // of the machine, from true north
  std::optional<observed<double>> yaw_rate_dps;
  std::optional<observed<double>> altitude_m;
  std::optional<observed<gnss_fix>> gnss;

  /// A frame that is a complete message. A packet of a longer message only changes `last_frame_us`. A `late` one came
  /// after newer ones: it changes no value of a later time.
  void update(const frame_view& frame, bool late = false);
  /// A message from a reassembler. A message of one frame has the same effect as the frame.
  void update(const assembled_message& message, bool late = false);
  /// The time of the newest frame; a late one does not set it back.
  void note_time(std::int64_t time_us, bool late);

  [[nodiscard]] operating_mode mode_at(std::int64_t now_us) const;
};

} // namespace furrow::can
