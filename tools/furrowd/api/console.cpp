#include "tools/console/embedded.hpp"
#include "tools/furrowd/api/resources.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace furrow::http {

namespace {

/// The page runs only its own script, speaks only to the node that it came from, and is shown in no frame of another.
constexpr std::string_view content_policy =
  "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
  "connect-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
  "form-action 'self'";

/// "W/\"a\", \"b\"" names each tag that the client holds; a proxy that compresses makes ours a weak one.
bool holds(std::string_view if_none_match, std::string_view tag) {
  return if_none_match == "*" || if_none_match.find(tag) != std::string_view::npos;
}

response file_answer(const console::embedded_file& file, const call& call) {
  response made;
  made.content_type = file.content_type;
  made.headers = {{"ETag", file.tag},
                  {"Cache-Control", "no-cache"}, // asks each time: a new version is seen at once
                  {"Vary", "Accept-Encoding"},
                  {"Content-Security-Policy", std::string{content_policy}},
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

} // namespace

void add_console_routes(router& to, api_context& /*of*/) {
  for (const auto& file : console::embedded_files())
    to.add({"GET",
            std::string{file.path},
            {},
            {},
            [&file](call call) -> answer { co_return file_answer(file, call); },
            false});
}

} // namespace furrow::http
