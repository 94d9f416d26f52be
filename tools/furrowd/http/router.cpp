#include "tools/furrowd/http/router.hpp"

#include "tools/furrowd/http/target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace furrow::http {

namespace {

constexpr const char* farm_parameter = "farm";

using path_parameters = std::map<std::string, std::string, std::less<>>;

std::optional<path_parameters> match(std::string_view pattern,
                                     const std::vector<std::string>& segments) {
  path_parameters found;
  if (pattern == "/")
    return segments.empty() ? std::optional{std::move(found)} : std::nullopt;
  for (const auto& segment : segments) {
    if (pattern.empty())
      return std::nullopt;
    pattern.remove_prefix(1); // the slash
    const auto part = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(part.size());
    if (part.starts_with('{'))
      found.emplace(part.substr(1, part.size() - 2), segment);
    else if (part != segment)
      return std::nullopt;
  }
  return pattern.empty() ? std::optional{std::move(found)} : std::nullopt;
}

struct matched_route {
  const route* found = nullptr;
  path_parameters parameters;
};

/// Of the routes whose pattern the path has, those with the most segments in plain text: `/actors/2/kill` is
/// `/actors/{id}/kill`, and never `/actors/{node}/{id}`.
std::vector<matched_route> matches(const std::vector<route>& routes,
                                   const std::vector<std::string>& segments) {
  std::vector<matched_route> out;
  for (const auto& route : routes) {
    auto parameters = match(route.pattern, segments);
    if (!parameters || (!out.empty() && parameters->size() > out.front().parameters.size()))
      continue;
    if (!out.empty() && parameters->size() < out.front().parameters.size())
      out.clear();
    out.push_back({&route, std::move(*parameters)});
  }
  return out;
}

std::optional<problem> unknown_parameter(const target& target, const route& route) {
  if (!target.repeated.empty())
    return problem{400, "repeated_parameter",
                   fmt::format("parameter \"{}\" is repeated", target.repeated), "give it once"};
  for (const auto& [name, value] : target.query) {
    if (name == farm_parameter && route.needs)
      continue;
    const auto& known = route.parameters;
    if (std::find(known.begin(), known.end(), name) == known.end())
      return problem{400, "unknown_parameter",
                     fmt::format("{} has no parameter \"{}\"", route.pattern, name),
                     known.empty() ? "leave it out"
                                   : fmt::format("its parameters are: {}", fmt::join(known, ", "))};
  }
  return std::nullopt;
}

} // namespace

void router::add(route route) {
  routes_.push_back(std::move(route));
}

std::uint64_t router::body_bytes_max(std::uint64_t usual) const {
  for (const auto& route : routes_)
    usual = std::max(usual, route.body_bytes_max);
  return usual;
}

std::variant<route_match, problem> router::find(const request& request) const {
  const auto target = parse_target(request.target);
  if (!target)
    return problem{400, "bad_target", "the path or query of this request is not encoded correctly",
                   "encode special characters as % and two hex digits"};
  const bool head = request.method == "HEAD";
  std::string allowed;
  for (auto& [matched, parameters] : matches(routes_, target->segments)) {
    const auto& route = *matched;
    if (route.method != (head ? "GET" : request.method)) {
      allowed += (allowed.empty() ? "" : ", ") + route.method;
      if (route.method == "GET")
        allowed += ", HEAD";
      continue;
    }
    if (auto wrong = unknown_parameter(*target, route))
      return *wrong;
    call made;
    made.path = std::move(parameters);
    made.query = target->query;
    made.head = head;
    made.idempotency_key = request.idempotency_key;
    made.offer = request.offer;
    made.from = request.from;
    made.secure = request.secure;
    made.if_none_match = request.if_none_match;
    made.takes_gzip = request.takes_gzip;
    if (const auto farm = made.query.find(farm_parameter); farm != made.query.end()) {
      made.farm = farm->second;
      made.query.erase(farm);
    }
    return route_match{&route, std::move(made)};
  }
  if (!allowed.empty())
    return problem{405, "method_not_allowed",
                   fmt::format("{} is not allowed for this path", request.method), "use " + allowed,
                   allowed};
  return problem{404, "no_such_route", "unknown path", "/api/v1/openapi.json lists all paths"};
}

} // namespace furrow::http
