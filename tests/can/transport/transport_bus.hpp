/// A bus that reassembles its frames, and messages with counting bytes.
#pragma once

#include "can/transport/transport.hpp"
#include "tests/support/frames.hpp"

#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace furrow::tests {

inline constexpr std::int64_t ms = 1000;

/// A bus in a test: each frame comes 1 ms after the last one, unless a time is given. The messages are
/// kept.
struct transport_bus {
  can::reassembler whole;
  std::int64_t now_us = 0;
  std::vector<std::pair<can::assembled_message, std::string>> out;

  explicit transport_bus(can::transport_limits limits = {}) : whole{limits} {}

  bool send(std::string_view frame, std::int64_t after_us = ms, std::uint8_t number = 0) {
    now_us += after_us;
    const quoted_frame one{frame, now_us, number};
    const auto got = whole.feed(one.view());
    if (got)
      out.emplace_back(*got, hex_of(got->data));
    return got.has_value();
  }
};

inline std::string hex_byte(std::size_t value) {
  const auto byte = static_cast<std::uint8_t>(value);
  return hex_of({&byte, 1});
}

/// n bytes 00 01 02 ...
inline std::vector<std::uint8_t> counting(std::size_t n) {
  std::vector<std::uint8_t> out(n);
  std::iota(out.begin(), out.end(), std::uint8_t{0});
  return out;
}

inline std::string hex_counting(std::size_t n) {
  return hex_of(counting(n));
}

/// The TP.DT or ETP.DT frame of packet `packet` (from 0) of a counting message.
inline std::string
packet_of(const std::string& head, std::size_t bytes, std::size_t packet, std::size_t sequence) {
  auto data = hex_counting(bytes).substr(packet * 14, 14);
  data.resize(14, 'F');
  return head + "#" + hex_byte(sequence) + data;
}

/// Frame `packet` of a fast packet of a counting message.
inline std::string
fast_of(const std::string& id, std::size_t bytes, std::size_t packet, std::size_t counter) {
  const auto head = id + "#" + hex_byte(counter << 5U | packet);
  auto data = packet == 0 ? hex_byte(bytes) + hex_counting(bytes).substr(0, 12)
                          : hex_counting(bytes).substr(12 + (packet - 1) * 14, 14);
  data.resize(14, 'F');
  return head + data;
}

} // namespace furrow::tests
