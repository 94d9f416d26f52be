/// Frames for tests: quoted in candump's form (`18FEF100#FF000AFFFFFFFFFF`), and those of a log.
#pragma once

#include "can/frame/frame.hpp"
#include "can/logs/bus_table.hpp"
#include "can/logs/candump.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::tests {

inline std::vector<std::uint8_t> bytes_of(std::string_view hex) {
  std::vector<std::uint8_t> out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out.push_back(
      static_cast<std::uint8_t>(std::stoul(std::string{hex.substr(i, 2)}, nullptr, 16)));
  return out;
}

inline std::string hex_of(std::span<const std::uint8_t> bytes) {
  std::string out;
  for (const auto byte : bytes) {
    out += "0123456789ABCDEF"[byte >> 4U];
    out += "0123456789ABCDEF"[byte & 15U];
  }
  return out;
}

/// A frame that owns its payload; eight hex digits make it extended.
struct quoted_frame {
  std::int64_t time_us = 0;
  can::frame_header header;
  std::vector<std::uint8_t> data;

  explicit quoted_frame(std::string_view text, std::int64_t time = 0, std::uint8_t bus = 0)
    : time_us{time} {
    const auto mark = text.find('#');
    data = bytes_of(text.substr(mark + 1));
    const auto id = std::stoul(std::string{text.substr(0, mark)}, nullptr, 16);
    header = can::pack({.id = static_cast<std::uint32_t>(id),
                        .extended = mark == 8,
                        .bus = bus,
                        .length = static_cast<std::uint16_t>(data.size())});
  }
  [[nodiscard]] can::frame_view view() const { return {time_us, header, data.data()}; }
};

/// Calls `each(frame_view)` for every frame of a candump log, in both of its forms.
template <class F>
void for_each_frame(std::string_view log, F each) {
  can::candump_reader reader{log};
  can::bus_table buses;
  can::log_line line;
  can::log_payload payload;
  while (reader.next(line, payload)) {
    if (line.kind != can::line_kind::frame)
      continue;
    const std::uint64_t bus = buses.bus_of(line.interface).value_or(0);
    each(can::frame_view{line.time_us, {line.header.bits | bus << 32U}, payload.data()});
  }
}

} // namespace furrow::tests
