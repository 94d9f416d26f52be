/// The PGNs of NMEA 2000 that are fast packets. This is a property of the PGN, never of the length of
/// a frame.
///
/// Shape: PGNs below 126208 are never fast. The manufacturers' own PGNs (126720, 130816 .. 131071) are
///   fast packets on an NMEA 2000 bus and single frames on the bus of a tractor, so this table does
///   not decide them.
/// Source: NMEA 2000 as documented by canboat (PGN definitions 8.0.0); John Deere sends 126720 as
///   single frames.
#pragma once

#include <cstdint>

namespace furrow::can {

enum class packet_type : std::uint8_t {
  single = 0,
  fast = 1,
  /// Fast from a marine device, single from a tractor's.
  proprietary = 2,
};

/// No PGN below this one is fast.
inline constexpr std::uint32_t fast_pgn_first = 126208;

[[nodiscard]] packet_type packet_type_of(std::uint32_t pgn);

} // namespace furrow::can
