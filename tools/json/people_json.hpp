/// Users, tokens and rows of the audit log as JSON, as the node and `furrow` print them. No hash is shown.
///
/// Threads: pure functions.
#pragma once

#include "storage/identity/identities.hpp"
#include "tools/json/rows_json.hpp"

#include <array>
#include <optional>
#include <string_view>

namespace furrow::json_rows {

/// The members that lists of users and tokens are sorted by.
inline constexpr std::array<std::string_view, 7> user_sort_keys{
  "name", "role", "status", "last_login", "created", "title", "belongs_to"};
inline constexpr std::array<std::string_view, 7> token_sort_keys{
  "name", "role", "expires", "last_used", "created", "created_by", "belongs_to"};

[[nodiscard]] json to_json(const storage::user_row& user);
[[nodiscard]] json to_json(const storage::token_row& token);
[[nodiscard]] json to_json(const storage::audit_row& row);
/// RFC 3339, or null.
[[nodiscard]] json time_or_null(const std::optional<std::int64_t>& time_us);

} // namespace furrow::json_rows
