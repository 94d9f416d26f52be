/// Fields and equipment records as JSON of the API, and changes to them.
///
/// Errors: `merge` names the invalid member in one line.
/// Limits: those of the store.
/// Threads: pure functions.
#pragma once

#include "storage/farm/repositories.hpp"
#include "tools/furrowd/http/message.hpp"
#include "tools/json/rows_json.hpp"

#include <optional>

namespace furrow::http {

using json_rows::json;

[[nodiscard]] json to_json(const storage::record& row);
/// Absent members stay unchanged; `name` may be present if it is the same.
[[nodiscard]] std::optional<problem> merge(storage::record& row, const json& members);
/// 400, 404 or 409, with the field and the limit.
[[nodiscard]] problem to_problem(const storage::rejection& why);

} // namespace furrow::http
