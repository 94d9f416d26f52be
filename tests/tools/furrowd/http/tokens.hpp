/// Tokens of a test's HTTP front: each is a line of what it may do.
#pragma once

#include "tools/furrowd/access/tokens.hpp"
#include "tools/furrowd/front/server.hpp"

#include <string>
#include <utility>
#include <vector>

namespace furrow::tests {

/// A front that knows these tokens: the token itself, and the rest of its entry in the file.
inline http::http_config
with_tokens(const std::vector<std::pair<std::string, std::string>>& tokens) {
  std::string file;
  for (const auto& [token, rest] : tokens)
    file.append("[[token]]\nsha256 = \"")
      .append(daemon::hash_of_token(token))
      .append("\"\n")
      .append(rest)
      .append("\n");
  http::http_config config;
  config.access =
    std::make_shared<daemon::authority>(*daemon::token_table::parse(file, "tokens.toml"));
  return config;
}

inline std::string bearer(const std::string& token) {
  return "Authorization: Bearer " + token + "\r\n";
}

} // namespace furrow::tests
