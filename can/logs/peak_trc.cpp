#include "can/logs/peak_trc.hpp"

#include "can/frame/fd_length.hpp"
#include "can/text/civil_time.hpp"
#include "can/text/scan.hpp"

#include <algorithm>
#include <array>

namespace furrow::can {

namespace {

using text::scan;

static_assert(days_of({1899, 12, 30}) == trc_epoch_days);

constexpr std::array<std::pair<std::string_view, trc_version>, 6> versions{
  {{"1.0", trc_version::v1_0},
   {"1.1", trc_version::v1_1},
   {"1.2", trc_version::v1_2},
   {"1.3", trc_version::v1_3},
   {"2.0", trc_version::v2_0},
   {"2.1", trc_version::v2_1}}};

std::string_view trimmed(std::string_view text) {
  const auto end = text.find_last_not_of(" \t");
  return text.substr(0, end == std::string_view::npos ? 0 : end + 1);
}

/// `44100.3750005139` days since 1899-12-30, to the nearest microsecond.
std::optional<std::int64_t> take_start(scan in) {
  const auto days = in.decimal(6);
  if (!days)
    return std::nullopt;
  std::int64_t us = 0;
  if (in.take('.')) {
    // Digit by digit from the last: each step divides the digits behind it by ten, in thousandths of a microsecond.
    const auto digits = in.rest().substr(0, in.rest().find_first_not_of("0123456789"));
    if (digits.size() > 18)
      return std::nullopt;
    std::int64_t ns = 0;
    for (auto left = digits; !left.empty(); left.remove_suffix(1))
      ns = (ns + (left.back() - '0') * day_us * 1000 + 5) / 10;
    us = (ns + 500) / 1000;
    in.skip(digits.size());
  }
  in.blanks();
  return in.done()
           ? std::optional{(static_cast<std::int64_t>(*days) + trc_epoch_days) * day_us + us}
           : std::nullopt;
}

const char* take_columns(scan in, trc_state& state) {
  state.columns = {};
  for (char& column : state.columns) {
    column = in.peek();
    in.skip(1);
    if (!in.take(','))
      break;
  }
  in.blanks();
  return in.done() ? nullptr : "columns: letters with commas between expected, at most 16";
}

void take_heading(scan in, trc_state& state, channel_table& channels, log_line& out) {
  if (in.take("$FILEVERSION=")) {
    const auto version = parse_trc_version(trimmed(in.rest()));
    if (!version)
      return out.set_fault(in.column(), "version: 1.0, 1.1, 1.2, 1.3, 2.0 or 2.1 expected");
    state.version = *version;
  } else if (in.take("$STARTTIME=")) {
    const auto start = take_start(in);
    if (!start)
      return out.set_fault(in.column(),
                           "start time: days since 1899-12-30 expected; times count from 0");
    state.start_us = *start;
    state.dated = true;
  } else if (in.take("$COLUMNS=")) {
    if (const auto* fault = take_columns(in, state))
      return out.set_fault(in.column(), fault);
  } else {
    channels.read_comment(in.rest());
  }
}

/// `1000.400` milliseconds from the start.
const char* take_offset(scan& in, const trc_state& state, log_line& out) {
  const bool negative = in.take('-');
  const auto ms = in.decimal(13);
  if (!ms)
    return "time: milliseconds expected";
  std::int64_t us = static_cast<std::int64_t>(*ms) * 1000;
  if (in.take('.')) {
    const auto fraction = in.fraction_us(9);
    if (!fraction)
      return "time: 1 to 9 digits expected after the point";
    us += *fraction / 1000;
  }
  out.time_us = state.start_us + (negative ? -us : us);
  out.timed = true;
  return in.blanks() ? nullptr : "time: a blank expected after it";
}

/// Up to four digits mean 11 bits, more digits 29 bits.
const char* take_identifier(scan& in, header_parts& parts) {
  const auto digits = in.hex_digits();
  const auto value = in.hex(8);
  if (!value || !in.blanks())
    return "identifier: 1 to 8 hex digits expected";
  parts.extended = digits > 4;
  if (*value > (parts.extended ? 0x1FFFFFFFU : 0x7FFU))
    return parts.extended ? "identifier: above 1FFFFFFF (29 bits)"
                          : "identifier: above 7FF in four digits (11 bits)";
  parts.id = *value;
  return nullptr;
}

bool take_direction(scan& in, header_parts& parts) {
  const auto word = in.peek_word();
  if (word == "Rx")
    parts.direction = frame_direction::received;
  else if (word == "Tx")
    parts.direction = frame_direction::sent;
  else
    return false;
  in.skip(word.size());
  in.blanks();
  return true;
}

bool take_channel(scan& in, channel_table& channels, log_line& out) {
  const auto channel = in.decimal(3);
  if (!channel || *channel == 0 || *channel > channel_table::channel_max)
    return false;
  out.interface = channels.name_of(static_cast<unsigned>(*channel));
  return in.blanks();
}

/// Exactly parts.payload bytes, and nothing after them.
const char* take_bytes(scan& in, std::size_t count, log_payload& to) {
  for (std::size_t i = 0; i < count; ++i) {
    in.blanks();
    if (!in.hex_byte(to[i]) || (!in.done() && !text::is_blank(in.peek())))
      return "payload: fewer bytes than the length says";
  }
  in.blanks();
  return in.done() ? nullptr : "payload: more than the length says";
}

/// A DLC, or in column l a length, for each kind of frame.
const char* take_length(scan& in, bool is_length, header_parts& parts) {
  const auto said = in.decimal(2);
  if (!said || (!in.done() && !text::is_blank(in.peek())))
    return "length: a number expected";
  if (parts.kind == frame_kind::fd) {
    if (!is_length && *said > 15)
      return "DLC: above 15";
    parts.length = is_length ? static_cast<std::uint16_t>(*said) : fd_lengths[*said];
    return nullptr;
  }
  if (*said > (is_length ? 8U : 15U))
    return is_length ? "length: above 8" : "DLC: above 15";
  parts.length = static_cast<std::uint16_t>(std::min<std::uint64_t>(*said, classic_bytes_max));
  parts.nibble = *said > classic_bytes_max ? static_cast<std::uint8_t>(*said) : std::uint8_t{0};
  return nullptr;
}

void give_error_frame(log_line& out, const header_parts& parts, std::uint32_t column) {
  out.set_frame({.error = true, .direction = parts.direction}, column);
}

/// Versions 1.x: `1)  1000.4  Rx  0704  8  00 ...`; 1.2 and 1.3 have a bus, 1.3 and later a
/// reserved column.
void take_line_1(
  scan in, const trc_state& state, channel_table& channels, log_line& out, log_payload& payload) {
  header_parts parts;
  if (!in.decimal(18) || !in.take(')'))
    return out.set_fault(in.column(), "number: expected, with ) after it");
  in.blanks();
  if (const auto* fault = take_offset(in, state, out))
    return out.set_fault(in.column(), fault);
  out.interface = channels.name_of(1);
  if (state.version >= trc_version::v1_2 && !take_channel(in, channels, out))
    return out.set_fault(in.column(), "bus: 1 to 255 expected");
  const auto column = in.column();
  if (state.version >= trc_version::v1_1 && !take_direction(in, parts)) {
    const auto type = in.word();
    if (type == "Error")
      return give_error_frame(out, parts, column);
    if (type == "Warng" || type == "Event" || type == "Status")
      return;
    return out.set_fault(column, "type: Rx, Tx, Error or Warng expected");
  }
  if (in.peek_word() == "FFFFFFFF")
    return; // a warning, in 1.0
  const auto id_column = in.column();
  if (const auto* fault = take_identifier(in, parts))
    return out.set_fault(id_column, fault);
  if (state.version >= trc_version::v1_3 && (!in.take('-') || !in.blanks()))
    return out.set_fault(in.column(), "reserved: - expected");
  const char* fault = take_length(in, false, parts);
  in.blanks();
  // 1.0 has no column for the type: `0008  4  ERROR  00 19 08 08`, where the identifier is the kind of error.
  if (fault == nullptr && in.peek_word() == "ERROR")
    return give_error_frame(out, parts, id_column);
  parts.remote = fault == nullptr && in.take("RTR");
  if (fault == nullptr)
    fault = take_bytes(in, parts.remote ? 0 : parts.length, payload);
  if (fault != nullptr)
    return out.set_fault(in.column(), fault);
  out.set_frame(parts, id_column);
}

/// DT, FD, FB (FD, bit rate switched), FE (FD, error state), BI (both), RR (remote). False for a type that is not a
/// frame.
bool judge_type(std::string_view type, header_parts& parts) {
  constexpr std::array<std::string_view, 4> fd_types{"FD", "FB", "FE", "BI"};
  const auto fd = std::find(fd_types.begin(), fd_types.end(), type);
  if (fd != fd_types.end()) {
    parts.kind = frame_kind::fd;
    parts.nibble = static_cast<std::uint8_t>(fd - fd_types.begin());
    return true;
  }
  parts.remote = type == "RR";
  parts.error = type == "ER";
  return type == "DT" || parts.remote || parts.error;
}

/// One column of a line of version 2.x; `known` once the type is known to be a frame.
const char* take_column(char letter,
                        scan& in,
                        const trc_state& state,
                        channel_table& channels,
                        header_parts& parts,
                        log_line& out) {
  switch (letter) {
  case 'N':
    return in.decimal(18) && in.blanks() ? nullptr : "number: expected";
  case 'O':
    return take_offset(in, state, out);
  case 'B':
    return take_channel(in, channels, out) ? nullptr : "bus: 1 to 255 expected";
  case 'I':
    return parts.error && in.take('-') && in.blanks() ? nullptr : take_identifier(in, parts);
  case 'd':
    return take_direction(in, parts) ? nullptr : "direction: Rx or Tx expected";
  case 'R':
    return in.take('-') && in.blanks() ? nullptr : "reserved: - expected";
  case 'L':
  case 'l':
    return take_length(in, letter == 'l', parts);
  default:
    return "columns: a letter other than N, O, T, B, I, d, R, L, l and D";
  }
}

/// Versions 2.x, column by column.
void take_line_2(
  scan in, const trc_state& state, channel_table& channels, log_line& out, log_payload& payload) {
  header_parts parts;
  bool typed = false;
  std::uint32_t column = in.column();
  out.interface = channels.name_of(1);
  for (const char letter : state.columns) {
    if (letter == '\0')
      break;
    in.blanks();
    if (letter == 'T') {
      column = in.column();
      if (!judge_type(in.word(), parts))
        return; // ST, EC, EV: not a frame
      typed = true;
      in.blanks();
      continue;
    }
    if (letter == 'D')
      break;
    const auto at = in.column();
    const auto* fault = take_column(letter, in, state, channels, parts, out);
    if (fault != nullptr && parts.error)
      break; // the error details of PEAK are not kept
    if (fault != nullptr)
      return out.set_fault(at, fault);
  }
  if (parts.error)
    return give_error_frame(out, parts, column);
  if (!typed)
    return out.set_fault(1, "columns: ;$COLUMNS with the type (T) expected before the first line");
  if (const auto* fault = take_bytes(in, parts.remote ? 0 : parts.length, payload))
    return out.set_fault(in.column(), fault);
  out.set_frame(parts, column);
}

} // namespace

std::optional<trc_version> parse_trc_version(std::string_view text) {
  const auto found = std::find_if(versions.begin(), versions.end(),
                                  [&](const auto& row) { return row.first == text; });
  return found == versions.end() ? std::nullopt : std::optional{found->second};
}

std::string_view to_string(trc_version version) {
  const auto* found = std::find_if(versions.begin(), versions.end(),
                                   [&](const auto& row) { return row.second == version; });
  return found == versions.end() ? std::string_view{} : found->first;
}

void parse_trc(std::string_view line,
               trc_state& state,
               channel_table& channels,
               log_line& out,
               log_payload& payload) {
  out = {};
  scan in{line};
  in.blanks();
  if (in.done())
    return;
  if (in.take(';'))
    return take_heading(in, state, channels, out);
  if (state.version >= trc_version::v2_0)
    return take_line_2(in, state, channels, out, payload);
  take_line_1(in, state, channels, out, payload);
}

} // namespace furrow::can
