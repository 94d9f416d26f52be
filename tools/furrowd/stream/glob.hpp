/// Patterns of names: `*` is any text, `?` one character, everything else is itself.
///
/// Threads: pure functions.
/// Limits: the time grows with the product of both lengths, so callers limit the pattern.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::http {

[[nodiscard]] inline bool glob_matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos; // the last star, and the text that it takes
  std::size_t taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*')
    ++p;
  return p == pattern.size();
}

/// Whether a pattern matches only itself.
[[nodiscard]] inline bool is_plain(std::string_view pattern) {
  return pattern.find_first_of("*?") == std::string_view::npos;
}

[[nodiscard]] inline bool any_matches(const std::vector<std::string>& patterns,
                                      std::string_view text) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [text](const auto& one) { return glob_matches(one, text); });
}

} // namespace furrow::http
