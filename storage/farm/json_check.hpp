/// Untrusted JSON, with limits.
///
/// Shape: `parse_json` checks the size first and the nesting while it parses, so that no value is
///   deeper than json_depth_max.
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

/// The value; `fault` says what is wrong.
[[nodiscard]] std::optional<nlohmann::json>
parse_json(std::string_view text, std::size_t bytes_max, std::string& fault);

} // namespace furrow::storage
