#include "tools/furrow/database/import_row.hpp"

#include "tools/json/rfc3339.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

/// Limits of a time: years 1 to 9999, which fit PostgreSQL's times and leave room for blocks.
constexpr std::int64_t time_us_min = -62'135'596'800'000'000;
constexpr std::int64_t time_us_max = 253'402'300'799'999'999;

/// Returns "1588310400.001234" times 10^decimals, without further digits; nothing if the text is not a number or is too
/// large.
std::optional<std::int64_t> scaled(std::string_view text, int decimals) {
  if (text.find_first_of("eE") != std::string_view::npos) {
    const auto value = std::strtod(std::string{text}.c_str(), nullptr) * std::pow(10.0, decimals);
    if (!(std::fabs(value) < 9e18))
      return std::nullopt;
    return std::llround(value);
  }
  const bool negative = text.starts_with('-');
  text.remove_prefix(negative ? 1 : 0);
  const auto point = std::min(text.find('.'), text.size());
  std::string digits{text.substr(0, point)};
  const auto fraction = text.substr(std::min(point + 1, text.size()));
  for (int i = 0; i < decimals; ++i)
    digits +=
      static_cast<std::size_t>(i) < fraction.size() ? fraction[static_cast<std::size_t>(i)] : '0';
  std::int64_t value = 0;
  const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (wrong != std::errc{} || end != digits.data() + digits.size() || point == 0)
    return std::nullopt;
  return negative ? -value : value;
}

std::optional<std::int64_t> time_of(std::string_view text, storage::time_unit unit) {
  switch (unit) {
  case storage::time_unit::seconds:
    return scaled(text, 6);
  case storage::time_unit::milliseconds:
    return scaled(text, 3);
  case storage::time_unit::microseconds:
    return scaled(text, 0);
  case storage::time_unit::unsaid:
  case storage::time_unit::utc:
  case storage::time_unit::text:
    return json_rows::parse_time(text);
  }
  return std::nullopt;
}

std::optional<std::uint32_t> id_of(std::string_view text) {
  const bool hex = text.starts_with('x');
  text.remove_prefix(hex ? 1 : 0);
  if (hex && (text.starts_with("0x") || text.starts_with("0X")))
    text.remove_prefix(2);
  std::int64_t value = 0;
  const auto [end, wrong] =
    std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (wrong != std::errc{} || end != text.data() + text.size() || value > UINT32_MAX
      || value < INT32_MIN)
    return std::nullopt;
  return static_cast<std::uint32_t>(value); // a signed 32-bit column shows bit 31 as a minus sign
}

int hex_digit(char letter) {
  if (letter >= '0' && letter <= '9')
    return letter - '0';
  const char lower = static_cast<char>(letter | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Returns the number of bytes, or nothing if the text is not hex or too long.
std::optional<std::size_t> take_hex(std::string_view text,
                                    std::array<std::uint8_t, can::fd_bytes_max>& out) {
  if (text.starts_with("\\x") || text.starts_with("0x"))
    text.remove_prefix(2);
  std::size_t bytes = 0;
  while (!text.empty()) {
    if (text[0] == ' ') {
      text.remove_prefix(1);
      continue;
    }
    if (text.size() < 2 || bytes == out.size() || hex_digit(text[0]) < 0 || hex_digit(text[1]) < 0)
      return std::nullopt;
    out[bytes++] = static_cast<std::uint8_t>(hex_digit(text[0]) << 4 | hex_digit(text[1]));
    text.remove_prefix(2);
  }
  return bytes;
}

bool says_yes(std::string_view text) {
  return text == "1" || text == "t" || text == "true";
}

std::string bus_name_of(const storage::cell_text& bus) {
  if (!bus || bus->empty())
    return "can0";
  const bool number =
    std::all_of(bus->begin(), bus->end(), [](char c) { return c >= '0' && c <= '9'; });
  return (number ? "can" : "") + std::string{*bus};
}

std::string header_of(const storage::source_row& row,
                      std::uint32_t id,
                      std::size_t bytes,
                      std::uint8_t bus,
                      can::frame_header& out) {
  can::header_parts parts;
  parts.id = id & 0x1FFFFFFFU;
  parts.remote = (id & can::frame_header::remote_flag) != 0;
  parts.error = (id & can::frame_header::error_flag) != 0;
  parts.extended = (id & can::frame_header::extended_flag) != 0
                   || (row.extended && says_yes(*row.extended))
                   || (!row.extended && !parts.error && parts.id > 0x7FF);
  parts.bus = bus;
  parts.length = parts.remote ? 0 : static_cast<std::uint16_t>(bytes);
  parts.kind = bytes > can::classic_bytes_max ? can::frame_kind::fd : can::frame_kind::classic;
  out = can::pack(parts);
  const auto fault = can::fault_of(out);
  return fault == can::frame_fault::none ? "" : can::to_string(fault);
}

} // namespace

std::string read_row(const storage::source_row& row,
                     storage::time_unit unit,
                     can::bus_table& buses,
                     imported_frame& out) {
  out.dated = false;
  if (!row.time)
    return "time: is missing or not a time";
  const auto time = time_of(*row.time, unit);
  if (!time || *time < time_us_min || *time > time_us_max)
    return "time: is not a time of the years 1 to 9999 in the given unit";
  out.time_us = *time;
  out.dated = true;
  if (!row.equipment || row.equipment->empty() || row.equipment->size() > 64)
    return "equipment: is missing or longer than 64 bytes";
  const auto id = row.can_id ? id_of(*row.can_id) : std::nullopt;
  if (!id)
    return "can_id: is missing or not a number of 32 bits";
  const auto bytes = row.data ? take_hex(*row.data, out.payload) : std::nullopt;
  if (!bytes)
    return "data: is missing, not hex, or longer than 64 bytes";
  const auto name = bus_name_of(row.bus);
  const auto bus = buses.bus_of(name);
  if (!bus)
    return std::string{"bus: "} + can::bus_table::refusal(name);
  const auto fault = header_of(row, *id, *bytes, *bus, out.header);
  return fault.empty() ? "" : "can_id and data: " + fault;
}

std::string row_as_json(const storage::source_row& row) {
  nlohmann::ordered_json out;
  const auto add = [&](const char* name, const storage::cell_text& text) {
    if (text)
      out[name] = std::string{*text};
  };
  add("farm", row.farm);
  add("equipment", row.equipment);
  add("time", row.time);
  add("can_id", row.can_id);
  add("data", row.data);
  add("bus", row.bus);
  add("extended", row.extended);
  return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

} // namespace furrow::cli
