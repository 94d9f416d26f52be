/// The boundary of a field: a GeoJSON polygon with holes, its area on the ellipsoid, and whether it contains a
/// position.
///
/// Shape: edges are straight in longitude and latitude (RFC 7946 3.1.1); area and `contains` use the same edges. Over 1
///   km such an edge is within 4 cm of the geodesic below 60 degrees of latitude.
/// Units: degrees (longitude first, as GeoJSON), square metres.
/// Errors: `parse_boundary` gives one line that names the ring and the position, from 0.
/// Threads: pure functions.
/// Limits: boundary_bytes_max, boundary_positions_max, rings_max; a ring has at least 4 positions.
/// Source: RFC 7946; WGS 84; authalic latitude (GeographicLib); relations of points and edges (Boost.Geometry, in the
///   plane of longitude and latitude).
#pragma once

#include "can/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::storage {

inline constexpr std::size_t boundary_bytes_max = 512U << 10U;
inline constexpr std::size_t boundary_positions_max = 10'000;
inline constexpr std::size_t rings_max = 256;

struct geo_position {
  double longitude_deg = 0;
  double latitude_deg = 0;
  friend bool operator==(const geo_position&, const geo_position&) = default;
};

struct geo_box {
  double west_deg = 0;
  double south_deg = 0;
  double east_deg = 0;
  double north_deg = 0;
  [[nodiscard]] bool holds(const geo_position& at) const {
    return at.longitude_deg >= west_deg && at.longitude_deg <= east_deg
           && at.latitude_deg >= south_deg && at.latitude_deg <= north_deg;
  }
};

/// The first ring is the outer ring, the others are holes. Closed: the last position equals the
/// first.
struct boundary {
  using ring = std::vector<geo_position>;
  std::vector<ring> rings;
};

enum class boundary_errc : std::uint8_t {
  none = 0,
  malformed = 1, // invalid GeoJSON, or another geometry than a polygon
  too_large = 2, // exceeds a limit
  unsound = 3,   // a ring is open, crosses or touches, or a hole lies outside
};

/// Reads a Polygon, or a Feature whose geometry is one. Repeated positions are merged; a third number (height) is
/// dropped.
[[nodiscard]] furrow::result<boundary, boundary_errc> parse_boundary(std::string_view geojson);
/// The same without the comparison of rings: for stored boundaries, which passed it.
[[nodiscard]] furrow::result<boundary, boundary_errc> read_boundary(std::string_view geojson);
/// A Polygon in the shortest form that reads back as the same numbers.
[[nodiscard]] std::string to_geojson(const boundary& polygon);

/// The fault between rings whose positions are valid: edges that cross or touch, a hole outside the
/// outer ring.
[[nodiscard]] std::optional<std::string> ring_fault(const boundary& polygon);

[[nodiscard]] geo_box box_of(const boundary& polygon);
/// Of the outer ring without its holes, for either direction of the rings.
[[nodiscard]] double area_m2(const boundary& polygon);
/// The outer edge and the edges of holes belong to the field. A position within a nanometre of an
/// edge is on it.
[[nodiscard]] bool contains(const boundary& polygon, const geo_position& at);

} // namespace furrow::storage
