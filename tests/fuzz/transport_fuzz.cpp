// Frames from any bytes, for a monitor with little memory: it stays within its limits, and every
// returned message can be read to its end.
//
// Input: two bytes of limits, then 13 bytes a frame: kind, source, destination, milliseconds since the
// last frame (signed, two bytes), payload.
#include "can/live/machine_monitor.hpp"
#include "tests/fuzz/fuzz_target.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace furrow::can {

namespace {

constexpr std::size_t frame_bytes = 13;

std::uint32_t id_of(const std::uint8_t* bytes) {
  // Carriers, claims, faults, process data; and a few that share their bits.
  constexpr std::array<std::uint32_t, 16> pgns{0xEC00,  0xEB00,  0xC800,  0xC700,  0x1F805, 0x1EF00,
                                               0xEE00,  0xCB00,  0xFECA,  0x1F801, 0x1FF00, 0xF004,
                                               0x1ED00, 0x1FD0A, 0x3FFFF, 0xFED8};
  const auto pgn = pgns[bytes[0] % pgns.size()];
  const bool to_one = (pgn >> 8U & 0xFFU) < 240;
  return 6U << 26U | (pgn | (to_one ? bytes[2] : 0U)) << 8U | bytes[1];
}

} // namespace

FUZZ_TARGET(transport) {
  if (size < 2)
    return 0;
  const transport_limits limits{.sessions_max = 1 + data[0] % 32U,
                                .memory_bytes_max = std::size_t{data[1]} * 32U};
  machine_monitor machine{limits};
  reassembler whole{limits};
  std::int64_t now_us = 0;
  std::uint64_t sum = 0;
  for (std::size_t at = 2; at + frame_bytes <= size; at += frame_bytes) {
    const auto* bytes = data + at;
    now_us += std::int64_t{1000} * static_cast<std::int16_t>(bytes[3] | bytes[4] << 8U);
    const std::uint16_t length = bytes[0] < 0xF0 ? 8 : bytes[0] & 7U;
    const frame_view frame{now_us,
                           pack({.id = id_of(bytes),
                                 .extended = true,
                                 .bus = bytes[0] >= 0xE0 ? std::uint8_t{1} : std::uint8_t{0},
                                 .length = length}),
                           bytes + 5};
    machine.update(frame);
    if (const auto message = whole.feed(frame)) {
      hold(message->data.size() <= std::max<std::size_t>(8, limits.memory_bytes_max));
      for (const auto byte : message->data)
        sum += byte;
    }
    hold(whole.sessions() <= limits.sessions_max);
    hold(whole.buffer_bytes() <= limits.memory_bytes_max);
    hold(machine.transport().sessions() <= limits.sessions_max);
    hold(machine.transport().buffer_bytes() <= limits.memory_bytes_max);
    hold(machine.faults().faults().size() <= fault_table::faults_max);
    hold(machine.ecus().ecus().size() <= address_table::ecus_max);
  }
  for (const auto& one : machine.process_values())
    if (const auto shown = machine.present(one))
      sum += shown->name.size();
  for (const auto& one : machine.report().implements)
    sum += one.values.size();
  for (const auto& span : machine.ecus().spans())
    hold(machine.ecus().name_of(span.bus, span.address).has_value()
         || span.until_us != address_table::lasting);
  return sum == ~std::uint64_t{0} ? 1 : 0;
}

} // namespace furrow::can
