/// The log of an RP1210 adapter as j1939-84 (the Equipment and Tool Institute's test tool) writes
/// it; read only.
///
/// Shape: anything, a date at its beginning, and at its end the frame: `12:22:43.1281 0CF00400 [8]
/// F1 9F 7D ...`. Units: microseconds; the time is that of the frame, the day the one that the line
/// begins with. Errors: a fault names the field. A line without `[n]` is no frame. Threads: pure.
#pragma once

#include "can/logs/log_line.hpp"

#include <string_view>

namespace furrow::can {

/// Reads one line without its end.
void parse_rp1210(std::string_view line, log_line& out, log_payload& payload);

} // namespace furrow::can
