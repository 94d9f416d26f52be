/// The ground under the maps of the page: a file of this node, tiles of another server, or nothing.
///
/// Threads: constant; the file locks itself.
#pragma once

#include "storage/sqlite/tiles/tile_file.hpp"

#include <memory>
#include <optional>
#include <string>

namespace furrow::http {

struct base_map {
  std::shared_ptr<storage::tile_file> file;
  std::string url;         // https://tiles.example.org/{z}/{x}/{y}.png; not with a file
  std::string attribution; // of the URL
};

/// What is wrong with such a URL.
[[nodiscard]] std::optional<std::string> fault_of_map_url(const std::string& url);
/// "https://tiles.example.org" of a valid one.
[[nodiscard]] std::string map_origin(const std::string& url);

} // namespace furrow::http
