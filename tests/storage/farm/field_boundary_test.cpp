#include "storage/farm/field_boundary.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

using namespace furrow::storage;

namespace {

boundary ring_of(std::vector<geo_position> positions) {
  positions.push_back(positions.front());
  return {{std::move(positions)}};
}

boundary box_polygon(double west, double south, double east, double north) {
  return ring_of({{west, south}, {east, south}, {east, north}, {west, north}});
}

std::string polygon_text(const std::string& rings) {
  return R"({"type":"Polygon","coordinates":)" + rings + "}";
}

std::string fault_of(const std::string& text) {
  const auto parsed = parse_boundary(text);
  return parsed ? "" : parsed.error().detail;
}

/// A star around a centre, random in reach and step: simple by construction.
boundary random_star(std::mt19937& random, double reach_deg) {
  std::uniform_real_distribution<double> part{0.3, 1.0};
  std::uniform_real_distribution<double> longitude{-170, 170};
  std::uniform_real_distribution<double> latitude{-70, 70};
  const geo_position centre{longitude(random), latitude(random)};
  const auto corners = 5 + random() % 40;
  std::vector<geo_position> positions;
  for (unsigned i = 0; i < corners; ++i) {
    const auto angle = 2 * std::numbers::pi * i / corners;
    const auto reach = reach_deg * part(random);
    positions.push_back({centre.longitude_deg + reach * std::cos(angle),
                         centre.latitude_deg + reach * std::sin(angle)});
  }
  return ring_of(positions);
}

/// Plane area with the radii of curvature at the middle: exact to a few parts in a million for a
/// field of a kilometre.
double plane_area_m2(const boundary& polygon) {
  const auto box = box_of(polygon);
  const auto latitude = (box.south_deg + box.north_deg) / 2 * std::numbers::pi / 180;
  constexpr double a = 6'378'137;
  constexpr double e2 = 0.006'694'379'990'14;
  const auto w = 1 - e2 * std::sin(latitude) * std::sin(latitude);
  const auto metres_north = a * (1 - e2) / (w * std::sqrt(w)) * std::numbers::pi / 180;
  const auto metres_east = a / std::sqrt(w) * std::cos(latitude) * std::numbers::pi / 180;
  const auto& ring = polygon.rings[0];
  double sum = 0;
  for (std::size_t i = 0; i + 1 < ring.size(); ++i)
    sum += (ring[i].longitude_deg - box.west_deg) * (ring[i + 1].latitude_deg - box.south_deg)
           - (ring[i + 1].longitude_deg - box.west_deg) * (ring[i].latitude_deg - box.south_deg);
  return std::abs(sum) / 2 * metres_north * metres_east;
}

/// Sums the angles under which the edges appear.
bool winds_around(const boundary::ring& ring, const geo_position& at) {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < ring.size(); ++i) {
    const auto ax = ring[i].longitude_deg - at.longitude_deg;
    const auto ay = ring[i].latitude_deg - at.latitude_deg;
    const auto bx = ring[i + 1].longitude_deg - at.longitude_deg;
    const auto by = ring[i + 1].latitude_deg - at.latitude_deg;
    sum += std::atan2(ax * by - ay * bx, ax * bx + ay * by);
  }
  return std::abs(sum) > std::numbers::pi;
}

} // namespace

TEST_CASE("boundary: areas equal the published ones for WGS 84") {
  // The whole ellipsoid (NGA, WGS 84): 510 065 621.724 km2.
  CHECK(area_m2(box_polygon(-180, -90, 180, 90))
        == doctest::Approx(510'065'621'724'088.4).epsilon(1e-12));
  // An octant, from the test set of GeographicLib's Planimeter: 63758202715511 m2.
  CHECK(area_m2(ring_of({{0, 0}, {90, 0}, {90, 90}, {0, 90}}))
        == doctest::Approx(63'758'202'715'511.0).epsilon(1e-12));
  // The diamond of the same set, whose edges are geodesics there: 24619419146 m2.
  CHECK(area_m2(ring_of({{-1, 0}, {0, -1}, {1, 0}, {0, 1}}))
        == doctest::Approx(24'619'419'146.0).epsilon(2e-4));
}

TEST_CASE("boundary: a field's area equals the plane area within parts in a hundred thousand") {
  std::mt19937 random{7};
  for (int i = 0; i < 2'000; ++i) {
    const auto field = random_star(random, 0.003);
    REQUIRE(area_m2(field) == doctest::Approx(plane_area_m2(field)).epsilon(3e-4));
  }
  const auto small = box_polygon(8.4, 49.0, 8.402, 49.0015);
  CHECK(area_m2(small) == doctest::Approx(plane_area_m2(small)).epsilon(1e-8));
}

TEST_CASE("boundary: an area is the sum of its parts, less its holes") {
  std::mt19937 random{11};
  std::uniform_real_distribution<double> at{0.1, 0.9};
  for (int i = 0; i < 500; ++i) {
    const auto cut = at(random);
    const auto whole = area_m2(box_polygon(10, 40, 11, 41));
    const auto west = area_m2(box_polygon(10, 40, 10 + cut, 41));
    const auto east = area_m2(box_polygon(10 + cut, 40, 11, 41));
    REQUIRE(west + east == doctest::Approx(whole).epsilon(1e-12));
    // Two triangles along the diagonal.
    const auto lower = area_m2(ring_of({{10, 40}, {11, 40}, {11, 41}}));
    const auto upper = area_m2(ring_of({{10, 40}, {11, 41}, {10, 41}}));
    REQUIRE(lower + upper == doctest::Approx(whole).epsilon(1e-12));
  }
  auto holed = box_polygon(10, 40, 11, 41);
  holed.rings.push_back(box_polygon(10.2, 40.2, 10.4, 40.4).rings[0]);
  CHECK(area_m2(holed)
        == doctest::Approx(area_m2(box_polygon(10, 40, 11, 41))
                           - area_m2(box_polygon(10.2, 40.2, 10.4, 40.4)))
             .epsilon(1e-12));
  // Neither the direction of the ring nor the longitude matters.
  auto turned = holed;
  std::reverse(turned.rings[0].begin(), turned.rings[0].end());
  CHECK(area_m2(turned) == doctest::Approx(area_m2(holed)).epsilon(1e-13));
}

TEST_CASE("boundary: a position is in a field when the field winds around it") {
  std::mt19937 random{13};
  int inside = 0;
  for (int i = 0; i < 300; ++i) {
    const auto field = random_star(random, 0.01);
    REQUIRE_FALSE(ring_fault(field));
    const auto box = box_of(field);
    std::uniform_real_distribution<double> longitude{box.west_deg, box.east_deg};
    std::uniform_real_distribution<double> latitude{box.south_deg, box.north_deg};
    for (int k = 0; k < 50; ++k) {
      const geo_position at{longitude(random), latitude(random)};
      const bool in = contains(field, at);
      inside += in ? 1 : 0;
      REQUIRE(in == winds_around(field.rings[0], at));
    }
    for (const auto& corner : field.rings[0])
      REQUIRE(contains(field, corner));
  }
  CHECK(inside > 3'000);
  auto holed = box_polygon(10, 40, 11, 41);
  holed.rings.push_back(box_polygon(10.2, 40.2, 10.4, 40.4).rings[0]);
  CHECK(contains(holed, {10.1, 40.1}));
  CHECK_FALSE(contains(holed, {10.3, 40.3}));
  CHECK(contains(holed, {10.2, 40.3})); // the edge of the hole
  CHECK(contains(holed, {10.0, 40.5})); // the edge of the field
  CHECK_FALSE(contains(holed, {9.999, 40.5}));
}

TEST_CASE("boundary: GeoJSON reads back unchanged; a feature gives its geometry") {
  const auto text = polygon_text("[[[8.25,49],[8.5,49],[8.5,49.125],[8.25,49]]]");
  const auto parsed = parse_boundary(text);
  REQUIRE(parsed);
  const auto again = parse_boundary(to_geojson(*parsed));
  REQUIRE(again);
  CHECK(again->rings == parsed->rings);
  const auto feature =
    parse_boundary(R"({"type":"Feature","properties":{},"geometry":)" + text + "}");
  REQUIRE(feature);
  CHECK(feature->rings == parsed->rings);
  // Heights are dropped, repeated positions are merged.
  const auto high = parse_boundary(
    polygon_text("[[[8.25,49,100],[8.25,49,101],[8.5,49,1],[8.5,49.125,1],[8.25,49,1]]]"));
  REQUIRE(high);
  CHECK(high->rings == parsed->rings);
}

TEST_CASE("boundary: rejects an invalid polygon with the ring and the position") {
  CHECK(fault_of("") == "is not JSON: error at byte 1");
  CHECK(fault_of("{") == "is not JSON: error at byte 2");
  CHECK(fault_of("[]") == "is neither a GeoJSON Polygon nor a Feature with one");
  CHECK(fault_of(R"({"type":"Point","coordinates":[1,2]})")
        == "is neither a GeoJSON Polygon nor a Feature with one");
  CHECK(fault_of(R"({"type":"Feature","geometry":null})")
        == "is neither a GeoJSON Polygon nor a Feature with one");
  CHECK(fault_of(polygon_text("[]")) == "is neither a GeoJSON Polygon nor a Feature with one");
  CHECK(fault_of(polygon_text("[5]")) == "ring 0 is not a list of positions");
  CHECK(fault_of(polygon_text("[[]]")) == "ring 0 is open: its last position must be its first");
  CHECK(fault_of(polygon_text("[[[1,2],[3,\"x\"]]]"))
        == "ring 0, position 1 is not [longitude, latitude]");
  CHECK(fault_of(polygon_text("[[[0,0],[1,0],[1,1],[0,1]]]"))
        == "ring 0 is open: its last position must be its first");
  CHECK(fault_of(polygon_text("[[[0,0],[1,0],[0,0]]]"))
        == "ring 0 has fewer than 4 different positions, the closing one counted");
  CHECK(fault_of(polygon_text("[[[0,0],[181,0],[1,1],[0,0]]]")).find("beyond 180")
        != std::string::npos);
  CHECK(fault_of(polygon_text("[[[0,0],[1e308,0],[1,1],[0,0]]]")).find("beyond 180")
        != std::string::npos);
  CHECK(fault_of(polygon_text("[[[0,0],[1e999,0],[1,1],[0,0]]]"))
        == "holds a number beyond the range of a double");
  // A bow tie, a ring that touches itself, a spike, and edges that lie on each other.
  for (const auto* ring :
       {"[[0,0],[1,1],[1,0],[0,1],[0,0]]", "[[0,0],[2,0],[2,2],[1,0],[0,2],[0,0]]",
        "[[0,0],[1,0],[2,0],[1,0],[1,1],[0,0]]",
        "[[0,0],[4,0],[4,4],[0,4],[0,0],[4,0],[2,2],[0,0]]", "[[0,0],[1,0],[2,0],[0,0]]"}) {
    CAPTURE(ring);
    CHECK(fault_of(polygon_text("[" + std::string{ring} + "]")).find("cross or touch")
          != std::string::npos);
  }
  const std::string outer = "[[[0,0],[9,0],[9,9],[0,9],[0,0]],";
  CHECK(fault_of(polygon_text(outer + "[[20,20],[21,20],[21,21],[20,20]]]"))
        == "ring 1 lies outside ring 0: a hole must lie inside it");
  CHECK(fault_of(polygon_text(outer + "[[1,1],[8,1],[8,8],[1,1]],[[5,3],[6,3],[6,4],[5,3]]]"))
        == "ring 2 lies in ring 1");
  CHECK(fault_of(polygon_text(outer + "[[1,1],[10,1],[8,8],[1,1]]]")).find("cross or touch")
        != std::string::npos);
  CHECK(fault_of(polygon_text("[[[-100,0],[100,0],[100,1],[-100,0]]]")).find("antimeridian")
        != std::string::npos);
}

TEST_CASE("boundary: rejects a text that is too large or too deep") {
  CHECK(fault_of(std::string(1U << 20U, ' ')) == "has 1048576 bytes");
  CHECK(fault_of(std::string(500'000, '[')) == "nests deeper than 32");
  std::string positions = "[[[0,0]";
  for (std::size_t i = 0; i < boundary_positions_max; ++i)
    positions += ",[1,0]";
  CHECK(fault_of(polygon_text(positions + ",[1,1],[0,0]]]")) == "has 10003 positions");
  std::string rings = "[[[0,0],[1,0],[1,1],[0,0]]";
  for (std::size_t i = 0; i < rings_max; ++i)
    rings += ",[[0,0],[1,0],[1,1],[0,0]]";
  CHECK(fault_of(polygon_text(rings + "]")) == "has 257 rings");
}
