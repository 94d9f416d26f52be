#include "tools/furrowd/api/history/simplify.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>

namespace furrow::http {

namespace {

struct plane_point {
  double x = 0;
  double y = 0;
};

/// Metres east and north of the first position. A track across 180 degrees goes on beyond it.
std::vector<plane_point> to_plane(std::span<const track_position> track) {
  constexpr double metres_per_degree = 111'195;
  constexpr double turn_deg = 360;
  const auto& first = track.front();
  const double east = metres_per_degree * std::cos(first.latitude_deg * std::numbers::pi / 180);
  std::vector<plane_point> out;
  out.reserve(track.size());
  for (const auto& one : track)
    out.push_back({std::remainder(one.longitude_deg - first.longitude_deg, turn_deg) * east,
                   (one.latitude_deg - first.latitude_deg) * metres_per_degree});
  return out;
}

double distance(plane_point from, plane_point to, plane_point of) {
  const double dx = to.x - from.x;
  const double dy = to.y - from.y;
  const double length = dx * dx + dy * dy;
  const double along =
    length == 0 ? 0 : std::clamp(((of.x - from.x) * dx + (of.y - from.y) * dy) / length, 0.0, 1.0);
  return std::hypot(of.x - from.x - along * dx, of.y - from.y - along * dy);
}

} // namespace

std::vector<double> track_weights(std::span<const track_position> track) {
  constexpr double always = std::numeric_limits<double>::infinity();
  constexpr std::size_t depth_max = 48; // beyond it a line is halved
  struct line {
    std::size_t first = 0;
    std::size_t last = 0;
    double weight = 0; // of the split that made it
    std::size_t depth = 0;
  };
  std::vector<double> out(track.size(), 0);
  if (track.empty())
    return out;
  out.front() = out.back() = always;
  const auto plane = to_plane(track);
  std::vector<line> open{{0, track.size() - 1, always, 0}};
  while (!open.empty()) {
    const auto one = open.back();
    open.pop_back();
    if (one.last - one.first < 2)
      continue;
    std::size_t farthest = one.first + 1;
    double most = -1;
    for (auto i = one.first + 1; i < one.last; ++i)
      if (const auto away = distance(plane[one.first], plane[one.last], plane[i]); away > most) {
        most = away;
        farthest = i;
      }
    if (one.depth > depth_max)
      farthest = (one.first + one.last) / 2;
    // No position weighs more than the split above it: so a weight gives the same line as a tolerance.
    const auto weight = std::min(most, one.weight);
    out[farthest] = weight;
    open.push_back({one.first, farthest, weight, one.depth + 1});
    open.push_back({farthest, one.last, weight, one.depth + 1});
  }
  return out;
}

} // namespace furrow::http
