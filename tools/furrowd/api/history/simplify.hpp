/// Simplifies a track: keeps the positions that its shape needs (Douglas and Peucker).
///
/// Shape: the weight of a position is how far the line would be from it without it. Both ends always stay.
/// Units: degrees; weights in metres, on a plane around the first position.
/// Threads: pure functions.
/// Limits: the work grows with n log n: a line that would need more is halved.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace furrow::http {

struct track_position {
  std::int64_t time_us = 0;
  double latitude_deg = 0;
  double longitude_deg = 0;
};

/// A weight for each position. Positions with at least a weight form a line that is that close to the whole one.
[[nodiscard]] std::vector<double> track_weights(std::span<const track_position> track);

} // namespace furrow::http
