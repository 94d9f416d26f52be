#include "storage/sqlite/tiles/tile_file.hpp"

#include "storage/sqlite/db.hpp"

#include <charconv>
#include <chrono>
#include <filesystem>
#include <map>
#include <utility>

namespace furrow::storage {

namespace {

constexpr std::chrono::milliseconds tile_busy{1'000};

using tile_texts = std::map<std::string, std::string, std::less<>>;

failure no_map(std::string why) {
  return failure{errc::misconfigured, std::move(why)};
}

std::string text_or(const tile_texts& of, std::string_view key, std::string_view otherwise = {}) {
  const auto found = of.find(key);
  return found == of.end() ? std::string{otherwise} : found->second;
}

std::optional<int> zoom_of(const tile_texts& of, std::string_view key) {
  const auto text = text_or(of, key);
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0
      || value > tile_file::zoom_max)
    return std::nullopt;
  return value;
}

/// "west,south,east,north"; nothing when it says something else.
std::optional<std::array<double, 4>> bounds_of(const std::string& text) {
  std::array<double, 4> corners{};
  const auto* at = text.data();
  const auto* const end = text.data() + text.size();
  for (std::size_t i = 0; i < corners.size(); ++i) {
    while (at != end && (*at == ' ' || (i > 0 && *at == ',')))
      ++at;
    const auto [next, error] = std::from_chars(at, end, corners[i]);
    if (error != std::errc{})
      return std::nullopt;
    at = next;
  }
  return corners[0] <= corners[2] && corners[1] <= corners[3] ? std::optional{corners}
                                                              : std::nullopt;
}

/// By its first bytes: `format` of some files is wrong.
std::string media_type_of(std::string_view picture) {
  if (picture.starts_with("\x89PNG"))
    return "image/png";
  if (picture.starts_with("\xFF\xD8\xFF"))
    return "image/jpeg";
  if (picture.starts_with("RIFF") && picture.size() > 12 && picture.substr(8, 4) == "WEBP")
    return "image/webp";
  return {};
}

tile_texts read_texts(sqlite_db& db) {
  tile_texts found;
  auto rows = db.statement("select name, value from metadata where value is not null");
  while (rows.step())
    found.emplace(rows.bytes(0), rows.bytes(1));
  return found;
}

result<tile_map> read_about(sqlite_db& db) {
  const auto texts = read_texts(db);
  const auto format = text_or(texts, "format");
  if (format == "pbf" || format == "mvt")
    return no_map("it has vector tiles (" + format + "); use a map of pictures: PNG, JPEG or WebP");
  tile_map made;
  auto first = db.statement("select tile_data, zoom_level from tiles order by zoom_level limit 1");
  if (!first.step())
    return no_map("it has no tile");
  made.media_type = media_type_of(first.bytes(0));
  if (made.media_type.empty())
    return no_map("its tiles are neither PNG, JPEG nor WebP"
                  + (format.empty() ? "" : " (" + format + ")"));
  auto last = db.statement("select max(zoom_level) from tiles");
  (void)last.step();
  made.zoom_min = zoom_of(texts, "minzoom").value_or(static_cast<int>(first.integer(1)));
  made.zoom_max = zoom_of(texts, "maxzoom").value_or(static_cast<int>(last.integer(0)));
  made.name = text_or(texts, "name");
  made.attribution = text_or(texts, "attribution");
  made.bounds = bounds_of(text_or(texts, "bounds"));
  return made;
}

} // namespace

tile_file::tile_file(std::unique_ptr<sqlite_db> db) : db_{std::move(db)} {}
tile_file::~tile_file() = default;

result<std::shared_ptr<tile_file>> tile_file::open(const std::string& path) {
  std::error_code unknown;
  const auto size = std::filesystem::file_size(path, unknown);
  if (unknown)
    return no_map(path + ": " + unknown.message());
  auto db = sqlite_db::open_foreign(path, tile_busy);
  if (!db)
    return no_map(path + ": " + db.error().detail);
  const std::shared_ptr<tile_file> made{new tile_file{std::move(*db)}};
  try {
    auto about = read_about(*made->db_);
    if (!about)
      return no_map(path + ": " + about.error().detail);
    made->about_ = std::move(*about);
  } catch (const sqlite_error& error) {
    return no_map(path + ": it is no MBTiles file: " + error.detail);
  }
  const auto changed = std::filesystem::last_write_time(path, unknown).time_since_epoch().count();
  made->about_.tag = std::to_string(size) + "-" + std::to_string(changed);
  return made;
}

result<std::optional<std::string>> tile_file::tile(int zoom, int column, int row) {
  const bool inside = zoom >= 0 && zoom <= zoom_max && column >= 0 && column < (1 << zoom)
                      && row >= 0 && row < (1 << zoom);
  if (!inside)
    return std::optional<std::string>{};
  const std::scoped_lock lock{mutex_};
  try {
    auto found = db_->statement(
      "select tile_data from tiles where zoom_level = ? and tile_column = ? and tile_row = ?");
    const std::int64_t from_south = (std::int64_t{1} << zoom) - 1 - row;
    found.with(std::int64_t{zoom}, std::int64_t{column}, from_south);
    if (!found.step())
      return std::optional<std::string>{};
    const auto bytes = found.bytes(0);
    if (bytes.size() > tile_bytes_max)
      return failure{errc::reject_row, "the tile has more than 4 MiB"};
    return std::optional<std::string>{std::string{bytes}};
  } catch (const sqlite_error& error) {
    return error.as_failure();
  }
}

} // namespace furrow::storage
