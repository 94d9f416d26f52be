/// Dates and times of day as logs write them, to microseconds.
///
/// Errors: nothing, and the scan stays, when what stands there is no such day or time. A leap
/// second (60) is taken.
#pragma once

#include "can/text/scan.hpp"

#include <cstdint>
#include <optional>

namespace furrow::can::text {

/// `2016-02-28`, as microseconds since 1970 at its midnight in UTC.
[[nodiscard]] std::optional<std::int64_t> take_date(scan& in);
/// `19:57:02.364` (1 to 9 digits after the point, or none), as microseconds since midnight.
[[nodiscard]] std::optional<std::int64_t> take_clock(scan& in);

} // namespace furrow::can::text
