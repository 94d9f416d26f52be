#include "can/logs/gvret_csv.hpp"

#include "can/frame/fd_length.hpp"
#include "can/text/scan.hpp"

#include <optional>

namespace furrow::can {

namespace {

using text::scan;

/// The text up to the next comma, without blanks around it.
std::string_view take_cell(scan& in) {
  in.blanks();
  const auto rest = in.rest();
  auto cell = rest.substr(0, rest.find(','));
  in.skip(cell.size() + 1);
  while (!cell.empty() && text::is_blank(cell.back()))
    cell.remove_suffix(1);
  return cell;
}

std::optional<std::uint32_t> hex_cell(std::string_view cell) {
  scan in{cell};
  if (!in.take("0x"))
    (void)in.take("0X");
  const auto value = in.hex(8);
  return in.done() ? value : std::nullopt;
}

std::optional<std::uint32_t> decimal_cell(std::string_view cell) {
  scan in{cell};
  const auto value = in.decimal(4);
  return value && in.done() ? std::optional{static_cast<std::uint32_t>(*value)} : std::nullopt;
}

std::optional<bool> truth_cell(std::string_view cell) {
  if (cell == "true" || cell == "TRUE" || cell == "True" || cell == "1")
    return true;
  if (cell == "false" || cell == "FALSE" || cell == "False" || cell == "0")
    return false;
  return std::nullopt;
}

const char* take_gvret_identifier(scan& in, header_parts& parts) {
  const auto id = hex_cell(take_cell(in));
  if (!id)
    return "identifier: 1 to 8 hex digits expected";
  const auto extended = truth_cell(take_cell(in));
  if (!extended)
    return "extended: true or false expected";
  if (*id > (*extended ? 0x1FFFFFFFU : 0x7FFU))
    return *extended ? "identifier: above 1FFFFFFF (29 bits)"
                     : "identifier: above 7FF (11 bits) in a frame that is not extended";
  parts.id = *id;
  parts.extended = *extended;
  return nullptr;
}

/// `Rx,0,8,F0,...`, after the identifier.
const char*
take_rest(scan& in, channel_table& channels, header_parts& parts, log_line& out, log_payload& to) {
  auto cell = take_cell(in);
  if (cell == "Rx" || cell == "Tx") {
    parts.direction = cell == "Rx" ? frame_direction::received : frame_direction::sent;
    cell = take_cell(in);
  }
  const auto bus = decimal_cell(cell);
  if (!bus || *bus >= channel_table::channel_max)
    return "bus: 0 to 254 expected";
  out.interface = channels.name_of(*bus + 1);
  const auto length = decimal_cell(take_cell(in));
  if (!length || *length > fd_bytes_max)
    return "length: 0 to 64 expected";
  parts.length = static_cast<std::uint16_t>(*length);
  if (*length > classic_bytes_max) {
    parts.kind = frame_kind::fd;
    if (!fd_code_of(*length))
      return "length: no FD frame has this length";
  }
  for (std::uint32_t i = 0; i < *length; ++i) {
    const auto byte = hex_cell(take_cell(in));
    if (!byte || *byte > 0xFF)
      return "payload: fewer bytes than the length says";
    to[i] = static_cast<std::uint8_t>(*byte);
  }
  return nullptr;
}

} // namespace

bool is_gvret_line(std::string_view line) {
  scan in{line};
  const auto time = take_cell(in);
  const auto id = take_cell(in);
  const auto extended = take_cell(in);
  // 1 and 0 would also be the columns of other formats.
  return !time.empty() && time.find_first_not_of("0123456789") == std::string_view::npos
         && hex_cell(id) && truth_cell(extended) && extended.size() > 1;
}

void parse_gvret(std::string_view line,
                 channel_table& channels,
                 log_line& out,
                 log_payload& payload) {
  out = {};
  scan in{line};
  in.blanks();
  if (in.done() || in.peek() == '#' || in.rest().starts_with(gvret_heading))
    return;
  const auto time_us = in.decimal(18);
  if (!time_us || !in.take(','))
    return out.set_fault(in.column(), "time: microseconds and a comma expected");
  out.time_us = static_cast<std::int64_t>(*time_us);
  out.timed = true;
  header_parts parts;
  const auto column = in.column();
  const auto* fault = take_gvret_identifier(in, parts);
  if (fault != nullptr)
    return out.set_fault(column, fault);
  const auto rest_column = in.column();
  fault = take_rest(in, channels, parts, out, payload);
  if (fault != nullptr)
    return out.set_fault(rest_column, fault);
  out.set_frame(parts, column);
}

} // namespace furrow::can
