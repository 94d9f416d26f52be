/// Logs of can-utils: reads and writes `candump -l` / `-L`; also reads the screen output of candump.
///
/// Shape: lines of a log
///    (1700000000.715009) can0 18EEFF26#E1C2A30412345678     29 bits: eight digits, or seven
///    (1700000000.715583) can0 123#11.22.33 T                11 bits: three digits; T sent, R received
///    (1700000000.716182) can0 123#R5   123#1122334455667788_9   123##1AABB   20000004#0000000000000000
///    (1700000000.716182) can0 45123#81:00:12345678#112233   XL: vcid, priority, flags, sdt, af
///   and of a screen, with or without a time; times as `-t a|d|z|A` writes them
///    (000.000000)  can0  RX - -  18FEF100   [8]  FA 10 20 30 40 50 60 70
///    can0  123  [08]  11 22 33 44 55 66 77 88               two digits: FD, whose flags only -x shows
///    can0  123  [5]  remote request
///    can0  20000004  [8]  00 00 00 00 00 00 00 00     ERRORFRAME
///    <0x18eeff21> [8] 0a 1b 2c 3d 4e 5f 60 71               version 4.0.6; its bus is in a heading
///   The number of digits of an identifier decides its width, not its value; eight digits with bit 0x20000000 are an
///   error frame. Not preserved: case, blanks (candump right-aligns names of different lengths), dots between bytes,
///   digits beyond microseconds. The flags of an XL frame stay as written, also without the bit 0x80 that candump would
///   add.
/// Units: microseconds; further digits are cut off. A line without a time has time_us 0 and timed false. A date (`-t
///   A`) is read as UTC: candump writes local time without its zone.
/// Errors: an invalid line is a fault; so is a screen line whose data candump truncated (XL).
/// Threads: `parse_candump` and `append_candump` are pure; a reader is a plain value.
/// Limits: line_bytes_max a line, interface_bytes_max an interface name.
/// Source: linux-can/can-utils, lib.h and candump.c (2026-05).
#pragma once

#include "can/logs/log_line.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace furrow::can {

/// The interface of lines without an interface name.
inline constexpr std::string_view interface_unnamed = "can0";

/// Reads one line, with or without its line end. `unnamed` is the interface of a line without an interface name.
void parse_candump(std::string_view line,
                   log_line& out,
                   log_payload& payload,
                   std::string_view unnamed = interface_unnamed);

/// Reads text line by line. The caller owns the text; it must live as long as the lines are used.
class candump_reader {
public:
  /// `text` has whole lines. A last line without its end is read too; `unterminated` reports it.
  explicit candump_reader(std::string_view text, std::uint64_t first_line = 1)
    : text_{text}, line_{first_line - 1} {}

  /// The next line; false at the end.
  bool next(log_line& out, log_payload& payload);

  /// The number of the last line from `next`.
  [[nodiscard]] std::uint64_t line() const { return line_; }
  /// Bytes of the text that were read.
  [[nodiscard]] std::size_t offset() const { return at_; }
  /// Whether the last line had no line end. candump always writes one, so such a line may be truncated even if it is
  /// valid.
  [[nodiscard]] bool unterminated() const { return unterminated_; }

private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::uint64_t line_ = 0;
  std::string_view unnamed_ = interface_unnamed;
  bool unterminated_ = false;
};

/// Appends the frame as one line of `candump -L`, with its line end; with a known direction as `-L -x`. A time before
/// 1970 gets a minus sign, although candump has no form for it. The header must be valid (`fault_of`). This form cannot
/// express the mark `extended` of an error frame; it is lost.
void append_candump(std::string& out, const frame_view& frame, std::string_view interface);

/// Appends only the identifier, the marks and the payload: `18FEF100#FF..`.
void append_candump_frame(std::string& out, frame_header header, const std::uint8_t* payload);

} // namespace furrow::can
