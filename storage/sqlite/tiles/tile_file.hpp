/// A map in one file (MBTiles): pictures of the ground by zoom level, column and row, and who made them.
///
/// Shape: opened for reading; the file is checked once. Columns and rows count from the north-west, as web maps do;
///   MBTiles counts rows from the south.
/// Errors: misconfigured, with the reason, for a file that is no map of pictures. Else as storage/errc.hpp.
/// Threads: any; one tile is read at a time.
/// Limits: tile_bytes_max bytes of a tile.
/// Source: MBTiles 1.3.
#pragma once

#include "storage/errc.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace furrow::storage {

class sqlite_db;

struct tile_map {
  std::string name;
  std::string attribution; // as the file has it: may contain HTML
  std::string media_type;  // image/png, image/jpeg or image/webp
  int zoom_min = 0;
  int zoom_max = 0;
  std::optional<std::array<double, 4>> bounds; // west, south, east, north
  std::string tag;                             // changes with the file
};

class tile_file {
public:
  static constexpr std::size_t tile_bytes_max = 4U << 20U;
  static constexpr int zoom_max = 24;

  [[nodiscard]] static result<std::shared_ptr<tile_file>> open(const std::string& path);
  tile_file(const tile_file&) = delete;
  tile_file& operator=(const tile_file&) = delete;
  ~tile_file();

  [[nodiscard]] const tile_map& about() const { return about_; }
  /// Nothing: the map has no such tile, or there is no such place.
  [[nodiscard]] result<std::optional<std::string>> tile(int zoom, int column, int row);

private:
  explicit tile_file(std::unique_ptr<sqlite_db> db);

  std::mutex mutex_;
  std::unique_ptr<sqlite_db> db_;
  tile_map about_;
};

} // namespace furrow::storage
