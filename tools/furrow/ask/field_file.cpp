#include "tools/furrow/ask/field_file.hpp"

#include "storage/farm/json_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <numbers>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

constexpr double far_km = 1'000;
constexpr double near_km = 300;

std::string type_of(const json& shape) {
  return shape.is_object() ? shape.value("type", "") : "";
}

failure wrong_type(const std::string& where, const std::string& type) {
  return {errc::failed, fmt::format("{}: is \"{}\"; a field must be a Polygon, a MultiPolygon, a "
                                    "Feature or a FeatureCollection of them",
                                    where, type)};
}

/// Adds one field per polygon of the geometry.
std::optional<failure> add_geometry(const json& geometry,
                                    const json& field,
                                    const std::string& where,
                                    std::vector<json>& out) {
  const auto type = type_of(geometry);
  const bool parts = type == "MultiPolygon";
  if ((type != "Polygon" && !parts) || !geometry.contains("coordinates")
      || !geometry["coordinates"].is_array())
    return wrong_type(where, type);
  if (!parts) {
    out.push_back(field);
    out.back()["boundary"] = geometry;
    return std::nullopt;
  }
  const auto& polygons = geometry["coordinates"];
  for (std::size_t i = 0; i < polygons.size(); ++i) {
    auto& part = out.emplace_back(field);
    part["boundary"] = {{"type", "Polygon"}, {"coordinates", polygons[i]}};
    if (polygons.size() > 1)
      part["part"] = i + 1;
  }
  return std::nullopt;
}

std::optional<failure>
add_shape(const json& shape, const std::string& where, std::vector<json>& out) {
  if (type_of(shape) != "Feature")
    return add_geometry(shape, json::object(), where, out);
  json field = json::object();
  if (shape.contains("properties") && shape["properties"].is_object())
    for (const auto* name : {"name", "crop", "soil", "season"})
      if (shape["properties"].contains(name) && shape["properties"][name].is_string())
        field[name] = shape["properties"][name];
  return add_geometry(shape.value("geometry", json()), field, where, out);
}

struct middle {
  double x = 0;
  double y = 0;
  double x_max = 0; // largest amount
  double y_max = 0;
};

/// Of the outer ring; nothing when it is no list of positions: the node says what is wrong.
std::optional<middle> middle_of(const json& field) {
  const auto& boundary = field.value("boundary", json());
  const auto rings = boundary.is_object() ? boundary.value("coordinates", json()) : json();
  if (!rings.is_array() || rings.empty() || !rings[0].is_array() || rings[0].empty())
    return std::nullopt;
  middle out;
  for (const auto& at : rings[0]) {
    if (!at.is_array() || at.size() < 2 || !at[0].is_number() || !at[1].is_number())
      return std::nullopt;
    const auto x = at[0].get<double>();
    const auto y = at[1].get<double>();
    out.x += x / static_cast<double>(rings[0].size());
    out.y += y / static_cast<double>(rings[0].size());
    out.x_max = std::max(out.x_max, std::abs(x));
    out.y_max = std::max(out.y_max, std::abs(y));
  }
  return out;
}

/// On a sphere.
double km_between(double lon_a, double lat_a, double lon_b, double lat_b) {
  constexpr double earth_km = 6'371;
  constexpr double rad = std::numbers::pi / 180;
  const auto south = std::sin((lat_b - lat_a) * rad / 2);
  const auto west = std::sin((lon_b - lon_a) * rad / 2);
  const auto part = south * south + std::cos(lat_a * rad) * std::cos(lat_b * rad) * west * west;
  return 2 * earth_km * std::asin(std::sqrt(std::min(1.0, part)));
}

/// The nearest place and how far it is.
std::pair<const known_place*, double>
nearest_place(double longitude, double latitude, const std::vector<known_place>& places) {
  const known_place* found = nullptr;
  double least = 0;
  for (const auto& place : places) {
    const auto km = km_between(longitude, latitude, place.longitude_deg, place.latitude_deg);
    if (found == nullptr || km < least) {
      found = &place;
      least = km;
    }
  }
  return {found, least};
}

} // namespace

result<json> read_geojson(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  if (!in)
    return failure{errc::failed, path + ": cannot be read"};
  if (text.size() > field_file_bytes_max)
    return failure{errc::failed, fmt::format("{}: has {} bytes, a node takes at most {}", path,
                                             text.size(), field_file_bytes_max)};
  auto parsed = json::parse(text, nullptr, false);
  if (parsed.is_discarded()) // a number that a double cannot hold, in a property that is not used
    parsed = json::parse(storage::shield_numbers(text), nullptr, false);
  if (!parsed.is_object())
    return failure{errc::failed, path + ": is not GeoJSON"};
  return parsed;
}

result<std::vector<json>> fields_of(const json& shape, const std::string& path) {
  std::vector<json> out;
  if (type_of(shape) != "FeatureCollection") {
    if (const auto wrong = add_shape(shape, path, out))
      return *wrong;
    return out;
  }
  const auto features = shape.value("features", json::array());
  for (std::size_t i = 0; features.is_array() && i < features.size(); ++i)
    if (const auto wrong = add_shape(features[i], fmt::format("{}: feature {}", path, i + 1), out))
      return *wrong;
  if (out.empty())
    return failure{errc::failed, path + ": has no feature"};
  return out;
}

std::optional<std::string> swapped(const json& field, const std::vector<known_place>& places) {
  const auto at = middle_of(field);
  if (!at)
    return std::nullopt;
  constexpr double latitude_max = 90;
  if (at->y_max > latitude_max && at->x_max <= latitude_max)
    return fmt::format("its latitude would be {:.4f}: the coordinates have the latitude first, "
                       "GeoJSON has the longitude first",
                       at->y);
  if (places.empty() || at->x_max > latitude_max)
    return std::nullopt;
  const auto [as_given, given_km] = nearest_place(at->x, at->y, places);
  const auto [other, other_km] = nearest_place(at->y, at->x, places);
  if (given_km < far_km || other_km > near_km)
    return std::nullopt;
  return fmt::format("it is {:.0f} km from {}, and {:.0f} km from {} if the latitude comes first: "
                     "GeoJSON has the longitude first (--far adds it as it is)",
                     given_km, as_given->what, other_km, other->what);
}

} // namespace furrow::cli
