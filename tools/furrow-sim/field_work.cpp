#include "tools/furrow-sim/field_work.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <tuple>

namespace furrow::sim {

namespace {

constexpr double metre_degrees = 1.0 / 111'195; // of latitude
constexpr double farm_latitude_deg = 52.085;
constexpr double farm_longitude_deg = 11.42;
constexpr double field_apart_m = 560;
constexpr std::uint32_t fields_in_a_line = 4;
constexpr double half_turn = 3.14159265358979323846;
constexpr double overshoot_m = 3;    // beyond the field's end, before the machine turns
constexpr int rows_before_pause = 8; // then it is filled or emptied
constexpr double pause_s = 40;
constexpr double fault_share = 0.3; // of a cycle

struct kind_of_work {
  double width_m;
  double speed_mps;
  const char* crop;
};
constexpr std::array<kind_of_work, 4> works{
  {{18, 3.3, "sugar beet"}, {6, 2.8, "rape"}, {12, 3.1, "barley"}, {7.5, 1.9, "winter wheat"}}};
constexpr std::array<const char*, 8> names{"Long acre",  "Mill meadow", "Oak field", "Stony piece",
                                           "North pool", "Hill strip",  "Low land",  "Brook end"};

const kind_of_work& work_of(const field_plan& plan) {
  return works[static_cast<std::size_t>(plan.kind)];
}

} // namespace

std::pair<double, double> field_plan::place(double x_m, double y_m) const {
  const double east = x_m * std::cos(turned_rad) + y_m * std::sin(turned_rad);
  const double north = y_m * std::cos(turned_rad) - x_m * std::sin(turned_rad);
  const double stretch = std::cos(latitude_deg * half_turn / 180);
  return {longitude_deg + east * metre_degrees / stretch, latitude_deg + north * metre_degrees};
}

field_plan field_of(std::uint32_t number) {
  field_plan plan;
  plan.number = number;
  plan.kind = static_cast<implement_kind>(number % works.size());
  const auto round = number / names.size();
  plan.name = names[number % names.size()];
  if (round > 0)
    plan.name += " " + std::to_string(round + 1);
  plan.crop = work_of(plan).crop;
  plan.width_m = work_of(plan).width_m;
  plan.turned_rad = 0.12;
  plan.length_m = 300 + 37.0 * (number % 5);
  plan.slant = number % 2 == 0 ? 0.25 : -0.18;
  plan.rows = static_cast<int>(std::lround(330 / plan.width_m));
  const auto column = number % fields_in_a_line;
  const auto row = number / fields_in_a_line;
  const auto corner_x = column * field_apart_m;
  const auto corner_y = row * field_apart_m;
  field_plan farm;
  farm.latitude_deg = farm_latitude_deg;
  farm.longitude_deg = farm_longitude_deg;
  farm.turned_rad = plan.turned_rad;
  std::tie(plan.longitude_deg, plan.latitude_deg) = farm.place(corner_x, corner_y);
  return plan;
}

std::string fields_geojson(std::uint32_t machines) {
  std::string out = R"({"type":"FeatureCollection","features":[)";
  for (std::uint32_t i = 0; i < machines; ++i) {
    const auto plan = field_of(i);
    const auto far = plan.across_m();
    const std::array<std::pair<double, double>, 5> corners{
      plan.place(0, 0), plan.place(far, far * plan.slant),
      plan.place(far, far * plan.slant + plan.length_m), plan.place(0, plan.length_m),
      plan.place(0, 0)};
    out += i == 0 ? "" : ",";
    out += R"({"type":"Feature","properties":{"name":")" + plan.name + R"(","crop":")" + plan.crop
           + R"("},"geometry":{"type":"Polygon","coordinates":[[)";
    for (const auto& [longitude, latitude] : corners) {
      char text[64];
      (void)std::snprintf(text, sizeof text, "[%.7f,%.7f],", longitude, latitude);
      out += text;
    }
    out.pop_back();
    out += "]]}}";
  }
  return out + "]}\n";
}

field_work::field_work(field_plan plan)
  : plan_{std::move(plan)}, waits_s_{5.0 + 3.0 * plan_.number}, x_m_{plan_.width_m / 2},
    y_m_{x_m_ * plan_.slant - overshoot_m} {}

/// Where the machine turns: beyond the end of this row and of the next one.
double field_work::row_end() const {
  const double next_x = x_m_ + plan_.width_m;
  if (row_ % 2 == 0)
    return plan_.length_m + overshoot_m + std::max(x_m_ * plan_.slant, next_x * plan_.slant)
           + plan_.width_m / 2 * std::abs(plan_.slant);
  return std::min(x_m_ * plan_.slant, next_x * plan_.slant) - overshoot_m
         - plan_.width_m / 2 * std::abs(plan_.slant);
}

double field_work::target_mps() const {
  switch (phase_) {
  case phase::row:
    return work_of(plan_).speed_mps;
  case phase::turn:
    return 1.8;
  case phase::back:
    return 4.2;
  case phase::pause:
    return 0;
  }
  return 0;
}

void field_work::end_row() {
  const bool last = row_ + 1 >= plan_.rows;
  phase_ = last ? phase::back : phase::turn;
  turned_rad_ = 0;
}

void field_work::move(double metres, double seconds) {
  const double up = row_ % 2 == 0 ? 1 : -1;
  switch (phase_) {
  case phase::row:
    heading_rad_ = up > 0 ? 0 : half_turn;
    y_m_ += up * metres;
    if ((row_end() - y_m_) * up <= 0)
      end_row();
    break;
  case phase::turn: {
    // A half circle to the next row, which lies at greater x.
    const double radius = plan_.width_m / 2;
    const double from_x = plan_.width_m * (row_ + 0.5);
    turned_rad_ = std::min(half_turn, turned_rad_ + metres / radius);
    x_m_ = from_x + radius * (1 - std::cos(turned_rad_));
    heading_rad_ = up > 0 ? turned_rad_ : half_turn - turned_rad_;
    y_m_ += up * std::cos(turned_rad_) * metres;
    if (turned_rad_ >= half_turn) {
      ++row_;
      phase_ = row_ % rows_before_pause == 0 ? phase::pause : phase::row;
      waits_s_ = pause_s;
    }
    break;
  }
  case phase::back: {
    const double to_x = plan_.width_m / 2;
    const double to_y = to_x * plan_.slant - overshoot_m;
    const double left = std::hypot(to_x - x_m_, to_y - y_m_);
    const double part = left <= metres ? 1 : metres / left;
    heading_rad_ = std::atan2(to_x - x_m_, to_y - y_m_);
    x_m_ += (to_x - x_m_) * part;
    y_m_ += (to_y - y_m_) * part;
    if (part >= 1) {
      row_ = 0;
      phase_ = phase::pause;
      waits_s_ = pause_s;
    }
    break;
  }
  case phase::pause:
    waits_s_ -= seconds;
    if (waits_s_ <= 0)
      phase_ = phase::row;
    break;
  }
}

/// A section is on where its middle is inside the field, and only in a row.
void field_work::switch_sections() {
  sections_ = 0;
  if (phase_ != phase::row)
    return;
  const double section_m = plan_.width_m / sections_count;
  const double right = row_ % 2 == 0 ? 1 : -1;
  for (std::size_t i = 0; i < sections_count; ++i) {
    const double x =
      x_m_ + right * (static_cast<double>(i) + 0.5 - sections_count / 2.0) * section_m;
    const double y = y_m_ - x * plan_.slant;
    if (y >= 0 && y <= plan_.length_m)
      sections_ = static_cast<std::uint16_t>(sections_ | 1U << i);
  }
}

double field_work::working_width_m() const {
  return plan_.width_m * std::popcount(sections_) / static_cast<double>(sections_count);
}

void field_work::advance(tractor& machine, double seconds) {
  seconds_ += seconds;
  approach(machine.speed_mps, target_mps(), seconds, 1.5);
  if (phase_ == phase::pause && machine.speed_mps < 0.05)
    machine.speed_mps = 0;
  const double metres = machine.speed_mps * seconds;
  move(metres, seconds);
  switch_sections();
  area_m2_ += metres * working_width_m();
  machine.distance_m += metres;
  machine.working = sections_ != 0;
  const bool idle = phase_ == phase::pause;
  approach(machine.engine_rpm, idle ? 850 : machine.working ? 1'850 : 1'450, seconds, 1.0);
  approach(machine.engine_load_pct, idle ? 14 : machine.working ? 74 : 38, seconds, 1.5);
  approach(machine.hitch_pct, machine.working ? 12 : 100, seconds, 0.8);
  approach(machine.coolant_c, in_fault_cycle() < fault_share && plan_.number % 3 == 1 ? 112 : 88,
           seconds, 90);
  approach(machine.oil_c, 95, seconds, 300);
  machine.pto_rpm = 0;
  machine.engine_rpm += 6 * std::sin(seconds_ * 1.7);
  machine.fuel_lph = 3 + 0.28 * machine.engine_load_pct;
  machine.fuel_pct = std::max(5.0, machine.fuel_pct - machine.fuel_lph * seconds / 3'600 / 4);
  machine.engine_hours += seconds / 3'600;
  place_on(machine);
}

void field_work::place_on(tractor& machine) const {
  const auto heading = std::fmod(heading_rad_ + plan_.turned_rad + 4 * half_turn, 2 * half_turn);
  const bool turns = phase_ == phase::turn && machine.speed_mps > 0.3;
  machine.curvature_per_km = turns ? 2'000 / plan_.width_m * (row_ % 2 == 0 ? 1 : -1) : 0;
  machine.heading_rad = heading;
  std::tie(machine.longitude_deg, machine.latitude_deg) = plan_.place(x_m_, y_m_);
}

double field_work::yield_kgpm2() const {
  const double along = y_m_ / plan_.length_m;
  const double across = x_m_ / plan_.across_m();
  return 0.82 + 0.14 * std::sin(5 * along + 2 * across) - 0.18 * across * along
         + 0.03 * std::sin(seconds_ * 0.9);
}

double field_work::moisture_pct() const {
  return 13.6 + 1.1 * std::sin(3 * y_m_ / plan_.length_m + plan_.number);
}

double field_work::in_fault_cycle() const {
  const double cycle_s = 420 + 90.0 * (plan_.number % 5);
  return std::fmod(seconds_ / cycle_s + 0.37 * plan_.number + 0.45, 1.0);
}

bool field_work::water_in_fuel() const {
  return in_fault_cycle() < fault_share && plan_.number % 2 == 1;
}

std::uint8_t field_work::fault_count() const {
  return static_cast<std::uint8_t>(1 + static_cast<int>(seconds_ / 420) % 100);
}

} // namespace furrow::sim
