/// JSON from outside, before and after a parser has seen it.
///
/// Shape: `parse_json` looks at bytes and nesting first, so that no text makes the parser, or what
///   walks its values, go deeper than json_depth_max.
/// Errors: one line; the caller names the field.
/// Threads: pure functions.
/// Source: RFC 8259; PostgreSQL 15, 8.14 (jsonb holds no NUL character).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace furrow::storage {

inline constexpr int json_depth_max = 32;

/// The value, or what is wrong in `fault`.
[[nodiscard]] std::optional<nlohmann::json>
parse_json(std::string_view text, std::size_t bytes_max, std::string& fault);

} // namespace furrow::storage
