#include "can/logs/n2k_text.hpp"

#include "can/frame/identifier.hpp"
#include "can/text/civil_time.hpp"
#include "can/text/put.hpp"
#include "can/text/scan.hpp"
#include "can/text/time.hpp"

#include <array>
#include <optional>

namespace furrow::can {

namespace {

using text::scan;

constexpr std::string_view interface = "can0";
/// canboat's numbers for a gateway's own messages.
constexpr std::uint32_t gateway_pgn_first = 0x40000;
constexpr std::uint32_t gateway_pgn_last = 0x402FF;

bool is_to_one(std::uint32_t pgn) {
  return (pgn >> 8U & 0xFFU) < 240;
}

/// Sets the line to a frame or a message. `column` is the position of the PGN.
void give(log_line& out,
          const message_head& head,
          frame_direction direction,
          std::uint32_t column) {
  out.interface = interface;
  if (head.pgn >= gateway_pgn_first && head.pgn <= gateway_pgn_last)
    return; // kind stays `nothing`
  if (head.pgn > pgn_max)
    return out.set_fault(column, "PGN: above 3FFFF (18 bits)");
  if (is_to_one(head.pgn) && (head.pgn & 0xFFU) != 0)
    return out.set_fault(column,
                         "PGN: the last byte must be 0 for a PGN with a destination (PDU1)");
  if (head.length > classic_bytes_max) {
    out.kind = line_kind::message;
    out.message = head;
    return;
  }
  const std::uint32_t destination = is_to_one(head.pgn) ? std::uint32_t{head.destination} << 8U : 0;
  out.set_frame(
    {.id = std::uint32_t{head.priority} << 26U | head.pgn << 8U | destination | head.source,
     .extended = true,
     .length = head.length,
     .direction = direction},
    column);
}

/// A decimal number up to `most`, and the comma after it.
bool take_field(scan& in, std::uint64_t most, std::uint64_t& value) {
  const auto number = in.decimal(9);
  if (!number || *number > most || (!in.take(',') && !in.done()))
    return false;
  value = *number;
  return true;
}

/// Hex pairs, to the end of the line or the first other character.
const char* take_payload_pairs(scan& in, char between, message_head& head, log_payload& payload) {
  std::size_t count = 0;
  while (text::hex_value(in.peek()) < 16) {
    if (count == message_bytes_max)
      return "payload: longer than 1785 bytes";
    if (!in.hex_byte(payload[count]))
      return "payload: a byte has two hex digits";
    ++count;
    if (between != '\0' && !in.done() && !in.take(between))
      return "payload: a byte has two hex digits";
  }
  head.length = static_cast<std::uint16_t>(count);
  return nullptr;
}

/// `2022-05-06T07:08:09.123Z`, `2021-04-05-10:11:12.004`; some programs write a comma instead of the point.
bool take_n2k_time(scan& in, log_line& out) {
  const auto day = text::take_date(in);
  if (!day || (!in.take('T') && !in.take('-') && !in.take(' ')))
    return false;
  const auto clock = text::take_clock(in);
  if (!clock)
    return false;
  in.take('Z');
  out.time_us = *day + *clock;
  out.timed = true;
  return true;
}

} // namespace

std::int64_t day_clock::unwrap(std::int64_t time_of_day_us) {
  constexpr std::int64_t half_us = day_us / 2;
  if (last_us >= 0 && time_of_day_us < last_us - half_us)
    ++day;
  else if (last_us >= 0 && time_of_day_us > last_us + half_us)
    --day; // a late line from before midnight
  last_us = time_of_day_us;
  return day * day_us + time_of_day_us;
}

void parse_canboat(std::string_view line, log_line& out, log_payload& payload) {
  out = {};
  scan in{line};
  in.blanks();
  if (in.done() || in.peek() == '#')
    return;
  if (!take_n2k_time(in, out) || !in.take(','))
    return out.set_fault(in.column(), "time: yyyy-mm-ddThh:mm:ss.fff and a comma expected");
  std::uint64_t priority = 0;
  std::uint64_t pgn = 0;
  std::uint64_t source = 0;
  std::uint64_t destination = 0;
  std::uint64_t length = 0;
  if (!take_field(in, 7, priority))
    return out.set_fault(in.column(), "priority: 0 to 7 expected");
  const auto column = in.column();
  if (!take_field(in, 999'999'999, pgn))
    return out.set_fault(in.column(), "PGN: a number expected");
  if (!take_field(in, 255, source))
    return out.set_fault(in.column(), "source: 0 to 255 expected");
  if (!take_field(in, 255, destination))
    return out.set_fault(in.column(), "destination: 0 to 255 expected");
  if (!take_field(in, message_bytes_max, length))
    return out.set_fault(in.column(), "length: 0 to 1785 expected");
  message_head head{static_cast<std::uint32_t>(pgn), 0, static_cast<std::uint8_t>(priority),
                    static_cast<std::uint8_t>(source), static_cast<std::uint8_t>(destination)};
  if (const auto* fault = take_payload_pairs(in, ',', head, payload))
    return out.set_fault(in.column(), fault);
  in.blanks();
  if (head.length != length || !in.done())
    return out.set_fault(in.column(), head.length < length
                                        ? "payload: fewer bytes than the length says"
                                        : "payload: more than the length says");
  give(out, head, frame_direction::unknown, column);
}

void parse_ydwg(std::string_view line, day_clock& clock, log_line& out, log_payload& payload) {
  out = {};
  scan in{line};
  in.blanks();
  if (in.done() || in.peek() == '#')
    return;
  const auto time = text::take_clock(in);
  if (!time || !in.blanks())
    return out.set_fault(in.column(), "time: hh:mm:ss.fff expected");
  out.time_us = clock.unwrap(*time);
  out.timed = true;
  const bool sent = in.take('T');
  if ((!sent && !in.take('R')) || !in.blanks())
    return out.set_fault(in.column(), "direction: R or T expected");
  const auto column = in.column();
  const auto digits = in.hex_digits();
  const auto id = in.hex(8);
  if (digits != 8 || !id || *id > 0x1FFFFFFF || (!in.done() && !in.blanks()))
    return out.set_fault(column, "identifier: eight hex digits up to 1FFFFFFF (29 bits) expected");
  message_head head;
  head.priority = static_cast<std::uint8_t>(*id >> 26U);
  head.pgn = *id >> 8U & pgn_max;
  head.source = static_cast<std::uint8_t>(*id);
  if (is_to_one(head.pgn)) {
    head.destination = static_cast<std::uint8_t>(head.pgn);
    head.pgn &= ~0xFFU;
  }
  if (const auto* fault = take_payload_pairs(in, ' ', head, payload))
    return out.set_fault(in.column(), fault);
  in.blanks();
  if (!in.done())
    return out.set_fault(in.column(), "payload: hex bytes with one blank between expected");
  give(out, head, sent ? frame_direction::sent : frame_direction::received, column);
}

void parse_actisense(std::string_view line, day_clock& clock, log_line& out, log_payload& payload) {
  out = {};
  scan in{line};
  in.blanks();
  if (in.done() || in.peek() == '#')
    return;
  const auto* const expected = "time: Ahhmmss.fff expected";
  if (!in.take('A'))
    return out.set_fault(in.column(), expected);
  const auto* from = in.at();
  const auto digits = in.decimal(6);
  const bool six = in.at() - from == 6;
  std::optional<std::uint32_t> us = 0;
  if (in.take('.'))
    us = in.fraction_us(9);
  // Actisense counts from its switch-on: the hours go beyond 23, so there is no midnight to detect.
  if (!digits || !six || !us || *digits / 100 % 100 > 59 || *digits % 100 > 59 || !in.blanks())
    return out.set_fault(in.column(), expected);
  const auto seconds = *digits / 10'000 * 3600 + *digits / 100 % 100 * 60 + *digits % 100;
  const auto time = static_cast<std::int64_t>(seconds) * second_us + *us;
  out.time_us = time < day_us ? clock.unwrap(time) : time;
  out.timed = true;
  message_head head;
  std::uint8_t last = 0;
  const auto column = in.column();
  if (!in.hex_byte(head.source) || !in.hex_byte(head.destination) || text::hex_value(in.peek()) > 7)
    return out.set_fault(
      column, "address: source, destination and priority (0 to 7) as five hex digits expected");
  last = text::hex_value(in.peek());
  in.skip(1);
  head.priority = last;
  if (!in.blanks())
    return out.set_fault(
      column, "address: source, destination and priority (0 to 7) as five hex digits expected");
  const auto pgn_column = in.column();
  const auto pgn = in.hex(5);
  if (!pgn || (!in.done() && !in.blanks()))
    return out.set_fault(pgn_column, "PGN: up to five hex digits expected");
  head.pgn = *pgn;
  if (const auto* fault = take_payload_pairs(in, '\0', head, payload))
    return out.set_fault(in.column(), fault);
  in.blanks();
  if (!in.done())
    return out.set_fault(in.column(), "payload: hex digits expected");
  give(out, head, frame_direction::unknown, pgn_column);
}

namespace {

/// Milliseconds, or `month_day_year_hours_minutes_seconds_ms`.
bool take_garmin_time(scan& in, log_line& out) {
  auto at = in;
  const auto first = at.decimal(12);
  if (first && at.take(',')) {
    in = at;
    out.time_us = static_cast<std::int64_t>(*first) * 1000;
    out.timed = true;
    return true;
  }
  constexpr std::array<std::uint64_t, 7> most{12, 31, 9999, 23, 59, 60, 999'999};
  std::array<std::uint64_t, 7> parts{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto value = in.decimal(6);
    if (!value || *value > most[i] || !in.take(i + 1 < parts.size() ? '_' : ','))
      return false;
    parts[i] = *value;
  }
  const civil_date date{static_cast<int>(parts[2]), static_cast<unsigned>(parts[0]),
                        static_cast<unsigned>(parts[1])};
  if (!exists(date))
    return false;
  out.time_us =
    days_of(date) * day_us
    + to_us({static_cast<unsigned>(parts[3]), static_cast<unsigned>(parts[4]),
             static_cast<unsigned>(parts[5]), static_cast<unsigned>(parts[6] % 1000 * 1000)});
  out.timed = true;
  return true;
}

} // namespace

void parse_garmin(std::string_view line, log_line& out, log_payload& payload) {
  out = {};
  scan in{line};
  in.blanks();
  if (in.done() || in.peek() == '#' || in.rest().starts_with("Sequence #"))
    return;
  if (!in.decimal(18) || !in.take(','))
    return out.set_fault(in.column(), "number: expected, with a comma after it");
  if (!take_garmin_time(in, out))
    return out.set_fault(in.column(), "time: milliseconds or a date expected");
  const auto column = in.column();
  std::array<std::uint64_t, 6> values{};
  constexpr std::array<std::uint64_t, 6> most{999'999'999, 255, 255, 7, 1, message_bytes_max};
  constexpr std::array<const char*, 6> faults{
    "PGN: a number expected",    "source: 0 to 255 expected", "destination: 0 to 255 expected",
    "priority: 0 to 7 expected", "single: 0 or 1 expected",   "length: 0 to 1785 expected"};
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!take_field(in, most[i], values[i]))
      return out.set_fault(in.column(), faults[i]);
    for (int name = 0; i == 0 && name < 2; ++name) { // names of the message and of the maker
      const auto comma = in.rest().find(',');
      in.skip(comma == std::string_view::npos ? in.left() : comma + 1);
    }
  }
  message_head head{static_cast<std::uint32_t>(values[0]), 0, static_cast<std::uint8_t>(values[3]),
                    static_cast<std::uint8_t>(values[1]), static_cast<std::uint8_t>(values[2])};
  if (!in.take("0x"))
    return out.set_fault(in.column(), "payload: 0x expected");
  if (const auto* fault = take_payload_pairs(in, '\0', head, payload))
    return out.set_fault(in.column(), fault);
  in.blanks();
  if (!in.done() || head.length != values[5])
    return out.set_fault(in.column(), "payload: not as many bytes as the length says");
  give(out, head, frame_direction::unknown, column);
}

void parse_pcdin(std::string_view line, log_line& out, log_payload& payload) {
  out = {};
  scan in{line};
  in.blanks();
  if (in.done() || in.peek() == '#')
    return;
  if (!in.take("$PCDIN,"))
    return out.set_fault(in.column(), "not a PCDIN line");
  const auto column = in.column();
  const auto pgn = in.hex(6);
  if (!pgn || !in.take(','))
    return out.set_fault(column, "PGN: up to six hex digits expected");
  const auto ms = in.hex(8);
  if (!ms || !in.take(','))
    return out.set_fault(in.column(), "time: up to eight hex digits (ms) expected");
  out.time_us = std::int64_t{*ms} * 1000;
  out.timed = true;
  message_head head;
  head.pgn = *pgn;
  if (!in.hex_byte(head.source) || !in.take(','))
    return out.set_fault(in.column(), "source: two hex digits expected");
  if (const auto* fault = take_payload_pairs(in, '\0', head, payload))
    return out.set_fault(in.column(), fault);
  std::uint8_t sum = 0;
  for (const char c : line.substr(line.find('$') + 1, in.column() - line.find('$') - 2))
    sum = static_cast<std::uint8_t>(sum ^ static_cast<std::uint8_t>(c));
  std::uint8_t said = 0;
  if (!in.take('*') || !in.hex_byte(said))
    return out.set_fault(in.column(), "checksum: * and two hex digits expected");
  if (said != sum)
    return out.set_fault(in.column() - 2, "checksum: does not match the line");
  give(out, head, frame_direction::unknown, column);
}

namespace {

std::int64_t floor_divide(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

/// `hh:mm:ss.fff`, with six digits if three are not enough.
void append_clock(std::string& out, std::int64_t time_us) {
  const auto in_day = static_cast<std::uint64_t>(time_us - floor_divide(time_us, day_us) * day_us);
  const auto seconds = in_day / second_us;
  text::append_decimal(out, seconds / 3600, 2);
  out += ':';
  text::append_decimal(out, seconds / 60 % 60, 2);
  out += ':';
  text::append_decimal(out, seconds % 60, 2);
  out += '.';
  const auto us = in_day % second_us;
  if (us % 1000 == 0)
    text::append_decimal(out, us / 1000, 3);
  else
    text::append_decimal(out, us, 6);
}

const char* refusal(frame_header header) {
  if (header.kind() != frame_kind::classic)
    return "an FD or XL frame: NMEA 2000 text has no form for it";
  if (header.error() || header.remote())
    return "an error or remote frame: NMEA 2000 text has no form for it";
  if (!header.extended())
    return "an identifier of 11 bits: NMEA 2000 text has no form for it";
  return nullptr;
}

/// Whether the year has four digits, as a date needs.
bool has_date(std::int64_t time_us) {
  return time_us >= days_of({0, 1, 1}) * day_us && time_us < days_of({10'000, 1, 1}) * day_us;
}

} // namespace

void append_canboat(std::string& out,
                    std::int64_t time_us,
                    const message_head& head,
                    const std::uint8_t* data) {
  const auto days = floor_divide(time_us, day_us);
  const auto date = date_of(days);
  text::append_decimal(out, static_cast<std::uint64_t>(date.year), 4);
  out += '-';
  text::append_decimal(out, date.month, 2);
  out += '-';
  text::append_decimal(out, date.day, 2);
  out += 'T';
  append_clock(out, time_us);
  out += 'Z';
  for (const std::uint32_t field :
       {std::uint32_t{head.priority}, head.pgn, std::uint32_t{head.source},
        std::uint32_t{head.destination}, std::uint32_t{head.length}}) {
    out += ',';
    text::append_decimal(out, field);
  }
  for (std::size_t i = 0; i < head.length; ++i) {
    out += ',';
    text::append_lower_hex(out, data[i]);
  }
  out += '\n';
}

const char* append_canboat(std::string& out, const frame_view& frame) {
  if (const auto* why = refusal(frame.header))
    return why;
  if (!has_date(frame.time_us))
    return "a time outside the years 0 to 9999";
  const auto id = frame.header.id();
  message_head head{id >> 8U & pgn_max, frame.header.length(), static_cast<std::uint8_t>(id >> 26U),
                    static_cast<std::uint8_t>(id), 255};
  if (is_to_one(head.pgn)) {
    head.destination = static_cast<std::uint8_t>(head.pgn);
    head.pgn &= ~0xFFU;
  }
  append_canboat(out, frame.time_us, head, frame.data);
  return nullptr;
}

const char* append_ydwg(std::string& out, const frame_view& frame) {
  if (const auto* why = refusal(frame.header))
    return why;
  append_clock(out, frame.time_us);
  out += frame.header.direction() == frame_direction::sent ? " T " : " R ";
  text::append_hex(out, frame.header.id(), 8);
  for (const auto byte : frame.payload()) {
    out += ' ';
    text::append_hex(out, byte, 2);
  }
  out += "\r\n";
  return nullptr;
}

} // namespace furrow::can
