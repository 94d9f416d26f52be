/// GVRET logs (CSV of SavvyCAN and of loggers that write its format), read only.
///
/// Shape: `Time Stamp,ID,Extended,Dir,Bus,LEN,D1,...`, one frame a line; older programs write no `Dir`. Numbers may have
///   0x before them. Bytes after the length are padding and are ignored.
///    973,0CF00400,true,Rx,0,8,F0,7D,7D,40,1F,FF,FF,FF,
/// Units: microseconds since the start of the log, which has no date.
/// Errors: a fault names the field.
/// Limits: buses 0 to 254 (bus 0 is can0). A line of more than eight bytes is an FD frame. The format has no remote and
///   no error frames.
/// Threads: pure, except for the names of the channels.
/// Source: SavvyCAN's native CSV, as it and ESP32RET write it.
#pragma once

#include "can/logs/channel_table.hpp"
#include "can/logs/log_line.hpp"

#include <string_view>

namespace furrow::can {

inline constexpr std::string_view gvret_heading = "Time Stamp,ID,Extended,";

/// Whether a line begins like a frame of this format: time, identifier, true or false.
[[nodiscard]] bool is_gvret_line(std::string_view line);

/// Reads one line without its end.
void parse_gvret(std::string_view line,
                 channel_table& channels,
                 log_line& out,
                 log_payload& payload);

} // namespace furrow::can
