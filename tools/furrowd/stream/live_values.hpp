/// The quantities of a live state as a flat list of cells, so that two states can be compared and one value written.
///
/// Shape: cell i belongs to quantity i of `stream_quantities()`, in the order of can/live/quantity_table.hpp, with the
///   operating mode at its end.
/// Units: as the quantity table; times in microseconds since 1970.
/// Errors: what is absent has no cell value and is written as null.
/// Threads: pure functions.
#pragma once

#include "can/live/live_state.hpp"
#include "storage/history.hpp"

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::http {

enum class value_kind : std::uint8_t { number, yes_no, position, direction, gnss, mode };

struct stream_quantity {
  std::string_view key;
  std::string_view unit;
  value_kind kind = value_kind::number;
  std::vector<std::string>
    names; // that a pattern may match: the key and its signals, as "EEC1.engine_speed"
};

[[nodiscard]] const std::vector<stream_quantity>& stream_quantities();

struct value_cell {
  bool present = false;
  std::array<double, 3> parts{};
  std::int64_t time_us = 0;
  std::uint32_t pgn = 0;
  std::uint8_t source = 0;
  std::uint8_t bus = 0;

  [[nodiscard]] bool same_value(const value_cell& other) const {
    return present == other.present && parts == other.parts;
  }
  [[nodiscard]] bool same_source(const value_cell& other) const {
    return pgn == other.pgn && source == other.source && bus == other.bus;
  }
};

/// Some quantities, by their numbers.
using quantity_set = std::bitset<64>;
[[nodiscard]] inline quantity_set every_quantity() {
  return quantity_set{}.set();
}

/// Replaces the cells of these quantities in `to`. The others are as before, or absent.
void read_cells(const can::live_state& state,
                std::vector<value_cell>& to,
                const quantity_set& wanted = every_quantity());
/// The same of what the database has of a machine. It keeps no source.
void read_cells(const storage::telemetry_point& kept,
                std::vector<value_cell>& to,
                const quantity_set& wanted = every_quantity());
/// Where the position is among the quantities.
[[nodiscard]] std::size_t position_index();

/// {"value":1450.5,"time":"..."}; with `source` also unit, pgn, source and bus.
void append_value(std::string& out, const stream_quantity& of, const value_cell& cell, bool source);

/// 1450.5; null when it is absent.
void append_bare_value(std::string& out, const stream_quantity& of, const value_cell& cell);

/// A number as JSON; null when it is not finite.
void append_number(std::string& out, double value);
/// A time of RFC 3339 in quotes.
void append_time(std::string& out, std::int64_t time_us);

} // namespace furrow::http
