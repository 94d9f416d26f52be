#include "tools/furrow-sim/tractor.hpp"

#include <algorithm>
#include <cmath>

namespace furrow::sim {

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr double metres_per_degree = 111'320; // of latitude
constexpr double warm_up_seconds = 5;         // at idle, before the first row
constexpr double turn_seconds = 12;

} // namespace

void approach(double& value, double wanted, double seconds, double time_constant_s) {
  value += (wanted - value) * std::min(1.0, seconds / time_constant_s);
}

tractor::tractor(std::uint64_t seed) : random_{seed} {
  const auto between = [this](double low, double high) {
    return std::uniform_real_distribution<double>{low, high}(random_);
  };
  // Invented fields in a plain.
  latitude_deg = between(51.0, 53.5);
  longitude_deg = between(9.5, 13.5);
  heading_rad = between(0, 2 * pi);
  fuel_pct = between(40, 95);
  engine_hours = between(200, 6'000);
  row_seconds_ = between(45, 120);
}

double tractor::noise(double amount) {
  return std::uniform_real_distribution<double>{-amount, amount}(random_);
}

void tractor::advance(double seconds) {
  seconds_ += seconds;
  const double at = seconds_ - warm_up_seconds;
  const double in_cycle = std::fmod(at, row_seconds_ + turn_seconds);
  const bool idle = at < 0;
  const bool turning = !idle && in_cycle >= row_seconds_;
  working = !idle && !turning;
  approach(speed_mps, idle ? 0 : turning ? 1.4 : 2.8, seconds, 2.0);
  approach(engine_rpm, idle ? 850 : turning ? 1'400 : 1'850, seconds, 1.0);
  approach(engine_load_pct, idle ? 15 : turning ? 35 : 78, seconds, 1.5);
  approach(pto_rpm, idle ? 0 : 540, seconds, 2.5);
  approach(hitch_pct, working ? 12 : 100, seconds, 0.8);
  approach(coolant_c, 88, seconds, 240);
  approach(oil_c, 95, seconds, 300);
  engine_rpm += noise(4);
  engine_load_pct = std::clamp(engine_load_pct + noise(0.8), 0.0, 100.0);
  speed_mps = std::max(0.0, speed_mps + (idle ? 0 : noise(0.01)));
  fuel_lph = 3 + 0.28 * engine_load_pct + noise(0.1);
  fuel_pct = std::max(5.0, fuel_pct - fuel_lph * seconds / 3'600 / 400 * 100);
  engine_hours += seconds / 3'600;
  const double turn_rate = turning ? pi / turn_seconds : 0;
  heading_rad = std::fmod(heading_rad + turn_rate * seconds + 2 * pi, 2 * pi);
  curvature_per_km = speed_mps > 0.3 ? turn_rate / speed_mps * 1'000 : 0;
  const double metres = speed_mps * seconds;
  distance_m += metres;
  latitude_deg += metres * std::cos(heading_rad) / metres_per_degree;
  longitude_deg +=
    metres * std::sin(heading_rad) / (metres_per_degree * std::cos(latitude_deg * pi / 180));
}

} // namespace furrow::sim
