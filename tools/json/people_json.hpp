/// Users, tokens and rows of the audit log as JSON, as the node and `furrow` print them. No hash is shown.
///
/// Threads: pure functions.
#pragma once

#include "storage/identity/identities.hpp"
#include "tools/json/rows_json.hpp"

#include <optional>

namespace furrow::json_rows {

[[nodiscard]] json to_json(const storage::user_row& user);
[[nodiscard]] json to_json(const storage::token_row& token);
[[nodiscard]] json to_json(const storage::audit_row& row);
/// RFC 3339, or null.
[[nodiscard]] json time_or_null(const std::optional<std::int64_t>& time_us);

} // namespace furrow::json_rows
