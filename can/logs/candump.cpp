#include "can/logs/candump.hpp"

#include "can/text/scan.hpp"
#include "can/text/time.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace furrow::can {

namespace {

using text::scan;

constexpr std::uint32_t identifier_mask = 0x1FFFFFFF;
constexpr std::uint32_t standard_max = 0x7FF;

/// An identifier of three digits, or of eight (seven without the leading zero).
const char* take_identifier(scan& in, std::size_t digits, header_parts& parts) {
  if (digits != 3 && digits != 7 && digits != 8)
    return "identifier: three hex digits (11 bits) or eight (29 bits) expected";
  auto at = in;
  const auto value = at.hex(8).value_or(0);
  if (digits == 3) {
    if (value > standard_max)
      return "identifier: above 7FF, the limit for three digits (11 bits)";
  } else if (value >> 30U != 0) {
    return "identifier: above 1FFFFFFF (29 bits), or 3FFFFFFF with the mark of an error frame";
  }
  parts.id = value & identifier_mask;
  parts.error = digits == 8 && (value & frame_header::error_flag) != 0;
  parts.extended = digits != 3 && !parts.error;
  in = at;
  return nullptr;
}

/// Hex pairs, each with or without a dot before it, up to the first other character.
const char* take_pairs(scan& in, std::uint8_t* to, std::size_t bytes_max, std::size_t& bytes) {
  bytes = 0;
  for (;;) {
    const bool dot = in.peek() == '.';
    auto at = in;
    at.skip(dot ? 1 : 0);
    if (text::hex_value(at.peek()) > 15) {
      in = at;
      return dot ? "payload: a byte (two hex digits) expected after the dot" : nullptr;
    }
    if (bytes == bytes_max)
      return bytes_max == classic_bytes_max ? "payload: longer than the 8 bytes of a classic frame"
             : bytes_max == fd_bytes_max    ? "payload: longer than the 64 bytes of an FD frame"
                                            : "payload: longer than the 2048 bytes of an XL frame";
    if (!at.hex_byte(to[bytes])) {
      at.skip(1);
      in = at;
      return "payload: a byte has two hex digits";
    }
    ++bytes;
    in = at;
  }
}

/// `_9` to `_F` after eight bytes.
const char* take_raw_dlc(scan& in, header_parts& parts) {
  if (!in.take('_'))
    return nullptr;
  const auto dlc = text::hex_value(in.peek());
  if (parts.length != classic_bytes_max || dlc < 9 || dlc > 15)
    return "raw DLC: 9 to F expected, and only after eight bytes";
  in.skip(1);
  parts.nibble = dlc;
  return nullptr;
}

const char* take_remote(scan& in, header_parts& parts) {
  parts.remote = true;
  if (!text::is_digit(in.peek()))
    return nullptr;
  if (in.peek() > '8')
    return "length: above 8 in a remote frame";
  parts.length = static_cast<std::uint16_t>(in.peek() - '0');
  in.skip(1);
  return take_raw_dlc(in, parts);
}

/// The part after `<id>#` of a classic or FD frame.
const char* take_body(scan& in, header_parts& parts, std::uint8_t* to) {
  if (in.peek() == 'R' || in.peek() == 'r') {
    in.skip(1);
    return take_remote(in, parts);
  }
  std::size_t bytes_max = classic_bytes_max;
  if (in.take('#')) {
    parts.kind = frame_kind::fd;
    parts.nibble = text::hex_value(in.peek());
    if (parts.nibble > 15)
      return "flags: a hex digit expected after ## (FD)";
    in.skip(1);
    bytes_max = fd_bytes_max;
  }
  std::size_t bytes = 0;
  if (const auto* fault = take_pairs(in, to, bytes_max, bytes))
    return fault;
  parts.length = static_cast<std::uint16_t>(bytes);
  return parts.kind == frame_kind::classic ? take_raw_dlc(in, parts) : nullptr;
}

void put_xl_header(
  std::uint8_t* to, std::uint8_t vcid, std::uint8_t flags, std::uint8_t sdt, std::uint32_t af) {
  to[0] = vcid;
  to[1] = flags;
  to[2] = sdt;
  for (unsigned i = 0; i < 4; ++i)
    to[3 + i] = static_cast<std::uint8_t>(af >> 8U * i);
}

/// `<flags 2>:<sdt 2>:<af 8>`, closed by `end`.
const char* take_xl_fields(scan& in, std::uint8_t vcid, std::uint8_t* to, char end) {
  std::uint8_t flags = 0;
  std::uint8_t sdt = 0;
  if (!in.hex_byte(flags) || !in.take(':'))
    return "flags: two hex digits and a colon expected (XL)";
  if (!in.hex_byte(sdt) || !in.take(':'))
    return "sdt: two hex digits and a colon expected (XL)";
  if (in.hex_digits() != 8)
    return "af: eight hex digits expected (XL)";
  const auto af = in.hex(8).value_or(0);
  if (!in.take(end))
    return "af: eight hex digits expected, then the data (XL)";
  put_xl_header(to, vcid, flags, sdt, af);
  return nullptr;
}

/// `<vcid 2><priority 3>#<flags 2>:<sdt 2>:<af 8>#{data}`.
const char* take_xl(scan& in, header_parts& parts, std::uint8_t* to) {
  std::uint8_t vcid = 0;
  (void)in.hex_byte(vcid); // five hex digits were checked before
  auto at = in;
  parts.id = at.hex(8).value_or(0);
  if (parts.id > standard_max)
    return "priority: above 7FF (11 bits) (XL)";
  in = at;
  in.skip(1);
  parts.kind = frame_kind::xl;
  if (const auto* fault = take_xl_fields(in, vcid, to, '#'))
    return fault;
  std::size_t bytes = 0;
  if (const auto* fault =
        take_pairs(in, to + xl_header_bytes, xl_bytes_max - xl_header_bytes, bytes))
    return fault;
  if (bytes == 0)
    return "payload: an XL frame has at least one byte";
  parts.length = static_cast<std::uint16_t>(xl_header_bytes + bytes);
  return nullptr;
}

/// The rest of a line of a log, from the identifier on.
void take_log_frame(scan in, std::size_t digits, log_line& out, log_payload& payload) {
  header_parts parts;
  const auto column = in.column();
  const char* fault = nullptr;
  if (digits == 5) {
    fault = take_xl(in, parts, payload.data());
  } else {
    fault = take_identifier(in, digits, parts);
    if (fault == nullptr) {
      in.skip(1);
      fault = take_body(in, parts, payload.data());
    }
  }
  if (fault != nullptr)
    return out.set_fault(in.column(), fault);
  if (!in.done() && !in.blanks())
    return out.set_fault(in.column(), "payload: a character that is not a hex digit");
  if (in.take('T'))
    parts.direction = frame_direction::sent;
  else if (in.take('R'))
    parts.direction = frame_direction::received;
  in.blanks();
  if (!in.done())
    return out.set_fault(in.column(), "direction: only R or T may follow the frame");
  out.set_frame(parts, column);
}

/// `TX - -`, `RX B E`: direction and FD flags, as `candump -x` shows them.
void take_extra(scan& in, header_parts& parts) {
  auto at = in;
  if (at.take("TX "))
    parts.direction = frame_direction::sent;
  else if (at.take("RX "))
    parts.direction = frame_direction::received;
  else
    return;
  at.blanks();
  if ((at.peek() == 'B' || at.peek() == '-') && at.peek(1) == ' '
      && (at.peek(2) == 'E' || at.peek(2) == '-')) {
    parts.nibble =
      static_cast<std::uint8_t>((at.peek() == 'B' ? 1 : 0) | (at.peek(2) == 'E' ? 2 : 0));
    at.skip(3);
    at.blanks();
  }
  in = at;
}

/// `[8]` classic, `[08]` FD, `[0008]` XL, `{9}` classic with its raw DLC.
const char* take_screen_length(scan& in, header_parts& parts) {
  const auto flags = parts.nibble;
  parts.nibble = 0;
  if (in.take('{')) {
    const auto dlc = text::hex_value(in.peek());
    if (dlc > 15 || in.peek(1) != '}')
      return "length: a hex digit between braces expected";
    in.skip(2);
    parts.length = std::min<std::uint16_t>(dlc, classic_bytes_max);
    parts.nibble = dlc > classic_bytes_max ? dlc : std::uint8_t{0};
    return nullptr;
  }
  if (!in.take('['))
    return "length: [n] expected after the identifier";
  const auto* from = in.at();
  const auto length = in.decimal(4);
  const auto digits = in.at() - from;
  if (!length || digits == 3 || !in.take(']'))
    return "length: [n] (classic), [nn] (FD) or [nnnn] (XL) expected";
  parts.length = static_cast<std::uint16_t>(*length);
  if (digits == 1)
    return *length <= classic_bytes_max ? nullptr : "length: a classic frame has at most 8 bytes";
  parts.kind = digits == 2 ? frame_kind::fd : frame_kind::xl;
  if (digits == 2) {
    parts.nibble = flags;
    return *length <= fd_bytes_max ? nullptr : "length: an FD frame has at most 64 bytes";
  }
  parts.length = static_cast<std::uint16_t>(*length + xl_header_bytes);
  return *length >= 1 && *length <= xl_bytes_max - xl_header_bytes
           ? nullptr
           : "length: an XL frame has 1 to 2048 bytes";
}

/// The bytes of a screen line, as many as its length, and the optional text after them.
const char* take_screen_bytes(scan& in, const header_parts& parts, std::uint8_t* to) {
  in.blanks();
  if (in.take('(')) { // XL: (vcid|flags:sdt:af)
    std::uint8_t vcid = 0;
    if (parts.kind != frame_kind::xl || !in.hex_byte(vcid) || !in.take('|'))
      return "payload: hex bytes expected";
    if (const auto* fault = take_xl_fields(in, vcid, to, ')'))
      return fault;
  } else if (parts.kind == frame_kind::xl) {
    return "vcid: (vcid|flags:sdt:af) expected after the length (XL)";
  }
  for (std::size_t i = parts.kind == frame_kind::xl ? xl_header_bytes : 0; i < parts.length; ++i) {
    in.blanks();
    if (in.peek() == '.')
      return "payload: candump truncated this frame on the screen; only a log (-L) has it whole";
    if (!in.hex_byte(to[i]) || (!in.done() && !text::is_blank(in.peek())))
      return "payload: fewer hex bytes than the length says";
  }
  in.blanks();
  if (parts.error)
    in.take("ERRORFRAME");
  else if (in.peek() == '\'')
    in.skip(in.left()); // the same bytes as text (-a)
  in.blanks();
  return in.done() ? nullptr : "payload: more than the length says";
}

/// The rest of a screen line, from the identifier on.
void take_screen_frame(scan in, header_parts parts, log_line& out, log_payload& payload) {
  const auto column = in.column();
  const char* fault = take_identifier(in, in.hex_digits(), parts);
  if (fault == nullptr) {
    in.take('>');
    in.blanks();
    fault = take_screen_length(in, parts);
  }
  if (fault == nullptr && parts.kind == frame_kind::xl && parts.extended)
    fault = "priority: three hex digits expected (XL)";
  auto words = in;
  words.blanks();
  if (fault == nullptr && parts.kind == frame_kind::classic && words.take("remote request")) {
    parts.remote = true;
    in = words;
    in.blanks();
    fault = in.done() ? nullptr : "payload: a remote frame has none";
  } else if (fault == nullptr) {
    fault = take_screen_bytes(in, parts, payload.data());
  }
  if (fault != nullptr)
    return out.set_fault(in.column(), fault);
  out.set_frame(parts, column);
}

/// `(seconds.fraction)` or `(date time)`, after the parenthesis.
const char* take_time(scan& in, log_line& out) {
  const bool negative = in.take('-');
  if (in.peek(4) == '-') {
    const auto day = text::take_date(in);
    if (!day || negative)
      return "time: invalid date";
    in.blanks();
    const auto clock = text::take_clock(in);
    if (!clock)
      return "time: hh:mm:ss.ffffff expected after the day";
    out.time_us = *day + *clock;
  } else {
    // 12 digits of seconds: 31,000 years, and the microseconds fit 63 bits.
    const auto seconds = in.decimal(12);
    if (!seconds)
      return "time: 1 to 12 digits of seconds expected";
    if (!in.take('.'))
      return "time: a point expected after the seconds";
    const auto us = in.fraction_us(9);
    if (!us)
      return "time: 1 to 9 digits expected after the point";
    const auto amount = static_cast<std::int64_t>(*seconds) * 1'000'000 + *us;
    out.time_us = negative ? -amount : amount;
  }
  out.timed = true;
  return in.take(')') ? nullptr : "time: ) expected";
}

/// `DROPCOUNT: dropped 5 CAN frames on 'can0' socket (total drops 5)`.
void take_dropcount(scan in, log_line& out) {
  in.blanks();
  if (!in.take("dropped "))
    return out.set_fault(in.column(), "DROPCOUNT: `dropped N CAN frames on 'interface'` expected");
  const auto count = in.decimal(10);
  if (!count || (!in.take(" CAN frames on '") && !in.take(" CAN frame on '")))
    return out.set_fault(in.column(), "DROPCOUNT: `dropped N CAN frames on 'interface'` expected");
  const auto name = in.rest().substr(0, in.rest().find('\''));
  if (name.size() == in.left() || !is_interface_name(name))
    return out.set_fault(
      in.column(), "DROPCOUNT: an interface of 1 to 64 printable characters in quotes expected");
  out.kind = line_kind::dropped;
  out.dropped = *count;
  out.interface = name;
}

/// A heading, a comment, or the explanation of candump below an error frame (a tab and one word).
bool is_nothing(const scan& line, const scan& in) {
  const char c = in.peek();
  if (in.done() || c == '#' || c == ';' || in.rest().starts_with("//")
      || in.rest().starts_with("interface = "))
    return true;
  return line.peek() == '\t' && c >= 'a' && c <= 'z' && in.peek_word().size() == in.left();
}

/// Any line in any form.
void parse_any(std::string_view line,
               log_line& out,
               log_payload& payload,
               std::string_view unnamed) {
  scan in{line};
  if (line.size() > line_bytes_max)
    return out.set_fault(line_bytes_max + 1, "line: longer than 8192 bytes");
  in.blanks();
  if (is_nothing(scan{line}, in))
    return;
  if (in.take("DROPCOUNT:"))
    return take_dropcount(in, out);
  if (in.take("<0x")) {
    out.interface = unnamed;
    return take_screen_frame(in, {}, out, payload);
  }
  if (in.take('(')) {
    if (const auto* fault = take_time(in, out))
      return out.set_fault(in.column(), fault);
    if (!in.blanks())
      return out.set_fault(in.column(), "interface: expected after the time");
  }
  const auto name_column = in.column();
  out.interface = in.word();
  if (!is_interface_name(out.interface))
    return out.set_fault(name_column, "interface: 1 to 64 printable ASCII characters expected");
  if (!in.blanks())
    return out.set_fault(in.column(), "identifier: expected after the interface");
  const auto digits = in.hex_digits();
  if (in.peek(digits) == '#')
    return take_log_frame(in, digits, out, payload);
  if (out.timed || in.rest().find('[') != std::string_view::npos
      || in.rest().find('{') != std::string_view::npos) {
    header_parts parts;
    take_extra(in, parts);
    return take_screen_frame(in, parts, out, payload);
  }
  out.set_fault(name_column, "not a candump line: found neither a time nor a length");
}

/// The form of nearly every line of a real log: ten digits of seconds, six of microseconds, eight of identifier, one
/// blank between each, up to eight bytes. parse_any reads all other lines, and could read these as well.
bool parse_usual(std::string_view line, log_line& out, log_payload& payload) {
  constexpr std::size_t name_at = 20;
  // Long enough to load the eight bytes at the identifier at once.
  if (line.size() < name_at + 2 + 9 || line[0] != '(' || line[11] != '.' || line[18] != ')'
      || line[19] != ' ')
    return false;
  const char* at = line.data();
  const char* end = at + line.size();
  const auto seconds = text::eight_digits(text::load8(at + 1));
  const auto microseconds = text::eight_digits(text::load8(at + 12) << 16U | 0x3030U);
  if (!seconds || !microseconds || !text::is_digit(at[9]) || !text::is_digit(at[10]))
    return false;
  const char* name = at + name_at;
  const char* p = name;
  while (p != end && *p > ' ' && *p < 0x7F)
    ++p;
  const auto name_bytes = static_cast<std::size_t>(p - name);
  if (name_bytes == 0 || name_bytes > interface_bytes_max || end - p < 10 || *p != ' '
      || p[9] != '#')
    return false;
  ++p;
  std::uint32_t id = 0;
  unsigned wrong = 0;
  for (unsigned i = 0; i < 8; ++i) {
    const auto digit = text::hex_value(p[i]);
    wrong |= digit;
    id = id << 4U | digit;
  }
  p += 9;
  const auto digits = static_cast<std::size_t>(end - p);
  if (wrong > 15 || id > identifier_mask || digits > 2 * classic_bytes_max || digits % 2 != 0)
    return false;
  for (std::size_t i = 0; i < digits / 2; ++i) {
    const auto high = text::hex_value(p[2 * i]);
    const auto low = text::hex_value(p[2 * i + 1]);
    wrong |= high | low;
    payload[i] = static_cast<std::uint8_t>(high << 4U | low);
  }
  if (wrong > 15)
    return false;
  out.kind = line_kind::frame;
  out.timed = true;
  out.time_us =
    (std::int64_t{*seconds} * 100 + std::int64_t{at[9] - '0'} * 10 + (at[10] - '0')) * 1'000'000
    + *microseconds;
  out.interface = {name, name_bytes};
  out.header.bits = id | frame_header::extended_flag | std::uint64_t{digits / 2} << 40U;
  return true;
}

} // namespace

void parse_candump(std::string_view line,
                   log_line& out,
                   log_payload& payload,
                   std::string_view unnamed) {
  line = text::without_end(line);
  if (parse_usual(line, out, payload))
    return;
  out = {};
  parse_any(line, out, payload, unnamed);
}

bool candump_reader::next(log_line& out, log_payload& payload) {
  if (at_ >= text_.size())
    return false;
  const auto end = text_.find('\n', at_);
  unterminated_ = end == std::string_view::npos;
  const auto line = text_.substr(at_, unterminated_ ? text_.size() - at_ : end - at_);
  at_ += line.size() + (unterminated_ ? 0 : 1);
  ++line_;
  parse_candump(line, out, payload, unnamed_);
  constexpr std::string_view heading = "interface = ";
  if (out.kind == line_kind::nothing && line.starts_with(heading)) {
    const auto name =
      line.substr(heading.size(), line.find_first_of(", \t\r", heading.size()) - heading.size());
    if (is_interface_name(name))
      unnamed_ = name;
  }
  return true;
}

} // namespace furrow::can
