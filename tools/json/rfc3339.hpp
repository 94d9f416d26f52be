/// Times as RFC 3339 text in a query: a time, a day, or one of the two ends of time.
///
/// Units: microseconds since 1970-01-01T00:00:00Z.
/// Errors: nothing when the text is not a valid time. Digits below a microsecond are cut off.
/// Limits: reads the years 0000 to 9999; other years are written with a sign and six digits (ISO 8601).
#pragma once

#include "can/text/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::json_rows {

using can::text::format_time;

/// "2026-05-01T06:30:00.25Z", "2026-05-01T08:30:00+02:00", "2026-05-01" (midnight, UTC), "-infinity" (the smallest
/// number) and "infinity" (the largest). A blank is read as a plus sign: an unencoded query turns a plus sign into a
/// blank.
[[nodiscard]] std::optional<std::int64_t> parse_time(std::string_view text);

} // namespace furrow::json_rows
