/// The text formats of NMEA 2000 gateways: canboat's PLAIN and FAST, Yacht Devices, Actisense, Garmin, Digital Yacht
/// (PCDIN).
///
/// Shape: a line of at most eight bytes is a frame with a 29-bit identifier, on the interface can0. A longer line is a
///   message that the gateway assembled. A shorter line may be such a message too: log_reader, which sees all lines,
///   decides.
///    2022-05-06T07:08:09.123Z,2,127250,9,255,8,01,02,03,04,05,06,07,08    canboat; also - for T, no Z
///    01:02:03.014 R 09F8012A 11 22 33 44 55 66 77 88                      Yacht Devices; T: sent
///    A010203.107 31FF7 1F513 01020304050607080A                           Actisense: source, destination, priority
///    0,120034,127508,Battery,Maker,6,255,2,1,8,0x0102030405060708         Garmin; the time in ms, or a date
///    $PCDIN,01FD07,00012345,03,0102030405060708*5E                        no priority and no destination
/// Units: microseconds. Lines with only a time of day count from midnight; a step back of more than twelve hours is
///   read as the next midnight.
/// Errors: a fault names the field. canboat's numbers for a gateway's own messages (PGN 262144 and above) are not
///   frames.
/// Limits: messages of message_bytes_max bytes.
/// Threads: pure, except for the clock that the caller keeps.
/// Source: canboat (common/parse.c), Yacht Devices YDWG-02 manual, Actisense "N2K ASCII".
#pragma once

#include "can/logs/log_line.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace furrow::can {

/// Continues times of day over midnight.
struct day_clock {
  std::int64_t day = 0;
  std::int64_t last_us = -1; // time of day of the previous line; -1: no line yet

  [[nodiscard]] std::int64_t unwrap(std::int64_t time_of_day_us);
};

/// Each reads one line without its end.
void parse_canboat(std::string_view line, log_line& out, log_payload& payload);
void parse_ydwg(std::string_view line, day_clock& clock, log_line& out, log_payload& payload);
void parse_actisense(std::string_view line, day_clock& clock, log_line& out, log_payload& payload);
void parse_garmin(std::string_view line, log_line& out, log_payload& payload);
void parse_pcdin(std::string_view line, log_line& out, log_payload& payload);

/// Append one line. Return null, or the reason why the format cannot express this frame. Times have milliseconds, or
/// microseconds if the time needs them.
const char* append_canboat(std::string& out, const frame_view& frame);
const char* append_ydwg(std::string& out, const frame_view& frame);
/// Appends a whole message; the head must be valid.
void append_canboat(std::string& out,
                    std::int64_t time_us,
                    const message_head& head,
                    const std::uint8_t* data);

} // namespace furrow::can
