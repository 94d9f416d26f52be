#include "can/logs/rp1210_text.hpp"

#include "can/text/civil_time.hpp"
#include "can/text/scan.hpp"
#include "can/text/time.hpp"

#include <algorithm>

namespace furrow::can {

namespace {

using text::scan;

/// Start of the last `words` words before `end`.
std::size_t words_before(std::string_view line, std::size_t end, int words) {
  for (; words > 0 && end > 0; --words) {
    while (end > 0 && text::is_blank(line[end - 1]))
      --end;
    while (end > 0 && !text::is_blank(line[end - 1]))
      --end;
  }
  return end;
}

const char* take_frame(scan& in, header_parts& parts, log_payload& payload) {
  const auto digits = in.hex_digits();
  const auto id = in.hex(8);
  if (!id || *id > 0x1FFFFFFF || !in.blanks())
    return "identifier: up to eight hex digits (29 bits) expected";
  parts.id = *id;
  parts.extended = digits > 3;
  (void)in.take('[');
  const auto length = in.decimal(1);
  if (!length || *length > classic_bytes_max || !in.take(']'))
    return "length: [0] to [8] expected";
  parts.length = static_cast<std::uint16_t>(*length);
  for (std::size_t i = 0; i < *length; ++i) {
    in.blanks();
    if (!in.hex_byte(payload[i]) || (!in.done() && !text::is_blank(in.peek())))
      return "payload: fewer hex bytes than the length says";
  }
  in.blanks();
  if (in.take("(TX)"))
    parts.direction = frame_direction::sent;
  in.blanks();
  return in.done() ? nullptr : "payload: more than the length says";
}

} // namespace

void parse_rp1210(std::string_view line, log_line& out, log_payload& payload) {
  out = {};
  scan in{line};
  const auto bracket = line.rfind('[');
  if (bracket == std::string_view::npos)
    return;
  const auto day = text::take_date(in);
  in.blanks();
  const auto written = text::take_clock(in);
  if (!day || !written)
    return out.set_fault(in.column(), "time: yyyy-mm-dd hh:mm:ss.fff expected");
  in.skip(std::max(words_before(line, bracket, 2), in.column() - std::size_t{1})
          - (in.column() - 1));
  const auto time = text::take_clock(in);
  if (!time || !in.blanks())
    return out.set_fault(in.column(), "time: hh:mm:ss.ffff expected before the identifier");
  // The line was written after the frame arrived: the line of a frame shortly before midnight may have the date of the
  // next day.
  const bool before_midnight = *time > *written + day_us / 2;
  out.time_us = *day + *time - (before_midnight ? day_us : 0);
  out.timed = true;
  out.interface = "can0";
  header_parts parts;
  const auto column = in.column();
  if (const auto* fault = take_frame(in, parts, payload))
    return out.set_fault(in.column(), fault);
  out.set_frame(parts, column);
}

} // namespace furrow::can
