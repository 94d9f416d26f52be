#include "tools/furrowd/http/message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {
constexpr const char* problem_type = "application/problem+json";
} // namespace

response to_response(const problem& problem) {
  using json = nlohmann::ordered_json;
  response answer;
  answer.status = problem.status;
  answer.content_type = problem_type;
  auto title = problem.code;
  std::replace(title.begin(), title.end(), '_', ' ');
  const json error{{"code", problem.code}, {"message", problem.message}, {"hint", problem.hint}};
  const json body{{"type", "urn:furrow:problem:" + problem.code},
                  {"title", std::move(title)},
                  {"status", problem.status},
                  {"detail", problem.message},
                  {"error", error}};
  // Names in messages come from outside; invalid UTF-8 is replaced and does not throw.
  answer.body = body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  if (problem.status == 401)
    answer.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"furrow\"");
  if (!problem.allow.empty())
    answer.headers.emplace_back("Allow", problem.allow);
  if (problem.status == 429 || problem.status == 503)
    answer.headers.emplace_back(
      "Retry-After", std::to_string(std::max<std::int64_t>(1, problem.retry_after.count())));
  return answer;
}

/// A header takes ASCII without quotes; the second form has the whole name (RFC 6266).
std::string disposition_of(const std::string& name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.'
           || c == '-' || c == '_';
  };
  std::string simple;
  std::string encoded;
  for (const char c : name) {
    simple += plain(c) ? c : '_';
    if (plain(c))
      encoded += c;
    else
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return fmt::format("attachment; filename=\"{}\"; filename*=UTF-8''{}", simple, encoded);
}

} // namespace furrow::http
