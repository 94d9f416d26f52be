#include "tools/furrowd/api/answers.hpp"

#include "storage/records.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

response ok(const json& body, unsigned status) {
  response made;
  made.status = status;
  made.body = json_rows::to_text(body);
  return made;
}

const std::string* given(const call& call, std::string_view name) {
  const auto found = call.query.find(name);
  return found == call.query.end() ? nullptr : &found->second;
}

storage::author author_of(const call& call) {
  return {call.who.name, call.from};
}

problem bad_parameter(const char* name, std::string_view value, std::string hint) {
  return {400, "bad_parameter", fmt::format("invalid value: {}=\"{}\"", name, value),
          std::move(hint)};
}

problem not_covered(const std::string& equipment) {
  return {403, "not_permitted", fmt::format("this token is not for the machine \"{}\"", equipment),
          "use a token for this machine or for the whole farm"};
}

problem no_such_equipment(const std::string& name) {
  return {404, "no_such_equipment", fmt::format("there is no machine \"{}\"", name),
          "`furrow equipment` lists the machines"};
}

std::optional<problem> read_page_limit(const call& call, std::size_t& limit) {
  const auto* text = given(call, "limit");
  if (text == nullptr)
    return std::nullopt;
  const auto* const end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, limit);
  if (error != std::errc{} || at != end || limit == 0 || limit > storage::page_rows_max)
    return bad_parameter("limit", *text, fmt::format("use 1 to {}", storage::page_rows_max));
  return std::nullopt;
}

answer not_kept(api_context& /*of*/, call /*call*/) {
  co_return to_response({501, "not_kept", "this node's database does not keep this data", ""});
}

} // namespace furrow::http
