/// Answers and problems that several resources of the API share.
#pragma once

#include "storage/identity/audit.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/furrowd/http/router.hpp"
#include "tools/json/rows_json.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::http {

using json_rows::json;

[[nodiscard]] response ok(const json& body, unsigned status = 200);
/// The parameter of a query; nullptr when it was not given.
[[nodiscard]] const std::string* given(const call& call, std::string_view name);
/// Who makes a change, for the audit log.
[[nodiscard]] storage::author author_of(const call& call);
[[nodiscard]] problem bad_parameter(const char* name, std::string_view value, std::string hint);
/// The caller's token does not cover this machine.
[[nodiscard]] problem not_covered(const std::string& equipment);
[[nodiscard]] problem no_such_equipment(const std::string& name);
/// The parameter `limit` of a page of storage::page_rows_max rows at most.
[[nodiscard]] std::optional<problem> read_page_limit(const call& call, std::size_t& limit);
inline constexpr std::size_t page_rows_default = 1'000;
/// The handler of a route whose data the node's database does not keep.
[[nodiscard]] answer not_kept(api_context& of, call call);

} // namespace furrow::http
