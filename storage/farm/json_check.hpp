/// Untrusted JSON, with limits.
///
/// Shape: `parse_json` checks the size first and the nesting while it parses, so that no value is
///   deeper than json_depth_max. A parser loses the digits of a number that a double cannot hold (1e400, integers of 30
///   digits). `shield_numbers` turns such a number into a string that no person can guess, and `unshield_numbers` turns
///   it back in what the parser has written.
/// Errors: one line; the caller names the field.
/// Threads: pure functions.
/// Limits: a number of more than number_digits_max digits, written out, is not shielded: the parser judges it.
/// Source: RFC 8259; PostgreSQL 15, 8.14 (jsonb holds no NUL character).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace furrow::storage {

inline constexpr int json_depth_max = 32;

inline constexpr std::size_t number_digits_max = 500;

[[nodiscard]] std::string shield_numbers(std::string_view text);
[[nodiscard]] std::string unshield_numbers(std::string_view text);
/// Whether the string stands for a number.
[[nodiscard]] bool is_shielded(std::string_view value);
/// Whether a number in the text has more than number_digits_max digits.
[[nodiscard]] bool has_endless_number(std::string_view text);

/// The value; `fault` says what is wrong.
[[nodiscard]] std::optional<nlohmann::json>
parse_json(std::string_view text, std::size_t bytes_max, std::string& fault);

} // namespace furrow::storage
