#include "storage/farm/field_boundary.hpp"
#include "storage/farm/json_check.hpp"

#include <cmath>
#include <optional>
#include <utility>

namespace furrow::storage {

namespace {

using json = nlohmann::json;
using fault = furrow::failure<boundary_errc>;

fault malformed(std::string what) {
  return {boundary_errc::malformed, std::move(what)};
}

std::string json_name_of(std::size_t ring, std::size_t at) {
  return "ring " + std::to_string(ring) + ", position " + std::to_string(at);
}

/// The coordinates of a Polygon, or of a Feature with one.
const json* coordinates_of(const json& value) {
  const auto* shape = &value;
  if (value.is_object() && value.contains("type") && value["type"] == "Feature"
      && value.contains("geometry"))
    shape = &value["geometry"];
  if (!shape->is_object() || !shape->contains("type") || (*shape)["type"] != "Polygon"
      || !shape->contains("coordinates"))
    return nullptr;
  const auto& found = (*shape)["coordinates"];
  return found.is_array() && !found.empty() ? &found : nullptr;
}

furrow::result<geo_position, boundary_errc>
read_position(const json& value, std::size_t ring, std::size_t at) {
  if (!value.is_array() || value.size() < 2 || value.size() > 3 || !value[0].is_number()
      || !value[1].is_number())
    return malformed(json_name_of(ring, at) + " is not [longitude, latitude]");
  const geo_position read{value[0].get<double>(), value[1].get<double>()};
  if (!(std::abs(read.longitude_deg) <= 180) || !(std::abs(read.latitude_deg) <= 90))
    return fault{boundary_errc::too_large,
                 json_name_of(ring, at)
                   + " is beyond 180 degrees of longitude or 90 of latitude "
                     "(GeoJSON has the longitude first)"};
  return read;
}

furrow::result<boundary::ring, boundary_errc> read_ring(const json& value, std::size_t number) {
  if (!value.is_array())
    return malformed("ring " + std::to_string(number) + " is not a list of positions");
  boundary::ring ring;
  ring.reserve(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto read = read_position(value[i], number, i);
    if (!read)
      return read.error();
    if (ring.empty() || ring.back() != *read)
      ring.push_back(*read);
  }
  const auto unsound = [number](const char* what) {
    return fault{boundary_errc::unsound, "ring " + std::to_string(number) + what};
  };
  if (ring.size() < 2 || ring.front() != ring.back())
    return unsound(" is open: its last position must be its first");
  if (ring.size() < 4)
    return unsound(" has fewer than 4 different positions, the closing one counted");
  return ring;
}

} // namespace

furrow::result<boundary, boundary_errc> read_boundary(std::string_view geojson) {
  std::string wrong;
  // A database with its own JSON format adds blanks.
  const auto value = parse_json(geojson, 2 * boundary_bytes_max, wrong);
  if (!value)
    return malformed(wrong);
  const auto* coordinates = coordinates_of(*value);
  if (coordinates == nullptr)
    return malformed("is neither a GeoJSON Polygon nor a Feature with one");
  if (coordinates->size() > rings_max)
    return fault{boundary_errc::too_large, "has " + std::to_string(coordinates->size()) + " rings"};
  std::size_t positions = 0;
  for (const auto& ring : *coordinates)
    positions += ring.size();
  if (positions > boundary_positions_max)
    return fault{boundary_errc::too_large, "has " + std::to_string(positions) + " positions"};
  boundary polygon;
  for (std::size_t i = 0; i < coordinates->size(); ++i) {
    auto ring = read_ring((*coordinates)[i], i);
    if (!ring)
      return ring.error();
    polygon.rings.push_back(std::move(*ring));
  }
  return polygon;
}

furrow::result<boundary, boundary_errc> parse_boundary(std::string_view geojson) {
  if (geojson.size() > boundary_bytes_max)
    return fault{boundary_errc::too_large, "has " + std::to_string(geojson.size()) + " bytes"};
  auto polygon = read_boundary(geojson);
  if (!polygon)
    return polygon;
  if (auto found = ring_fault(*polygon))
    return fault{boundary_errc::unsound, std::move(*found)};
  return polygon;
}

std::string to_geojson(const boundary& polygon) {
  auto rings = json::array();
  for (const auto& ring : polygon.rings) {
    auto list = json::array();
    for (const auto& at : ring)
      list.push_back({at.longitude_deg, at.latitude_deg});
    rings.push_back(std::move(list));
  }
  return json{{"type", "Polygon"}, {"coordinates", std::move(rings)}}.dump();
}

} // namespace furrow::storage
