/// Users, tokens, sessions and the audit log as JSON of the API, and what a client sends about them.
///
/// Errors: a problem that names the member.
/// Limits: a body is an object of plain members and lists of texts.
/// Threads: pure functions. No function shows a hash.
#pragma once

#include "storage/identity/identities.hpp"
#include "tools/furrowd/access/credential.hpp"
#include "tools/furrowd/http/message.hpp"
#include "tools/furrowd/http/router.hpp"
#include "tools/json/people_json.hpp"

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace furrow::http {

using json_rows::json;

using json_rows::to_json;
[[nodiscard]] json to_json(const storage::session_row& session, bool current);
[[nodiscard]] json to_json(const daemon::credential& who);

/// 400, 404, 409 or 503.
[[nodiscard]] problem to_problem(storage::identity_refusal why, const std::string& detail);

/// The body, with these members at most.
[[nodiscard]] std::variant<json, problem>
read_body(const std::string& body, std::initializer_list<std::string_view> members);
/// A text, or absent; another type sets the fault.
[[nodiscard]] std::optional<std::string>
text_in(const json& body, const char* member, std::optional<problem>& fault);
[[nodiscard]] std::optional<std::vector<std::string>>
names_in(const json& body, const char* member, std::optional<problem>& fault);
[[nodiscard]] bool flag_in(const json& body, const char* member, std::optional<problem>& fault);

/// Whose users and tokens a caller asks about: those of the caller's farm; a caller for every farm names one, or means those
/// of the node.
[[nodiscard]] std::string home_of(const call& call);
/// Nothing: a caller for every farm who names none.
[[nodiscard]] std::optional<std::string> listed_farm(const call& call);

struct reach {
  std::string home; // empty: the node
  std::vector<std::string> farms;
};
/// What "farm" or "farms" of a body ask for, if the caller may give it.
[[nodiscard]] std::variant<reach, problem> reach_in(const json& body, const call& call);

/// Who makes the change of a call.

} // namespace furrow::http
