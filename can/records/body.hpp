/// The body of a record of a known kind: read, checked against the kind's limits, written.
///
/// Shape: values are in the order of the kind's fields. A field that is missing or null is absent
///   (monostate), never zero.
/// Errors: a fault names the field, its limit and the byte of the text, in words for a person.
/// Threads: pure functions.
/// Limits: a body must be UTF-8, which the caller has checked. An unknown field is a fault, so that a
///   misspelt name is noticed.
#pragma once

#include "can/frame/stream.hpp"
#include "can/records/flat_json.hpp"
#include "can/records/kind.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace furrow::can {

using record_value = std::variant<std::monostate, bool, std::int64_t, double, std::string>;
using record_values = std::vector<record_value>;

struct record_fault {
  std::size_t at = 0; // byte of the text, from 0
  std::string what;
};
using maybe_fault = std::optional<record_fault>;

/// A JSON number or a CSV cell as a value of the field. `at` is only copied into the fault.
[[nodiscard]] maybe_fault
read_number(const record_field& field, std::string_view text, std::size_t at, record_value& out);
[[nodiscard]] maybe_fault
read_text(const record_field& field, std::string_view text, std::size_t at, record_value& out);
/// A value of a field of any type, from a CSV cell that is not empty.
[[nodiscard]] maybe_fault
read_cell(const record_field& field, std::string_view text, std::size_t at, record_value& out);

[[nodiscard]] maybe_fault
read_member(const record_field& field, const json_member& member, record_value& out);

/// The fault for a missing field, after all given fields are read.
[[nodiscard]] maybe_fault
check_complete(const record_kind& kind, const record_values& values, std::size_t at);

[[nodiscard]] maybe_fault
read_body(const record_kind& kind, std::string_view body, record_values& out);
/// The values as the shortest JSON object, without absent ones.
[[nodiscard]] std::string write_body(const record_kind& kind, const record_values& values);

/// Why a record of a known kind is invalid, time included. Records of unknown kinds are not checked.
[[nodiscard]] std::optional<std::string> refusal_of(const record& item);

/// "2026-05-01T06:30:00.25Z", "2026-05-01T08:30:00+02:00", or seconds since 1970 with up to six decimals.
[[nodiscard]] std::optional<std::int64_t> parse_record_time(std::string_view text);
/// The expected form of a time, for messages.
inline constexpr const char* record_time_hint =
  "a time is 2026-05-01T06:30:00.25Z or seconds since 1970";
[[nodiscard]] maybe_fault check_time(std::int64_t time_us, std::size_t at);

} // namespace furrow::can
