/// Vector ASC logs, read and written: classic frames, remote frames, error frames, CAN FD.
///
/// Shape: the values of the heading (`date`, `base hex|dec`, `timestamps absolute|relative`) are kept for the lines
///   below it. The first `Begin Triggerblock` with a date replaces the date of the heading, as in CANoe and PEAK.
///   Statistics, chip states, J1939TP lines (their frames are in the log as well) and other events are not frames.
/// Units: microseconds. The log has local time without a zone; it is read as UTC.
/// Errors: a fault names the field. A date in an unknown language is one fault; times then count from 0.
/// Limits: channels 1 to 255 (channel 1 is can0, see channel_table). For an error frame ASC keeps only that there was
///   one. A classic line with more than eight bytes is read as an FD frame, because some converters write FD frames so.
///   An ASC log has no place for the fourth and third bit of the FD flags. Vector's own XL lines are not read.
/// Threads: plain values.
/// Source: Vector CANalyzer/CANoe logs of versions 7 to 13; flags of CANFD lines as in can-utils log2asc.
#pragma once

#include "can/logs/channel_table.hpp"
#include "can/logs/log_line.hpp"

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>

namespace furrow::can {

/// Flag bits of a CANFD line.
namespace asc_flag {
inline constexpr std::uint32_t remote = 0x10, fd = 0x1000, bit_rate_switch = 0x2000,
                               error_state = 0x4000;
} // namespace asc_flag

/// The state of a reader after the previous lines.
struct asc_state {
  bool decimal = false;
  bool relative = false;
  bool triggered = false;
  bool dated = false;
  std::int64_t start_us = 0;
  std::int64_t last_us = 0; // time of the previous line, from the start
};

/// Reads one line without its end.
void parse_asc(std::string_view line,
               asc_state& state,
               channel_table& channels,
               log_line& out,
               log_payload& payload);

class asc_writer {
public:
  /// Appends the frame, and before the first frame the heading. Returns null, or the reason why ASC cannot express the
  /// frame.
  const char* append(std::string& out, const frame_view& frame, std::string_view interface);
  /// Closes the log, if anything was written.
  void finish(std::string& out) const;

private:
  void append_heading(std::string& out, std::int64_t time_us);
  void append_classic(std::string& out, const frame_view& frame, unsigned channel) const;
  void append_fd(std::string& out, const frame_view& frame, unsigned channel) const;

  channel_table channels_;
  std::bitset<channel_table::channel_max + 1>
    announced_; // channels whose name was written in a comment
  bool begun_ = false;
  std::int64_t start_us_ = 0;
};

} // namespace furrow::can
