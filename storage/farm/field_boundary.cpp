#include "storage/farm/field_boundary.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <GeographicLib/Ellipsoid.hpp>
#include <GeographicLib/Math.hpp>
#include <boost/geometry/algorithms/covered_by.hpp>
#include <boost/geometry/algorithms/intersects.hpp>
#include <boost/geometry/algorithms/within.hpp>
#include <boost/geometry/core/cs.hpp>
#include <boost/geometry/geometries/register/point.hpp>
#include <boost/geometry/geometries/register/ring.hpp>
#include <boost/geometry/geometries/segment.hpp>
#include <boost/geometry/strategies/strategies.hpp>
#include <boost/math/quadrature/gauss.hpp>

BOOST_GEOMETRY_REGISTER_POINT_2D(furrow::storage::geo_position,
                                 double,
                                 boost::geometry::cs::cartesian,
                                 longitude_deg,
                                 latitude_deg)
BOOST_GEOMETRY_REGISTER_RING(furrow::storage::boundary::ring)

namespace furrow::storage {

namespace {

namespace geometry = boost::geometry;

/// Relative to a latitude of the ring, so that a small field is not the difference of large
/// numbers. GeographicLib's polygons do not fit: their edges are geodesics or rhumb lines, and
/// those areas differ from ours by parts in a million.
double ring_area_m2(const boundary::ring& ring) {
  const auto& ellipsoid = GeographicLib::Ellipsoid::WGS84();
  const auto height = [&](double latitude_deg) {
    return GeographicLib::Math::sind(ellipsoid.AuthalicLatitude(latitude_deg));
  };
  const auto reference = height(ring.front().latitude_deg);
  double sum = 0;
  for (std::size_t i = 0; i + 1 < ring.size(); ++i) {
    const auto& from = ring[i];
    const auto& to = ring[i + 1];
    const auto along = [&](double part) {
      return height(std::lerp(from.latitude_deg, to.latitude_deg, part)) - reference;
    };
    sum += (to.longitude_deg - from.longitude_deg)
           * boost::math::quadrature::gauss<double, 10>::integrate(along, 0.0, 1.0);
  }
  return std::abs(sum) * ellipsoid.Area() / 720; // a degree of longitude is 1/720 of both halves
}

struct edge {
  const geo_position* from = nullptr;
  const geo_position* to = nullptr;
  std::size_t ring = 0;
  std::size_t at = 0;
  std::size_t of = 0; // edges of its ring
  [[nodiscard]] geometry::model::referring_segment<const geo_position> segment() const {
    return {*from, *to};
  }
  [[nodiscard]] double west() const { return std::min(from->longitude_deg, to->longitude_deg); }
  [[nodiscard]] double east() const { return std::max(from->longitude_deg, to->longitude_deg); }
};

/// Neighbouring edges share one position and nothing else.
bool clash(const edge& one, const edge& other) {
  if (one.ring == other.ring) {
    const bool follows = (one.at + 1) % one.of == other.at;
    const bool leads = (other.at + 1) % one.of == one.at;
    if (follows || leads) {
      const auto& first = follows ? one : other;
      const auto& second = follows ? other : one;
      return geometry::covered_by(*second.to, first.segment())
             || geometry::covered_by(*first.from, second.segment());
    }
  }
  return geometry::intersects(one.segment(), other.segment());
}

std::string name_of(std::size_t ring, std::size_t at) {
  return "ring " + std::to_string(ring) + ", position " + std::to_string(at);
}

/// Goes from west to east. An edge is compared with the edges that begin before it ends. Boost's
/// `is_valid` does not fit: it allows rings that touch, and does not name the wrong edges.
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
      if (clash(edges[i], edges[k]))
        return "the edges after " + name_of(edges[i].ring, edges[i].at) + " and after "
               + name_of(edges[k].ring, edges[k].at) + " cross or touch";
  }
  return std::nullopt;
}

} // namespace

std::optional<std::string> ring_fault(const boundary& polygon) {
  if (auto crossed = crossing(polygon))
    return crossed;
  // No edges cross, so one position of a hole decides for the whole hole.
  for (std::size_t hole = 1; hole < polygon.rings.size(); ++hole) {
    const auto& at = polygon.rings[hole].front();
    if (!geometry::within(at, polygon.rings[0]))
      return "ring " + std::to_string(hole) + " lies outside ring 0: a hole must lie inside it";
    for (std::size_t other = 1; other < polygon.rings.size(); ++other)
      if (other != hole && geometry::covered_by(at, polygon.rings[other]))
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
  double area = 0;
  for (std::size_t i = 0; i < polygon.rings.size(); ++i)
    if (!polygon.rings[i].empty())
      area += (i == 0 ? 1 : -1) * ring_area_m2(polygon.rings[i]);
  return area;
}

bool contains(const boundary& polygon, const geo_position& at) {
  if (polygon.rings.empty() || !box_of(polygon).holds(at)
      || !geometry::covered_by(at, polygon.rings[0]))
    return false;
  return std::none_of(polygon.rings.begin() + 1, polygon.rings.end(),
                      [&](const auto& hole) { return geometry::within(at, hole); });
}

} // namespace furrow::storage
