/// A tractor at work in a field, as numbers: rows at ten kilometres an hour with the hitch down and the PTO turning,
/// and headland turns between them.
///
/// Units: in the member names.
/// Threads: a plain value; the same seed gives the same numbers.
#pragma once

#include <cstdint>
#include <random>

namespace furrow::sim {

/// Follows a target value with inertia.
void approach(double& value, double wanted, double seconds, double time_constant_s);

class tractor {
public:
  explicit tractor(std::uint64_t seed);

  /// Advances the tractor by this time; use small steps.
  void advance(double seconds);

  double engine_rpm = 850;
  double engine_load_pct = 20;
  double speed_mps = 0;
  double heading_rad = 0;
  double latitude_deg = 0;
  double longitude_deg = 0;
  double distance_m = 0;
  double coolant_c = 45;
  double oil_c = 40;
  double fuel_lph = 4;
  double fuel_pct = 90;
  double engine_hours = 0;
  double pto_rpm = 0;
  double hitch_pct = 100; // up
  double curvature_per_km = 0;
  bool working = false;

private:
  double noise(double amount);

  std::mt19937_64 random_;
  double seconds_ = 0;
  double row_seconds_;
};

} // namespace furrow::sim
