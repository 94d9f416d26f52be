/// The log of an RP1210 adapter as j1939-84 (the Equipment and Tool Institute's test tool) writes it; read only.
///
/// Shape: a line begins with a date and ends with the frame: `12:22:43.1281 0CF00400 [8] F1 9F 7D ...`; any text may
///   come between.
/// Units: microseconds; the time is the time of the frame, the day is the date of the line.
/// Errors: a fault names the field. A line without `[n]` is not a frame.
/// Threads: pure.
#pragma once

#include "can/logs/log_line.hpp"

#include <string_view>

namespace furrow::can {

/// Reads one line without its end.
void parse_rp1210(std::string_view line, log_line& out, log_payload& payload);

} // namespace furrow::can
