#include "storage/farm/field_boundary.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <utility>

namespace furrow::storage {

namespace {

// WGS 84.
constexpr long double semi_major_m = 6'378'137.0L;
constexpr long double flattening = 1 / 298.257'223'563L;
constexpr long double eccentricity_squared = flattening * (2 - flattening);
constexpr long double radians = std::numbers::pi_v<long double> / 180;

/// Area between the equator and this latitude, as a part of half the square of the semi-major axis
/// and of each radian of longitude.
long double authalic_q(long double latitude_rad) {
  static const long double e = std::sqrt(eccentricity_squared);
  const auto s = std::sin(latitude_rad);
  return (1 - eccentricity_squared)
         * (s / (1 - eccentricity_squared * s * s) + std::atanh(e * s) / e);
}

/// Mean of q along an edge, by Gauss and Legendre with five places on each piece of two degrees at
/// most.
long double mean_q(long double from_rad, long double to_rad) {
  constexpr std::array<std::pair<long double, long double>, 5> places{
    {{0.0L, 128.0L / 225},
     {-0.538469310105683091036314420700L, 0.478628670499366468041291514836L},
     {0.538469310105683091036314420700L, 0.478628670499366468041291514836L},
     {-0.906179845938663992797626878299L, 0.236926885056189087514264040720L},
     {0.906179845938663992797626878299L, 0.236926885056189087514264040720L}}};
  const auto pieces =
    std::max(1, static_cast<int>(std::ceil(std::abs(to_rad - from_rad) / 0.035L)));
  const auto half = (to_rad - from_rad) / (2 * static_cast<long double>(pieces));
  long double sum = 0;
  for (int piece = 0; piece < pieces; ++piece) {
    const auto middle = from_rad + half * static_cast<long double>(2 * piece + 1);
    for (const auto& [at, weight] : places)
      sum += weight * authalic_q(middle + half * at);
  }
  return sum / (2 * static_cast<long double>(pieces));
}

/// Against a latitude of its own, so that a small field is no difference of large numbers.
long double ring_area_m2(const boundary::ring& ring) {
  const auto reference = authalic_q(ring.front().latitude_deg * radians);
  long double sum = 0;
  for (std::size_t i = 0; i + 1 < ring.size(); ++i) {
    const auto width_rad =
      (static_cast<long double>(ring[i + 1].longitude_deg) - ring[i].longitude_deg) * radians;
    sum +=
      width_rad
      * (mean_q(ring[i].latitude_deg * radians, ring[i + 1].latitude_deg * radians) - reference);
  }
  return std::abs(sum) * semi_major_m * semi_major_m / 2;
}

/// Twice the signed area of a triangle: on which side of a-b the position c lies.
long double side_of(const geo_position& a, const geo_position& b, const geo_position& c) {
  const auto ux = static_cast<long double>(b.longitude_deg) - a.longitude_deg;
  const auto uy = static_cast<long double>(b.latitude_deg) - a.latitude_deg;
  const auto vx = static_cast<long double>(c.longitude_deg) - a.longitude_deg;
  const auto vy = static_cast<long double>(c.latitude_deg) - a.latitude_deg;
  return ux * vy - uy * vx;
}

int sign(long double value) {
  return value > 0 ? 1 : value < 0 ? -1 : 0;
}

bool in_box_of(const geo_position& a, const geo_position& b, const geo_position& at) {
  return std::min(a.longitude_deg, b.longitude_deg) <= at.longitude_deg
         && at.longitude_deg <= std::max(a.longitude_deg, b.longitude_deg)
         && std::min(a.latitude_deg, b.latitude_deg) <= at.latitude_deg
         && at.latitude_deg <= std::max(a.latitude_deg, b.latitude_deg);
}

enum class place : std::uint8_t { outside, edge, inside };

place place_in(const boundary::ring& ring, const geo_position& at) {
  bool inside = false;
  for (std::size_t i = 0; i + 1 < ring.size(); ++i) {
    const auto& a = ring[i];
    const auto& b = ring[i + 1];
    const auto side = side_of(a, b, at);
    if (side == 0 && in_box_of(a, b, at))
      return place::edge;
    // Half-open in latitude, so that a vertex counts once.
    const bool up = a.latitude_deg <= at.latitude_deg && at.latitude_deg < b.latitude_deg;
    const bool down = b.latitude_deg <= at.latitude_deg && at.latitude_deg < a.latitude_deg;
    if ((up && side > 0) || (down && side < 0))
      inside = !inside;
  }
  return inside ? place::inside : place::outside;
}

/// Whether two edges have a position in common.
bool meet(const geo_position& a,
          const geo_position& b,
          const geo_position& c,
          const geo_position& d) {
  const auto c_side = sign(side_of(a, b, c));
  const auto d_side = sign(side_of(a, b, d));
  const auto a_side = sign(side_of(c, d, a));
  const auto b_side = sign(side_of(c, d, b));
  if (c_side * d_side < 0 && a_side * b_side < 0)
    return true;
  return (c_side == 0 && in_box_of(a, b, c)) || (d_side == 0 && in_box_of(a, b, d))
         || (a_side == 0 && in_box_of(c, d, a)) || (b_side == 0 && in_box_of(c, d, b));
}

struct edge {
  const geo_position* from = nullptr;
  const geo_position* to = nullptr;
  std::size_t ring = 0;
  std::size_t at = 0;
  std::size_t of = 0; // edges of its ring
  [[nodiscard]] double west() const { return std::min(from->longitude_deg, to->longitude_deg); }
  [[nodiscard]] double east() const { return std::max(from->longitude_deg, to->longitude_deg); }
  [[nodiscard]] double south() const { return std::min(from->latitude_deg, to->latitude_deg); }
  [[nodiscard]] double north() const { return std::max(from->latitude_deg, to->latitude_deg); }
};

/// Neighbours share one position and may share no more.
bool clash(const edge& one, const edge& other) {
  if (one.ring == other.ring) {
    const bool follows = (one.at + 1) % one.of == other.at;
    const bool leads = (other.at + 1) % one.of == one.at;
    if (follows || leads) {
      const auto& first = follows ? one : other;
      const auto& second = follows ? other : one;
      return side_of(*first.from, *first.to, *second.to) == 0
             && (in_box_of(*first.from, *first.to, *second.to)
                 || in_box_of(*second.from, *second.to, *first.from));
    }
  }
  return meet(*one.from, *one.to, *other.from, *other.to);
}

std::string name_of(std::size_t ring, std::size_t at) {
  return "ring " + std::to_string(ring) + ", position " + std::to_string(at);
}

/// From west to east; an edge is looked at beside those that begin before it ends.
std::optional<std::string> crossing(const boundary& polygon) {
  std::vector<edge> edges;
  for (std::size_t r = 0; r < polygon.rings.size(); ++r) {
    const auto& ring = polygon.rings[r];
    for (std::size_t i = 0; i + 1 < ring.size(); ++i)
      edges.push_back({&ring[i], &ring[i + 1], r, i, ring.size() - 1});
  }
  std::sort(edges.begin(), edges.end(),
            [](const edge& a, const edge& b) { return a.west() < b.west(); });
  for (std::size_t i = 0; i < edges.size(); ++i) {
    const auto east = edges[i].east();
    for (std::size_t k = i + 1; k < edges.size() && edges[k].west() <= east; ++k)
      if (edges[k].south() <= edges[i].north() && edges[k].north() >= edges[i].south()
          && clash(edges[i], edges[k]))
        return "the edges after " + name_of(edges[i].ring, edges[i].at) + " and after "
               + name_of(edges[k].ring, edges[k].at) + " cross or touch";
  }
  return std::nullopt;
}

} // namespace

std::optional<std::string> ring_fault(const boundary& polygon) {
  if (auto crossed = crossing(polygon))
    return crossed;
  // Nothing crosses: one position of a hole speaks for all of it.
  for (std::size_t hole = 1; hole < polygon.rings.size(); ++hole) {
    const auto& at = polygon.rings[hole].front();
    if (place_in(polygon.rings[0], at) != place::inside)
      return "ring " + std::to_string(hole) + " is no hole: it lies outside ring 0";
    for (std::size_t other = 1; other < polygon.rings.size(); ++other)
      if (other != hole && place_in(polygon.rings[other], at) != place::outside)
        return "ring " + std::to_string(hole) + " lies in ring " + std::to_string(other);
  }
  const auto box = box_of(polygon);
  if (box.east_deg - box.west_deg > 180)
    return std::string{"it spans more than 180 degrees of longitude: cut it at the antimeridian"};
  return std::nullopt;
}

geo_box box_of(const boundary& polygon) {
  geo_box box{180, 90, -180, -90};
  if (!polygon.rings.empty())
    for (const auto& at : polygon.rings[0]) {
      box.west_deg = std::min(box.west_deg, at.longitude_deg);
      box.east_deg = std::max(box.east_deg, at.longitude_deg);
      box.south_deg = std::min(box.south_deg, at.latitude_deg);
      box.north_deg = std::max(box.north_deg, at.latitude_deg);
    }
  return box;
}

double area_m2(const boundary& polygon) {
  long double area = 0;
  for (std::size_t i = 0; i < polygon.rings.size(); ++i)
    if (!polygon.rings[i].empty())
      area += (i == 0 ? 1 : -1) * ring_area_m2(polygon.rings[i]);
  return static_cast<double>(area);
}

bool contains(const boundary& polygon, const geo_position& at) {
  if (polygon.rings.empty() || !box_of(polygon).holds(at)
      || place_in(polygon.rings[0], at) == place::outside)
    return false;
  return std::none_of(polygon.rings.begin() + 1, polygon.rings.end(),
                      [&](const auto& hole) { return place_in(hole, at) == place::inside; });
}

} // namespace furrow::storage
