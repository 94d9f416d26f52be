/// The parts of a 29-bit identifier under J1939, ISO 11783 and NMEA 2000: priority, PGN, source, destination.
///
/// Shape: priority (3 bits), EDP, DP, PDU format (8), PDU specific (8), source (8). PDU1 (format below 240) has a
///   destination in PDU specific, and its PGN ends in a zero byte. PDU2 is for everyone, and PDU specific is part of
///   its PGN. A PGN has 18 bits.
/// Errors: none: every 29-bit number has these parts. The identifier does not tell whether a frame is J1939.
/// Source: SAE J1939-21, ISO 11783-3.
#pragma once

#include <cstdint>

namespace furrow::can {

/// Destination address for everyone.
inline constexpr std::uint8_t address_global = 255;
/// Source of an ECU that has no address ("cannot claim").
inline constexpr std::uint8_t address_null = 254;

inline constexpr std::uint32_t pgn_max = 0x3FFFF;

// Messages of more than eight bytes (J1939-21, ISO 11783-3).
inline constexpr std::uint32_t pgn_tp_control = 60416;
inline constexpr std::uint32_t pgn_tp_data = 60160;
inline constexpr std::uint32_t pgn_etp_control = 51200;
inline constexpr std::uint32_t pgn_etp_data = 50944;

inline constexpr std::uint32_t pgn_gnss_position = 129029; // NMEA 2000; a fast packet

struct j1939_id {
  std::uint8_t priority = 6; // 0 highest, 7 lowest
  std::uint32_t pgn = 0;
  std::uint8_t source = address_null;
  std::uint8_t destination = address_global;

  friend constexpr bool operator==(const j1939_id&, const j1939_id&) = default;
};

/// Whether messages of this PGN are sent to one destination.
[[nodiscard]] constexpr bool is_pdu1(std::uint32_t pgn) {
  return (pgn >> 8U & 0xFFU) < 240;
}

[[nodiscard]] constexpr std::uint32_t pgn_of(std::uint32_t id) {
  const auto pgn = id >> 8U & pgn_max;
  return is_pdu1(pgn) ? pgn & 0x3FF00U : pgn;
}

[[nodiscard]] constexpr std::uint8_t source_of(std::uint32_t id) {
  return static_cast<std::uint8_t>(id);
}

[[nodiscard]] constexpr std::uint8_t destination_of(std::uint32_t id) {
  return is_pdu1(id >> 8U & pgn_max) ? static_cast<std::uint8_t>(id >> 8U) : address_global;
}

[[nodiscard]] constexpr std::uint8_t priority_of(std::uint32_t id) {
  return static_cast<std::uint8_t>(id >> 26U & 7U);
}

/// The parts of a 29-bit identifier; higher bits are ignored.
[[nodiscard]] constexpr j1939_id parse_j1939(std::uint32_t id) {
  return {priority_of(id), pgn_of(id), source_of(id), destination_of(id)};
}

/// The identifier with these parts. For a PDU1 PGN the destination replaces the low byte; for PDU2 the destination is
/// ignored. Bits beyond the width of a part are ignored.
[[nodiscard]] constexpr std::uint32_t build_j1939(const j1939_id& parts) {
  const auto pgn = parts.pgn & pgn_max;
  const auto specific = is_pdu1(pgn) ? (pgn & 0x3FF00U) | parts.destination : pgn;
  return (parts.priority & 7U) << 26U | specific << 8U | parts.source;
}

} // namespace furrow::can
