/// Fields from a GeoJSON file: a Polygon, a MultiPolygon, a Feature of one of them, or a FeatureCollection.
///
/// Shape: each field is an object with `boundary` (a Polygon) and, from a Feature's properties, `name`, `crop`, `soil`
///   and `season`. A MultiPolygon of several parts becomes one field per part, "NAME 1", "NAME 2" and so on.
/// Errors: one line that names the file and, in a collection, the feature (from 1).
/// Threads: pure functions, except `read_geojson`.
/// Limits: a file has at most field_file_bytes_max.
/// Source: RFC 7946.
#pragma once

#include "tools/furrow/client.hpp"

#include <optional>
#include <string>
#include <vector>

namespace furrow::cli {

inline constexpr std::size_t field_file_bytes_max = 1U << 20U; // limit of a node

[[nodiscard]] result<json> read_geojson(const std::string& path);
[[nodiscard]] result<std::vector<json>> fields_of(const json& shape, const std::string& path);

struct known_place {
  std::string what; // "machine T1", "field Upper"
  double longitude_deg = 0;
  double latitude_deg = 0;
};

/// A line if the field's coordinates have the latitude first. That is certain where only the other order is possible.
/// It is likely where the field is far from every known place, and near one with the other order.
[[nodiscard]] std::optional<std::string> swapped(const json& field,
                                                 const std::vector<known_place>& places);

} // namespace furrow::cli
