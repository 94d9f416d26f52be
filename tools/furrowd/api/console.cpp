#include "tools/console/embedded.hpp"
#include "tools/furrowd/api/map/base_map.hpp"
#include "tools/furrowd/api/resources.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace furrow::http {

namespace {

/// The page runs only its own script, speaks only to the node that it came from, and is shown in no frame of another.
/// Pictures may come from the server of the map's tiles, where there is one.
std::string content_policy(const api_context& of) {
  const auto tiles =
    of.map == nullptr || of.map->url.empty() ? std::string{} : " " + map_origin(of.map->url);
  return "default-src 'self'; img-src 'self' data: blob:" + tiles
         + "; style-src 'self' 'unsafe-inline'; connect-src 'self'; object-src 'none'; "
           "frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
}

/// "W/\"a\", \"b\"" names each tag that the client holds; a proxy that compresses makes ours a weak one.
bool holds(std::string_view if_none_match, std::string_view tag) {
  return if_none_match == "*" || if_none_match.find(tag) != std::string_view::npos;
}

constexpr std::string_view parts = "/parts/";

response file_answer(const api_context& of, const console::embedded_file& file, const call& call) {
  // The name of a part changes with its content; the others are asked for each time, so a new version is seen at once.
  const bool lasts = file.path.starts_with(parts);
  response made;
  made.content_type = file.content_type;
  made.headers = {{"ETag", file.tag},
                  {"Cache-Control", lasts ? "public, max-age=31536000, immutable" : "no-cache"},
                  {"Vary", "Accept-Encoding"},
                  {"Content-Security-Policy", content_policy(of)},
                  {"Referrer-Policy", "no-referrer"}};
  if (holds(call.if_none_match, file.tag)) {
    made.status = 304;
    return made;
  }
  if (call.takes_gzip)
    made.headers.emplace_back("Content-Encoding", "gzip");
  made.body = call.takes_gzip ? file.gzip : file.plain;
  return made;
}

answer show_part(api_context& of, call call) {
  const auto path = std::string{parts} + call.path.at("name");
  for (const auto& file : console::embedded_files())
    if (file.path == path)
      co_return file_answer(of, file, call);
  co_return to_response({404, "no_such_part", "this version of the console has no such part",
                         "load the page again: the node has another version now"});
}

} // namespace

void add_console_routes(router& to, api_context& of) {
  to.add({"GET", "/parts/{name}", {}, {}, on(of, show_part), false});
  for (const auto& file : console::embedded_files())
    if (!file.path.starts_with(parts))
      to.add({"GET",
              std::string{file.path},
              {},
              {},
              [&of, &file](call call) -> answer { co_return file_answer(of, file, call); },
              false});
}

} // namespace furrow::http
