/// Any bytes as a method and a target, "GET /api/v1/equipment?farm=north": a route with decoded values, or a problem.
#include "tests/fuzz/fuzz_target.hpp"
#include "tools/furrowd/http/router.hpp"
#include "tools/furrowd/http/target.hpp"

#include <utf8.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace furrow::http {

namespace {

/// What a handler may count on.
void need_plain(std::string_view text) {
  hold(utf8::is_valid(text.begin(), text.end()));
  hold(std::none_of(text.begin(), text.end(),
                    [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }));
}

const router& routes() {
  static const router made = [] {
    router out;
    const auto read = furrow::daemon::permission::read;
    out.add({"GET", "/", std::nullopt, {}, {}});
    out.add({"GET", "/health", std::nullopt, {}, {}});
    out.add({"GET", "/api/v1/equipment", read, {}, {}});
    out.add({"GET", "/api/v1/equipment/{name}", read, {}, {}});
    out.add({"DELETE", "/api/v1/equipment/{name}", read, {"confirm"}, {}});
    out.add(
      {"GET", "/api/v1/equipment/{name}/signals/{signal}", read, {"from", "to", "points"}, {}});
    out.add({"GET", "/api/v1/map/{z}/{x}/{y}", read, {}, {}});
    out.add({"GET", "/api/v1/frames", read, {"equipment", "from", "to", "limit"}, {}});
    return out;
  }();
  return made;
}

std::string encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
  }
  return out;
}

void check_match(const route_match& match) {
  const auto& known = match.found->parameters;
  for (const auto& [name, value] : match.made.path) {
    hold(match.found->pattern.find("{" + name + "}") != std::string::npos && !value.empty());
    need_plain(value);
  }
  for (const auto& [name, value] : match.made.query) {
    hold(std::find(known.begin(), known.end(), name) != known.end());
    need_plain(value);
  }
  hold(!match.made.farm || match.found->needs.has_value());
}

/// Decoding what was decoded, encoded again, gives the same.
void check_target(std::string_view text) {
  const auto once = parse_target(text);
  if (!once || !once->repeated.empty())
    return;
  std::string again;
  for (const auto& segment : once->segments)
    again += "/" + encoded(segment);
  again += again.empty() ? "/?" : "?";
  for (const auto& [name, value] : once->query)
    again += encoded(name) + "=" + encoded(value) + "&";
  const auto twice = parse_target(again);
  hold(twice && twice->segments == once->segments && twice->query == once->query);
}

} // namespace

FUZZ_TARGET(router) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto blank = std::min(text.find(' '), text.size());
  const auto target = text.substr(std::min(blank + 1, text.size()));
  request asked;
  asked.method = std::string{text.substr(0, blank)};
  if (asked.method.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos)
    asked.method = "GET"; // the parser of the header lets nothing else through that could be shown
  asked.target = std::string{target};
  const auto found = routes().find(asked);
  if (const auto* wrong = std::get_if<problem>(&found)) {
    hold(wrong->status == 400 || wrong->status == 404 || wrong->status == 405);
    hold((wrong->status == 405) == !wrong->allow.empty());
    need_plain(wrong->message);
  } else {
    check_match(std::get<route_match>(found));
  }
  check_target(target);
  return 0;
}

} // namespace furrow::http
