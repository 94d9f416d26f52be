/// Times as people and programs write them in a query: RFC 3339, a day, or an end of time.
///
/// Units: microseconds since 1970-01-01T00:00:00Z.
/// Errors: nothing when the text is no time. Digits below a microsecond are cut off.
/// Limits: years 0000 to 9999 are read; others are written with a sign and six digits (ISO 8601).
#pragma once

#include "can/text/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::http {

using can::text::format_time;

/// "2026-05-01T06:30:00.25Z", "2026-05-01T08:30:00+02:00", "2026-05-01" (midnight, UTC),
/// "-infinity" (the least number) and "infinity" (the greatest). A blank stands for a plus sign,
/// which an unencoded query turns into one.
[[nodiscard]] std::optional<std::int64_t> parse_time(std::string_view text);

} // namespace furrow::http
