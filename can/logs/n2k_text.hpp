/// The text forms of NMEA 2000 gateways: canboat's PLAIN and FAST, Yacht Devices, Actisense,
/// Garmin, Digital Yacht (PCDIN).
///
/// Shape: a line of at most eight bytes is a frame with a 29-bit identifier, on the interface can0;
/// a longer one is a
///   message that the gateway had put together already. A shorter one may be such a message too:
///   log_reader tells, which sees all lines.
///     2022-05-06T07:08:09.123Z,2,127250,9,255,8,01,02,03,04,05,06,07,08         canboat; also with
///     - for T, without Z 01:02:03.014 R 09F8012A 11 22 33 44 55 66 77 88 Yacht Devices; T: sent
///     A010203.107 31FF7 1F513 01020304050607080A                                Actisense: source,
///     destination, priority 0,120034,127508,Battery,Maker,6,255,2,1,8,0x0102030405060708
///     Garmin; the time in ms, or a date $PCDIN,01FD07,00012345,03,0102030405060708*5E priority and
///     destination not said
/// Units: microseconds. Lines with a time of day only count from midnight; a step back of more than
/// twelve hours is
///   taken as the next midnight.
/// Errors: a fault names the field. canboat's numbers for messages of a gateway itself (PGN 262144
/// on) are no frames. Limits: messages of message_bytes_max bytes. Threads: pure, but for the clock
/// that the caller keeps. Source: canboat (common/parse.c), Yacht Devices YDWG-02 manual, Actisense
/// "N2K ASCII".
#pragma once

#include "can/logs/log_line.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace furrow::can {

/// Makes times of day go on over midnight.
struct day_clock {
  std::int64_t day = 0;
  std::int64_t last_us = -1; // time of day of the line before; -1: none yet

  [[nodiscard]] std::int64_t unwrap(std::int64_t time_of_day_us);
};

/// Each reads one line without its end.
void parse_canboat(std::string_view line, log_line& out, log_payload& payload);
void parse_ydwg(std::string_view line, day_clock& clock, log_line& out, log_payload& payload);
void parse_actisense(std::string_view line, day_clock& clock, log_line& out, log_payload& payload);
void parse_garmin(std::string_view line, log_line& out, log_payload& payload);
void parse_pcdin(std::string_view line, log_line& out, log_payload& payload);

/// Append one line: nullptr, or why the format has no form for this frame. Times are written to the
/// millisecond, or to the microsecond where they are finer than that.
const char* append_canboat(std::string& out, const frame_view& frame);
const char* append_ydwg(std::string& out, const frame_view& frame);
/// Appends a whole message; its head must be that of a message.
void append_canboat(std::string& out,
                    std::int64_t time_us,
                    const message_head& head,
                    const std::uint8_t* data);

} // namespace furrow::can
