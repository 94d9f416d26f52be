#include "tools/furrowd/api/answers.hpp"

#include <fmt/format.h>

#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

response ok(const json& body, unsigned status) {
  response made;
  made.status = status;
  made.body = to_text(body);
  return made;
}

const std::string* given(const call& call, std::string_view name) {
  const auto found = call.query.find(name);
  return found == call.query.end() ? nullptr : &found->second;
}

problem bad_parameter(const char* name, std::string_view value, std::string hint) {
  return {400, "bad_parameter", fmt::format("invalid value: {}=\"{}\"", name, value),
          std::move(hint)};
}

problem not_covered(const std::string& equipment) {
  return {403, "not_permitted", fmt::format("this token is not for the machine \"{}\"", equipment),
          "use a token for this machine or for the whole farm"};
}

} // namespace furrow::http
