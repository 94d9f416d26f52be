/// What toml++ 3.3 cannot take: deep nesting, and table headers without a name, which fail an assertion there.
///
/// Shape: each text of others is looked at before toml++ reads it. toml++ destroys nested tables by recursion and makes
///   one for each dot of a key.
/// Threads: pure functions.
/// Limits: nesting_max levels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::config {

inline constexpr std::size_t nesting_max = 16;

struct toml_fault {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string what;
};

/// Nothing when toml++ may read the text.
[[nodiscard]] std::optional<toml_fault> outline_fault(std::string_view text);

/// Keys and errors are shown to people: they must not break the line or control the terminal. At most 200 bytes.
[[nodiscard]] std::string printable(std::string_view text);

} // namespace furrow::config
