/// What stands below the options in `--help`, taken apart for the sections of a manual page.
///
/// Shape: "Examples:" begins lines that are indented. "Exit codes:", "Environment:", "Settings:" and "Signals:" begin a
/// text that ends at the next of these. Everything else is prose.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace furrow::manual {

struct footer {
  std::string prose;
  std::string examples;   // one command a line, without the indentation
  std::string exit_codes; // "0 ok, 1 failed"
  std::string environment;
  std::string settings;
  std::string signals;
};

[[nodiscard]] footer read_footer(std::string_view text);

/// "0 ok, 1 failed, or nothing done" as {"0", "ok"}, {"1", "failed, or nothing done"}.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> exit_codes_of(std::string_view text);

} // namespace furrow::manual
