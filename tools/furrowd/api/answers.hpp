/// Answers and problems that several resources of the API share.
#pragma once

#include "tools/furrowd/http/router.hpp"
#include "tools/json/rows_json.hpp"

#include <string>
#include <string_view>

namespace furrow::http {

[[nodiscard]] response ok(const json& body, unsigned status = 200);
/// The parameter of a query; nullptr when it was not given.
[[nodiscard]] const std::string* given(const call& call, std::string_view name);
[[nodiscard]] problem bad_parameter(const char* name, std::string_view value, std::string hint);
/// The caller's token does not cover this machine.
[[nodiscard]] problem not_covered(const std::string& equipment);

} // namespace furrow::http
