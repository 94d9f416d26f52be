/// Parses the target of a request: path segments and query parameters, decoded.
///
/// Errors: nothing when a per cent sign is not followed by two hex digits, when there is a control character, or when
///   a part is not UTF-8.
/// Limits: the server's limit on headers bounds the length.
/// Source: RFC 3986; in the query a plus sign is a blank, as in forms.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::http {

struct target {
  std::vector<std::string> segments; // of "/a/b": a, b; a trailing slash adds none
  std::map<std::string, std::string, std::less<>> query;
  std::string repeated; // a parameter that occurs twice, or empty
};

[[nodiscard]] std::optional<target> parse_target(std::string_view text);

} // namespace furrow::http
