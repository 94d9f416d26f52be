#include "can/logs/vector_asc.hpp"

#include "can/frame/fd_length.hpp"
#include "can/text/civil_time.hpp"
#include "can/text/scan.hpp"
#include "can/text/time.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace furrow::can {

namespace {

using text::scan;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equals_any_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool starts_any_case(std::string_view text, std::string_view start) {
  return equals_any_case(text.substr(0, start.size()), start);
}

/// English and German, the languages of Vector's programs; 0 for an unknown month.
unsigned month_of(std::string_view name) {
  constexpr std::array<std::array<std::string_view, 5>, 12> months{
    {{"jan"},
     {"feb"},
     {"mar", "m\xC3\xA4r", "m\xE4r", "mrz", "mae"},
     {"apr"},
     {"may", "mai"},
     {"jun"},
     {"jul"},
     {"aug"},
     {"sep"},
     {"oct", "okt"},
     {"nov"},
     {"dec", "dez"}}};
  for (unsigned i = 0; i < months.size(); ++i)
    for (const auto known : months[i])
      if (!known.empty() && starts_any_case(name, known))
        return i + 1;
  return 0;
}

/// `Die Okt 3 13:14:15.161 2023`, `Mon Mar 2 09:10:11 am 2020`.
std::optional<std::int64_t> take_long_date(scan in) {
  in.blanks();
  (void)in.word(); // the day of the week
  in.blanks();
  const auto month = month_of(in.word());
  in.blanks();
  const auto day = in.decimal(2);
  in.blanks();
  auto clock = text::take_clock(in);
  in.blanks();
  if (!clock)
    return std::nullopt;
  // Some programs write a 24-hour clock and a mark all the same. An hour above 12 has no use for the mark.
  constexpr std::int64_t hour_us = day_us / 24;
  constexpr std::int64_t half_us = 12 * hour_us;
  if (starts_any_case(in.peek_word(), "pm") && *clock < half_us)
    *clock += half_us;
  else if (starts_any_case(in.peek_word(), "am") && *clock >= half_us && *clock < half_us + hour_us)
    *clock -= half_us;
  if (!text::is_digit(in.peek()))
    (void)in.word();
  in.blanks();
  const auto year = in.decimal(4);
  const civil_date date{static_cast<int>(year.value_or(0)), month,
                        static_cast<unsigned>(day.value_or(0))};
  if (!year || !exists(date))
    return std::nullopt;
  return days_of(date) * day_us + *clock;
}

/// A number in the base of the log.
std::optional<std::uint32_t> take_number(scan& in, bool decimal) {
  if (!decimal)
    return in.hex(8);
  const auto value = in.decimal(9);
  return value ? std::optional{static_cast<std::uint32_t>(*value)} : std::nullopt;
}

/// One byte as a word of its own.
bool take_byte(scan& in, bool decimal, std::uint8_t& byte) {
  auto at = in;
  const auto value = decimal ? take_number(at, true) : at.hex(2);
  if (!value || *value > 0xFF || (!at.done() && !text::is_blank(at.peek())))
    return false;
  byte = static_cast<std::uint8_t>(*value);
  in = at;
  return true;
}

/// Bytes up to the first word that is not a byte; 65 when there are more than 64.
std::size_t take_bytes(scan& in, bool decimal, log_payload& to) {
  std::size_t count = 0;
  for (in.blanks(); count <= fd_bytes_max && take_byte(in, decimal, to[count]); in.blanks())
    ++count;
  return count;
}

const char* take_identifier(scan& in, bool decimal, header_parts& parts) {
  const auto value = take_number(in, decimal);
  if (!value)
    return "identifier: a number in the base of the log expected";
  parts.extended = in.take('x') || in.take('X');
  if (*value > (parts.extended ? 0x1FFFFFFFU : 0x7FFU))
    return parts.extended ? "identifier: above 1FFFFFFF (29 bits)"
                          : "identifier: above 7FF (11 bits) without x";
  parts.id = *value;
  return in.done() || text::is_blank(in.peek())
           ? nullptr
           : "identifier: a number in the base of the log expected";
}

bool take_asc_direction(scan& in, header_parts& parts) {
  const auto word = in.peek_word();
  if (equals_any_case(word, "Rx"))
    parts.direction = frame_direction::received;
  else if (equals_any_case(word, "Tx"))
    parts.direction = frame_direction::sent;
  else
    return false;
  in.skip(word.size());
  in.blanks();
  return true;
}

/// Checks the length of a classic line against the bytes in the line.
const char*
judge_classic_length(std::uint32_t said, std::size_t bytes, bool decimal, header_parts& parts) {
  parts.length = static_cast<std::uint16_t>(bytes);
  if (said <= classic_bytes_max)
    return bytes == said  ? nullptr
           : bytes < said ? "payload: fewer bytes than the DLC says"
                          : "payload: more bytes than the DLC says";
  if (said <= 15 && bytes == classic_bytes_max) {
    parts.nibble = static_cast<std::uint8_t>(said);
    return nullptr;
  }
  // An FD frame on a classic line: the number is its length, or its code, which some programs write in decimal.
  const auto as_decimal = decimal ? said : said / 16 * 10 + said % 16;
  const bool agrees = bytes == said || (said <= 15 && fd_lengths[said] == bytes)
                      || (as_decimal <= 15 && fd_lengths[as_decimal] == bytes);
  if (!agrees || !fd_code_of(bytes))
    return "payload: number of bytes differs from the DLC";
  parts.kind = frame_kind::fd;
  return nullptr;
}

/// `d 8 01 02 ...` or `r 8`, after the direction.
const char* take_classic(scan& in, bool decimal, header_parts& parts, log_payload& payload) {
  if (in.take('r') || in.take('R')) {
    parts.remote = true;
    in.blanks();
    const auto said =
      text::hex_value(in.peek()) < 16 ? take_number(in, decimal) : std::optional<std::uint32_t>{0};
    if (!said || *said > 15)
      return "DLC: 0 to 15 expected for a remote frame";
    parts.length = static_cast<std::uint16_t>(std::min<std::uint32_t>(*said, classic_bytes_max));
    parts.nibble = *said > classic_bytes_max ? static_cast<std::uint8_t>(*said) : std::uint8_t{0};
    return nullptr;
  }
  if (!in.take('d') && !in.take('D'))
    return "kind: d (data) or r (remote) expected";
  in.blanks();
  const auto said = take_number(in, decimal);
  if (!said)
    return "DLC: a number expected";
  const auto bytes = take_bytes(in, decimal, payload);
  if (bytes > fd_bytes_max)
    return "payload: longer than 64 bytes";
  return judge_classic_length(*said, bytes, decimal, parts);
}

/// A CANFD line that carries a classic frame.
const char*
judge_classic_in_fd(std::uint32_t code, std::size_t bytes, bool remote, header_parts& parts) {
  parts.kind = frame_kind::classic;
  parts.nibble = code > classic_bytes_max ? static_cast<std::uint8_t>(code) : std::uint8_t{0};
  parts.remote = remote;
  parts.length = static_cast<std::uint16_t>(std::min<std::uint32_t>(code, classic_bytes_max));
  return remote || bytes == parts.length ? nullptr
                                         : "payload: number of bytes differs from the DLC";
}

/// `300  [Name]  brs esi dlc length data... duration bits flags ...`, after the direction. DLC and flags are hex in
/// either base of the log; the length is decimal.
const char* take_fd(scan& in, bool decimal, header_parts& parts, log_payload& payload) {
  if (const auto* fault = take_identifier(in, decimal, parts))
    return fault;
  in.blanks();
  if (in.peek_word().size() != 1 || (in.peek() != '0' && in.peek() != '1')) {
    (void)in.word(); // the name of the frame in a database
    in.blanks();
  }
  const char rate_switch = in.peek();
  in.skip(1);
  in.blanks();
  const char error_state = in.peek();
  in.skip(1);
  in.blanks();
  if ((rate_switch != '0' && rate_switch != '1') || (error_state != '0' && error_state != '1'))
    return "flags: BRS and ESI (0 or 1 each) expected";
  const auto code = in.hex(1);
  in.blanks();
  const auto length = in.decimal(2);
  if (!code || !length || *length > fd_bytes_max)
    return "DLC: a hex digit, then 0 to 64 bytes expected";
  for (std::size_t i = 0; i < *length; ++i) {
    in.blanks();
    if (!take_byte(in, decimal, payload[i]))
      return "payload: fewer bytes than the length says";
  }
  for (int i = 0; i < 2; ++i) { // the duration of the message, its bits
    in.blanks();
    (void)in.word();
  }
  in.blanks();
  const auto flags = in.hex(8);
  // Some programs write no flags, some write 0: more than eight bytes are FD in any case.
  const bool said_fd = flags ? (*flags & asc_flag::fd) != 0 : *length != 0 || *code == 0;
  const bool fd = said_fd || *length > classic_bytes_max;
  if (!fd)
    return judge_classic_in_fd(*code, *length, flags ? (*flags & asc_flag::remote) != 0 : true,
                               parts);
  parts.kind = frame_kind::fd;
  parts.nibble =
    static_cast<std::uint8_t>((rate_switch == '1' ? 1 : 0) | (error_state == '1' ? 2 : 0));
  parts.length = static_cast<std::uint16_t>(*length);
  return fd_lengths[*code] == *length ? nullptr : "length: does not match the DLC";
}

/// A number of 1 to 255, and its interface.
bool take_asc_channel(scan& in, channel_table& channels, log_line& out) {
  const auto channel = in.decimal(3);
  if (!channel || *channel == 0 || *channel > channel_table::channel_max)
    return false;
  out.interface = channels.name_of(static_cast<unsigned>(*channel));
  in.blanks();
  return true;
}

void give_asc_error_frame(log_line& out, header_parts& parts, std::uint32_t column) {
  parts = {.error = true, .direction = parts.direction};
  out.set_frame(parts, column);
}

void take_fd_line(
  scan in, const asc_state& state, channel_table& channels, log_line& out, log_payload& payload) {
  header_parts parts;
  in.blanks();
  if (!take_asc_channel(in, channels, out))
    return out.set_fault(in.column(), "channel: 1 to 255 expected");
  if (!take_asc_direction(in, parts))
    return out.set_fault(in.column(), "direction: Rx or Tx expected");
  const auto column = in.column();
  if (starts_any_case(in.rest(), "ErrorFrame"))
    return give_asc_error_frame(out, parts, column);
  if (const auto* fault = take_fd(in, state.decimal, parts, payload))
    return out.set_fault(in.column(), fault);
  out.set_frame(parts, column);
}

/// The part after the time and `<channel> `.
void take_classic_line(scan in, const asc_state& state, log_line& out, log_payload& payload) {
  header_parts parts;
  const auto column = in.column();
  if (starts_any_case(in.rest(), "ErrorFrame"))
    return give_asc_error_frame(out, parts, column);
  auto at = in;
  const auto* fault = take_identifier(at, state.decimal, parts);
  if (fault != nullptr)
    (void)at.word();
  at.blanks();
  const bool directed = take_asc_direction(at, parts);
  if (!directed && (fault != nullptr || !at.done()))
    return; // Statistic:, J1939TP, TxRq and others: events that are not frames
  if (fault != nullptr)
    return out.set_fault(column, fault);
  if (!directed)
    return out.set_fault(at.column(), "direction: Rx or Tx expected");
  fault = take_classic(at, state.decimal, parts, payload);
  if (fault != nullptr)
    return out.set_fault(at.column(), fault);
  out.set_frame(parts, column);
}

/// `12.345678` from the start, or from the previous line.
const char* take_event_time(scan& in, asc_state& state, log_line& out) {
  const bool negative = in.take('-');
  const auto seconds = in.decimal(10);
  if (!seconds || !in.take('.'))
    return "time: seconds with a point expected";
  const auto us = in.fraction_us(9);
  if (!us)
    return "time: 1 to 9 digits expected after the point";
  auto offset = static_cast<std::int64_t>(*seconds) * second_us + *us;
  if (negative)
    offset = -offset;
  if (state.relative && __builtin_add_overflow(offset, state.last_us, &offset))
    return "time: too far from the start of the log";
  state.last_us = offset;
  if (__builtin_add_overflow(state.start_us, offset, &out.time_us))
    return "time: too far from the start of the log";
  out.timed = true;
  return nullptr;
}

void take_event(
  scan in, asc_state& state, channel_table& channels, log_line& out, log_payload& payload) {
  if (const auto* fault = take_event_time(in, state, out))
    return out.set_fault(in.column(), fault);
  if (!in.blanks())
    return in.done() ? out.set_fault(in.column(), "channel: expected after the time")
                     : out.set_fault(in.column(), "time: a blank expected after it");
  if (in.take("CANFD "))
    return take_fd_line(in, state, channels, out, payload);
  if (in.take("CANXL "))
    return out.set_fault(in.column(), "kind: CANXL lines are not read");
  if (!text::is_digit(in.peek()))
    return; // CAN 1 Status:..., Start of measurement, other buses
  if (!take_asc_channel(in, channels, out))
    return out.set_fault(in.column(), "channel: 1 to 255 expected");
  take_classic_line(in, state, out, payload);
}

/// A heading with a date. The date of the first trigger block replaces the date of the file.
void take_date_line(scan in, asc_state& state, bool trigger, log_line& out) {
  if (state.triggered)
    return;
  in.blanks();
  if (trigger && in.done())
    return;
  const auto start = take_long_date(in);
  if (!start) {
    if (!state.dated)
      out.set_fault(in.column(), "date: `Mon Mar 2 09:10:11 2020` expected; times count from 0");
    return;
  }
  state.start_us = *start;
  state.dated = true;
  state.triggered = trigger;
}

void take_base_line(scan in, asc_state& state, log_line& out) {
  in.blanks();
  const auto base = in.word();
  if (!equals_any_case(base, "hex") && !equals_any_case(base, "dec"))
    return out.set_fault(in.column(), "base: hex or dec expected");
  state.decimal = equals_any_case(base, "dec");
  in.blanks();
  if (equals_any_case(in.word(), "timestamps")) {
    in.blanks();
    state.relative = equals_any_case(in.word(), "relative");
  }
}

} // namespace

void parse_asc(std::string_view line,
               asc_state& state,
               channel_table& channels,
               log_line& out,
               log_payload& payload) {
  out = {};
  scan in{line};
  in.blanks();
  if (in.done())
    return;
  if (text::is_digit(in.peek()) || (in.peek() == '-' && text::is_digit(in.peek(1))))
    return take_event(in, state, channels, out, payload);
  if (in.take("//"))
    return channels.read_comment(in.rest());
  const auto word = in.word();
  if (equals_any_case(word, "date"))
    return take_date_line(in, state, false, out);
  if (equals_any_case(word, "base"))
    return take_base_line(in, state, out);
  if (equals_any_case(word, "begin")) {
    in.blanks();
    (void)in.word(); // Triggerblock, TriggerBlock
    return take_date_line(in, state, true, out);
  }
  if (equals_any_case(word, "end") || equals_any_case(word, "internal")
      || equals_any_case(word, "no"))
    return;
  out.set_fault(1, "not an ASC line: neither a time nor a heading");
}

} // namespace furrow::can
