/// The latest of what a machine says of itself: speeds, engine, fuel, PTO, hitch, position, each with its age and source.
///
/// Shape: `update` looks at one frame; anything it does not know costs one table look-up.
/// Units: in the member names. Times are those of the frames, in microseconds since 1970.
/// Errors: "not available" and "error" leave a value as it was; absent is never zero.
/// Source: SAE J1939-71, ISO 11783-7 and -8, NMEA 2000; each PGN and SPN is named in live_state.cpp.
#pragma once

#include "can/frame.hpp"

#include <cstdint>
#include <optional>

namespace furrow::can {

template <class T> struct observed {
  T value{};
  std::int64_t time_us = 0;
  std::uint32_t pgn = 0;
  std::uint8_t source = 0; // J1939 source address
};

struct position {
  double latitude_deg = 0;
  double longitude_deg = 0;
};

struct live_state {
  std::optional<observed<double>> engine_speed_rpm;
  std::optional<observed<double>> wheel_speed_mps;
  std::optional<observed<double>> ground_speed_mps;
  std::optional<observed<double>> fuel_rate_lph;
  std::optional<observed<double>> fuel_level_pct;
  std::optional<observed<double>> coolant_temperature_c;
  std::optional<observed<double>> rear_pto_rpm;
  std::optional<observed<double>> rear_hitch_pct;
  std::optional<observed<position>> position;
  std::int64_t last_frame_us = 0;

  void update(const frame_view& frame);
};

} // namespace furrow::can
