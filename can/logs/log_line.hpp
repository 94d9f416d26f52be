/// The content of one line of a log: a frame, a whole message, a gap, nothing, or a fault.
///
/// Shape: a reader fills a `log_line` and a `log_payload` of the caller; only the fields of the line's kind are valid.
///   `header` has bus 0: the interface is a name here (`bus_table` assigns the number).
/// Units: microseconds since 1970-01-01T00:00:00Z, or since the zero of a log without a date.
/// Errors: `fault` (a literal) names the field and its limit; `column` is its position, counted from 1.
/// Threads/ownership: `interface` points into the line or into the reader; use it before the next line.
#pragma once

#include "can/frame/frame.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace furrow::can {

/// Longest line that a reader accepts: an XL frame with a dot before each byte takes 6,200 bytes.
inline constexpr std::size_t line_bytes_max = 8192;
inline constexpr std::size_t interface_bytes_max = 64;

/// Whether text is a valid interface name: printable ASCII without blanks, since it is sent as text everywhere.
[[nodiscard]] constexpr bool is_interface_name(std::string_view name) {
  for (const char c : name)
    if (c <= ' ' || c >= 0x7F)
      return false;
  return !name.empty() && name.size() <= interface_bytes_max;
}

/// Size for the longest frame and the longest message (1,785 bytes of J1939 transport protocol).
using log_payload = std::array<std::uint8_t, xl_bytes_max>;
inline constexpr std::size_t message_bytes_max = 1785;

enum class line_kind : std::uint8_t {
  nothing = 0, // blank, comment, heading, or an event that is not a frame
  frame = 1,   // time, header, interface, payload
  message = 2, // time, interface, message, payload: assembled by the writer of the log
  dropped = 3, // `dropped` frames are missing here, on `interface`
  fault = 4    // column, fault
};

/// The head of a whole message in a log; its data are the first `length` bytes of the payload.
struct message_head {
  std::uint32_t pgn = 0;
  std::uint16_t length = 0;
  std::uint8_t priority = 0;
  std::uint8_t source = 0;
  std::uint8_t destination = 255;
};

struct log_line {
  line_kind kind = line_kind::nothing;
  bool timed = false; // whether the line has a time; if not, time_us is 0
  std::int64_t time_us = 0;
  frame_header header;
  message_head message;
  std::string_view interface;
  std::uint64_t dropped = 0;
  std::uint32_t column = 0;
  const char* fault = nullptr;

  void set_fault(std::uint32_t at, const char* why) {
    kind = line_kind::fault;
    column = at;
    fault = why;
  }
  /// Sets the header if it is valid; else sets a fault at this column.
  void set_frame(const header_parts& parts, std::uint32_t at) {
    header = pack(parts);
    const auto why = fault_of(header);
    if (why != frame_fault::none)
      return set_fault(at, to_string(why));
    kind = line_kind::frame;
  }
};

} // namespace furrow::can
