/// Rows of users, tokens, sessions and the audit log as texts, their limits, and how the audit log shows them.
///
/// Errors: an invalid number reads as absent.
/// Threads: pure functions.
#pragma once

#include "storage/identity/identities.hpp"
#include "storage/identity/sql_script.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace furrow::storage {

// Of the columns below. "@" marks as sql_script.hpp.
inline constexpr std::string_view user_select =
  "select cast(u.id as text), coalesce(f.name, ''), u.name, u.title, u.role, u.status, "
  "cast(u.farms as text), "
  "cast(u.equipment as text), case when u.password <> '' then '1' else '0' end, cast(u.version as "
  "text), "
  "cast(micros(u.created_at) as text), cast(u.last_login_us as text), u.password "
  "from furrow.\"user\" u left join furrow.farm f on f.id = u.farm_id ";
inline constexpr std::string_view token_select =
  "select cast(t.id as text), coalesce(f.name, ''), t.name, t.sha256, t.role, cast(t.farms as "
  "text), "
  "cast(t.equipment as text), cast(t.expires_us as text), cast(t.last_used_us as text), "
  "t.created_by, "
  "cast(micros(t.created_at) as text) from furrow.token t left join furrow.farm f on f.id = "
  "t.farm_id ";
inline constexpr std::string_view session_select =
  "select cast(s.id as text), cast(s.user_id as text), s.sha256, s.origin, cast(s.created_us as "
  "text), "
  "cast(s.last_used_us as text), cast(s.expires_us as text) from furrow.session s ";
inline constexpr std::string_view audit_select =
  "select cast(a.id as text), cast(micros(a.time) as text), a.who, a.action, a.object, a.detail, "
  "a.farm, a.origin, "
  "cast(a.before_change as text), cast(a.after_change as text) from furrow.audit a ";

[[nodiscard]] std::int64_t number_in(const std::optional<std::string>& text);
[[nodiscard]] user_row user_in(const sql_cells& cells);
[[nodiscard]] token_row token_in(const sql_cells& cells);
[[nodiscard]] session_row session_in(const sql_cells& cells);
[[nodiscard]] audit_row audit_in(const sql_cells& cells);

[[nodiscard]] std::string list_json(const std::vector<std::string>& names);
/// Without hash and password.
[[nodiscard]] std::string audit_json(const user_row& user, bool new_password);
[[nodiscard]] std::string audit_json(const token_row& token);

/// The first value that exceeds its limit, as one sentence; empty: sound.
[[nodiscard]] std::string fault_of(const user_row& user);
[[nodiscard]] std::string fault_of(const token_row& token);

} // namespace furrow::storage
