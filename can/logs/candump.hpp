/// Logs of can-utils: `candump -l` / `-L` read and written, the form that candump shows on a screen
/// read.
///
/// Shape: of a log
///     (1700000000.715009) can0 18EEFF26#E1C2A30412345678     29 bits: eight digits, or seven
///     (1700000000.715583) can0 123#11.22.33 T                11 bits: three digits; T sent, R
///     received (1700000000.716182) can0 123#R5   123#1122334455667788_9   123##1AABB
///     20000004#0000000000000000 (1700000000.716182) can0 45123#81:00:12345678#112233   XL: vcid,
///     priority, flags, sdt, af
///   and of a screen, with or without a time, the times as `-t a|d|z|A` gives them
///     (000.000000)  can0  RX - -  18FEF100   [8]  FA 10 20 30 40 50 60 70
///     can0  123  [08]  11 22 33 44 55 66 77 88                two digits: FD, whose flags only -x
///     shows can0  123  [5]  remote request      can0  20000004  [8]  00 00 00 00 00 00 00 00
///     ERRORFRAME <0x18eeff21> [8] 0a 1b 2c 3d 4e 5f 60 71                version 4.0.6; its bus
///     stands in a heading
///   The width of an identifier decides, not its value; eight digits with bit 0x20000000 are an
///   error frame.
/// What is not kept: case, blanks (candump right-aligns names of different lengths), dots between bytes, digits beyond
///   microseconds. The flags of an XL frame stay as written, also without the bit 0x80 that candump would add.
/// Units: microseconds; digits beyond them are cut off. A line without a time has time_us 0 and
/// timed false. A date
///   (`-t A`) is taken as UTC: candump writes local time and does not say which.
/// Errors: a line that is no frame is a fault; so is a screen line whose data candump itself cut
/// short (XL). Threads: `parse_candump` and `append_candump` are pure; a reader is a plain value.
/// Limits: line_bytes_max a line, interface_bytes_max an interface name.
/// Source: linux-can/can-utils, lib.h and candump.c (2026-05).
#pragma once

#include "can/logs/log_line.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace furrow::can {

/// The interface of lines that name none.
inline constexpr std::string_view interface_unnamed = "can0";

/// Reads one line, with or without its end of line. `unnamed` is the interface of a line that names
/// none.
void parse_candump(std::string_view line,
                   log_line& out,
                   log_payload& payload,
                   std::string_view unnamed = interface_unnamed);

/// Goes through text line by line. The text stays the caller's and must live as long as the lines
/// are used.
class candump_reader {
public:
  /// Text of whole lines; a last line without its end is read too, and told by `unterminated`.
  explicit candump_reader(std::string_view text, std::uint64_t first_line = 1)
    : text_{text}, line_{first_line - 1} {}

  /// The next line; false when there is none left.
  bool next(log_line& out, log_payload& payload);

  /// The number of the line that `next` gave last.
  [[nodiscard]] std::uint64_t line() const { return line_; }
  /// Bytes of the text that lie behind.
  [[nodiscard]] std::size_t offset() const { return at_; }
  /// Whether the last line had no end: candump always writes one, so it may have been cut off, even
  /// where it reads well.
  [[nodiscard]] bool unterminated() const { return unterminated_; }

private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::uint64_t line_ = 0;
  std::string_view unnamed_ = interface_unnamed;
  bool unterminated_ = false;
};

/// Appends the frame as one line of `candump -L`, its end included; of a frame whose direction is
/// known, of `-L -x`. A time before 1970 is written as a minus sign and its amount, which candump
/// has no form for. The header must be sound (`fault_of`); of an error frame the mark `extended`
/// has no place in this form and is lost.
void append_candump(std::string& out, const frame_view& frame, std::string_view interface);

/// Appends the identifier, the marks and the payload alone: `18FEF100#FF..`.
void append_candump_frame(std::string& out, frame_header header, const std::uint8_t* payload);

} // namespace furrow::can
