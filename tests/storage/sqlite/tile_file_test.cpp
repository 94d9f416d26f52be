// Maps in one file (MBTiles): good ones, files that are none, and places that a map does not have.
#include "storage/sqlite/tiles/tile_file.hpp"
#include "tests/support/scratch_folder.hpp"

#include <doctest/doctest.h>

#include <sqlite3.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <limits>
#include <string>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

const std::string picture = "\x89PNG\r\n\x1A\n and the rest";
const std::string tables = "create table metadata (name text, value text);"
                           "create table tiles (zoom_level integer, tile_column integer, tile_row "
                           "integer, tile_data blob);";

/// A file with these statements.
class map_bed {
public:
  explicit map_bed(const std::string& sql) {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    const auto done = sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr);
    sqlite3_close(db);
    REQUIRE(done == SQLITE_OK);
  }

  [[nodiscard]] std::string refusal() const {
    const auto opened = tile_file::open(path);
    REQUIRE_FALSE(opened);
    CHECK(opened.code() == errc::misconfigured);
    CHECK(opened.error().detail.starts_with(path));
    return opened.error().detail.substr(path.size());
  }

private:
  scratch_folder folder_;

public:
  const std::string path = folder_.file("map.mbtiles");
};

/// x'...', a blob in SQL.
std::string blob(const std::string& bytes) {
  std::string out = "x'";
  for (const unsigned char byte : bytes) {
    out += "0123456789ABCDEF"[byte / 16];
    out += "0123456789ABCDEF"[byte % 16];
  }
  return out + "'";
}

std::string tile(int zoom, int column, int row_from_south, const std::string& data) {
  return "insert into tiles values (" + std::to_string(zoom) + ", " + std::to_string(column) + ", "
         + std::to_string(row_from_south) + ", " + data + ");";
}

std::string meta(const std::string& name, const std::string& value) {
  return "insert into metadata values ('" + name + "', '" + value + "');";
}

} // namespace

TEST_CASE("tile file: says what it is, and gives tiles by column and row from the north-west") {
  const map_bed bed{tables + meta("name", "Hof") + meta("attribution", "(c) Amt")
                    + meta("format", "png") + meta("minzoom", "1") + meta("maxzoom", "3")
                    + meta("bounds", "8.0,48.5,8.5,49.0") + tile(2, 1, 0, blob(picture))
                    + tile(2, 1, 3, blob(picture + " north"))};
  const auto opened = tile_file::open(bed.path);
  REQUIRE(opened);
  auto& map = **opened;
  CHECK(map.about().name == "Hof");
  CHECK(map.about().attribution == "(c) Amt");
  CHECK(map.about().media_type == "image/png");
  CHECK(map.about().zoom_min == 1);
  CHECK(map.about().zoom_max == 3);
  REQUIRE(map.about().bounds);
  CHECK(*map.about().bounds == std::array{8.0, 48.5, 8.5, 49.0});
  CHECK_FALSE(map.about().tag.empty());
  CHECK(map.tile(2, 1, 0).value() == picture + " north"); // rows of the file count from the south
  CHECK(map.tile(2, 1, 3).value() == picture);
  CHECK_FALSE(map.tile(2, 2, 0).value());
  CHECK_FALSE(map.tile(3, 1, 0).value());
}

TEST_CASE("tile file: what its metadata leave out or get wrong comes from the tiles") {
  const map_bed bed{tables + meta("minzoom", "x") + meta("maxzoom", "99") + meta("format", "png")
                    + meta("bounds", "9,48,8,49") + tile(4, 0, 0, blob("\xFF\xD8\xFF\xE0"))
                    + tile(6, 0, 0, blob("\xFF\xD8\xFF\xE0"))};
  const auto opened = tile_file::open(bed.path);
  REQUIRE(opened);
  CHECK((*opened)->about().media_type == "image/jpeg");
  CHECK((*opened)->about().zoom_min == 4);
  CHECK((*opened)->about().zoom_max == 6);
  CHECK_FALSE((*opened)->about().bounds);
  const map_bed webp{tables + tile(0, 0, 0, blob("RIFF1234WEBPVP8 "))};
  const auto other = tile_file::open(webp.path);
  REQUIRE(other);
  CHECK((*other)->about().media_type == "image/webp");
}

TEST_CASE("tile file: rejects files that are no map of pictures, with the reason") {
  const scratch_folder folder;
  CHECK(tile_file::open(folder.file("none")).error().detail.find("No such file")
        != std::string::npos);
  const auto letter = folder.write("letter", std::string(2'000, 'a'));
  const auto opened = tile_file::open(letter);
  CHECK(opened.code() == errc::misconfigured);
  CHECK(opened.error().detail.starts_with(letter + ": it is no MBTiles file: "));
  CHECK_FALSE(tile_file::open(folder.write("empty", "")));
  CHECK(map_bed{"create table tiles (zoom_level integer, tile_data blob)"}.refusal().find(
          "no such table: metadata")
        != std::string::npos);
  CHECK(
    map_bed{"create table metadata (name text, value text)"}.refusal().find("no such table: tiles")
    != std::string::npos);
  CHECK(map_bed{"create table metadata (name text, value text); create table tiles (a, b)"}
          .refusal()
          .find("no such column")
        != std::string::npos);
  CHECK(map_bed{tables}.refusal() == ": it has no tile");
  CHECK(
    map_bed{tables + meta("format", "pbf") + tile(0, 0, 0, blob("\x1F\x8B"))}.refusal().starts_with(
      ": it has vector tiles (pbf)"));
  CHECK(map_bed{tables + meta("format", "gif") + tile(0, 0, 0, blob("GIF89a"))}.refusal()
        == ": its tiles are neither PNG, JPEG nor WebP (gif)");
}

TEST_CASE("tile file: rejects a broken file, and a tile that is too large") {
  const map_bed bed{tables + tile(1, 0, 0, blob(picture)) + tile(1, 1, 0, "zeroblob(4194304)")
                    + tile(1, 1, 1, "zeroblob(4194305)")};
  const auto opened = tile_file::open(bed.path);
  REQUIRE(opened);
  CHECK((*opened)->tile(1, 1, 1).value()->size() == tile_file::tile_bytes_max);
  const auto large = (*opened)->tile(1, 1, 0);
  REQUIRE_FALSE(large);
  CHECK(large.code() == errc::reject_row);
  // The pages behind the first are overwritten.
  const map_bed broken{tables + meta("name", "Hof") + tile(1, 0, 0, blob(picture))};
  const auto size = std::filesystem::file_size(broken.path);
  std::fstream out{broken.path, std::ios::binary | std::ios::in | std::ios::out};
  out.seekp(4'096);
  out << std::string(static_cast<std::size_t>(size) - 4'096, 'x');
  out.close();
  CHECK(broken.refusal().find("no MBTiles file") != std::string::npos);
}

TEST_CASE("tile file: a place that no map has is no tile") {
  const map_bed bed{tables + tile(2, 0, 0, blob(picture)) + tile(2, 0, 4, blob(picture))
                    + tile(2, 4, 0, blob(picture)) + tile(2, -1, 0, blob(picture))
                    + tile(2, 0, -1, blob(picture)) + tile(25, 0, 0, blob(picture))
                    + tile(-1, 0, 0, blob(picture))};
  const auto opened = tile_file::open(bed.path);
  REQUIRE(opened);
  CHECK((*opened)->tile(2, 0, 3).value());
  const int most = std::numeric_limits<int>::max();
  const int least = std::numeric_limits<int>::min();
  for (const auto& [zoom, column, row] :
       std::initializer_list<std::array<int, 3>>{{2, 4, 3},
                                                 {2, -1, 3},
                                                 {2, 0, -1},
                                                 {2, 0, 4},
                                                 {-1, 0, 0},
                                                 {25, 0, 0},
                                                 {64, 0, 0},
                                                 {most, most, most},
                                                 {least, least, least}}) {
    CAPTURE(zoom);
    CAPTURE(column);
    CAPTURE(row);
    const auto found = (*opened)->tile(zoom, column, row);
    REQUIRE(found);
    CHECK_FALSE(*found);
  }
}
