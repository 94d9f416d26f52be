/// A simulated machine at work in a field of its own: rows up and down, headland turns, pauses, and a way back.
///
/// Shape: a field is a parallelogram whose ends are slanted, so the sections of an implement switch one after another.
///   `advance` moves the machine along its rows and sets the numbers of the tractor.
/// Units: in the names; x across the rows, y along them, in metres from the corner of the field.
/// Threads: plain values; the same plan gives the same work.
#pragma once

#include "tools/furrow-sim/tractor.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace furrow::sim {

enum class implement_kind : std::uint8_t { sprayer, seeder, spreader, harvester };

struct field_plan {
  std::uint32_t number = 0; // of the machine, from 0
  std::string name;
  std::string crop;
  double latitude_deg = 0; // of the corner
  double longitude_deg = 0;
  double turned_rad = 0; // the rows, from north to east
  double length_m = 0;
  double slant = 0; // of the ends: y for each x
  implement_kind kind = implement_kind::seeder;
  double width_m = 0; // of the implement
  int rows = 0;

  [[nodiscard]] double across_m() const { return width_m * rows; }
  /// Longitude and latitude in degrees.
  [[nodiscard]] std::pair<double, double> place(double x_m, double y_m) const;
};

/// The field of a machine. The fields of all machines are neighbours.
[[nodiscard]] field_plan field_of(std::uint32_t number);
/// A GeoJSON FeatureCollection of the fields of the first `machines` machines.
[[nodiscard]] std::string fields_geojson(std::uint32_t machines);

class field_work {
public:
  static constexpr std::size_t sections_count = 12;

  explicit field_work(field_plan plan);

  /// By a short time.
  void advance(tractor& machine, double seconds);

  [[nodiscard]] const field_plan& plan() const { return plan_; }
  /// A bit a section, the leftmost first.
  [[nodiscard]] std::uint16_t sections() const { return sections_; }
  [[nodiscard]] double working_width_m() const;
  [[nodiscard]] double area_m2() const { return area_m2_; }
  /// What the crop gives at the machine.
  [[nodiscard]] double yield_kgpm2() const;
  [[nodiscard]] double moisture_pct() const;
  [[nodiscard]] bool water_in_fuel() const;
  [[nodiscard]] std::uint8_t fault_count() const; // how often the faults have come

private:
  enum class phase : std::uint8_t { row, turn, pause, back };
  void move(double metres, double seconds);
  void end_row();
  void place_on(tractor& machine) const;
  void switch_sections();
  [[nodiscard]] double target_mps() const;
  [[nodiscard]] double row_end() const;
  [[nodiscard]] double in_fault_cycle() const; // 0 to 1

  field_plan plan_;
  phase phase_ = phase::pause;
  double waits_s_;
  int row_ = 0;
  double x_m_;
  double y_m_;
  double heading_rad_ = 0; // from the rows' direction
  double turned_rad_ = 0;  // of the turn at hand
  double seconds_ = 0;
  double area_m2_ = 0;
  std::uint16_t sections_ = 0;
};

} // namespace furrow::sim
