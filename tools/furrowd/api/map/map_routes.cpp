#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/map/base_map.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/furrowd/http/work_desk.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

constexpr std::chrono::seconds tile_limit{10};

/// One transparent pixel: what a map has where it has no tile.
constexpr std::string_view no_picture{
  "\211\120\116\107\015\012\032\012\000\000\000\015\111\110\104\122\000\000\000\001\000\000"
  "\000\001\010\006\000\000\000\037\025\304\211\000\000\000\013\111\104\101\124\170\332\143"
  "\140\000\002\000\000\005\000\001\351\372\334\330\000\000\000\000\111\105\116\104\256\102"
  "\140\202",
  68};

answer show_map(api_context& of, call /*call*/) {
  json body{{"tiles", nullptr}, {"attribution", ""}, {"name", ""},
            {"zoom_min", 0},    {"zoom_max", 19},    {"bounds", nullptr}};
  if (of.map != nullptr && of.map->file != nullptr) {
    const auto& about = of.map->file->about();
    body = {{"tiles", "/map/{z}/{x}/{y}?version=" + about.tag},
            {"attribution", about.attribution},
            {"name", about.name},
            {"zoom_min", about.zoom_min},
            {"zoom_max", about.zoom_max},
            {"bounds", about.bounds ? json(*about.bounds) : json(nullptr)}};
  } else if (of.map != nullptr && !of.map->url.empty()) {
    body["tiles"] = of.map->url;
    body["attribution"] = of.map->attribution;
  }
  co_return ok(body);
}

std::optional<int> tile_number(const call& call, std::string_view name, int end) {
  const auto& text = call.path.find(name)->second;
  int value = 0;
  const auto* const last = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc{} || at != last || value < 0 || value >= end)
    return std::nullopt;
  return value;
}

struct tile_place {
  int zoom = 0;
  int column = 0;
  int row = 0;
};
std::optional<tile_place> tile_of(const call& call) {
  const auto zoom = tile_number(call, "z", storage::tile_file::zoom_max + 1);
  if (!zoom)
    return std::nullopt;
  const auto column = tile_number(call, "x", 1 << *zoom);
  const auto row = tile_number(call, "y", 1 << *zoom);
  if (!column || !row)
    return std::nullopt;
  return tile_place{*zoom, *column, *row};
}

answer show_tile(api_context& of, call call) {
  const auto place = tile_of(call);
  if (!place)
    co_return to_response({404, "no_such_tile", "a map has no such tile",
                           "columns and rows of zoom z are 0 to 2^z - 1, from the north-west"});
  response made;
  made.content_type = "image/png";
  made.body = std::string{no_picture};
  const auto file = of.map == nullptr ? nullptr : of.map->file;
  if (file == nullptr)
    co_return made;
  const auto tag =
    fmt::format("\"{}-{}-{}-{}\"", file->about().tag, place->zoom, place->column, place->row);
  made.headers = {{"ETag", tag}, {"Cache-Control", "private, max-age=86400"}};
  if (call.if_none_match.find(tag) != std::string::npos) {
    made.status = 304;
    made.body.clear();
    co_return made;
  }
  using found_tile = storage::result<std::optional<std::string>>;
  const std::function<found_tile()> work = [file, place] {
    return file->tile(place->zoom, place->column, place->row);
  };
  auto found = co_await work_at(of.desk, work, tile_limit);
  if (!found)
    co_return to_response(
      {503, "busy", "this node reads too many things at once", "try again in a moment"});
  if (!*found)
    co_return to_response({500, "map_unreadable",
                           "the map of this node cannot be read: " + found->error().detail,
                           "see to the file that --map names"});
  if (**found) {
    made.content_type = file->about().media_type;
    made.body = std::move(***found);
  }
  co_return made;
}

} // namespace

std::string map_origin(const std::string& url) {
  const auto host = url.find("//");
  return host == std::string::npos ? std::string{} : url.substr(0, url.find('/', host + 2));
}

std::optional<std::string> fault_of_map_url(const std::string& url) {
  if (!url.starts_with("https://") && !url.starts_with("http://"))
    return "it begins with https:// or http://";
  for (const char* part : {"{z}", "{x}", "{y}"})
    if (url.find(part) == std::string::npos)
      return "it has {z}, {x} and {y}, as https://tiles.example.org/{z}/{x}/{y}.png";
  const auto origin = map_origin(url);
  constexpr std::string_view letters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:/[]";
  // The origin becomes a part of the page's policy.
  if (origin.size() == url.size() || origin.ends_with("//")
      || origin.find_first_not_of(letters) != std::string::npos)
    return "its host is a plain name or address, with a port or without";
  return std::nullopt;
}

void add_map_routes(router& to, api_context& of) {
  to.add({"GET", "/api/v1/map", daemon::permission::read, {}, on(of, show_map), false});
  to.add(
    {"GET", "/map/{z}/{x}/{y}", daemon::permission::read, {"version"}, on(of, show_tile), false});
}

} // namespace furrow::http
