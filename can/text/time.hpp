/// Reads and writes dates, times of day and complete times (RFC 3339), to microseconds.
///
/// Units: microseconds since 1970-01-01T00:00:00Z unless a function says otherwise.
/// Errors: nothing for an invalid day or time; the scan stays. A leap second (60) is accepted. Digits
///   below a microsecond are cut off.
/// Limits: years 0000 to 9999 are read; others are written with a sign and six digits (ISO 8601).
#pragma once

#include "can/text/scan.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace furrow::can::text {

/// `2016-02-28`, as microseconds since 1970 at its midnight in UTC.
[[nodiscard]] std::optional<std::int64_t> take_date(scan& in);
/// `19:57:02.364` (1 to 9 digits after the point, or none), as microseconds since midnight.
[[nodiscard]] std::optional<std::int64_t> take_clock(scan& in);
/// `2026-05-01T06:30:00.25Z` or `2026-05-01 08:30:00+02:00`.
[[nodiscard]] std::optional<std::int64_t> take_time(scan& in);

/// `2026-05-01T06:30:00.250000Z`; with fewer decimals (1 to 6) the rest is cut off.
[[nodiscard]] std::string format_time(std::int64_t time_us, unsigned decimals = 6);
void append_time(std::string& out, std::int64_t time_us, unsigned decimals = 6);

} // namespace furrow::can::text
