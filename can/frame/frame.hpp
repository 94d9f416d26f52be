/// One CAN frame: its time, its payload, and a 64-bit header with everything else.
///
/// Shape: a block, the wire and the database store this header (`bigint`, never negative):
///   bits  0-28  identifier: 11 bits, 29 bits when extended, 11-bit priority for XL
///   bits 29-31  error, remote, extended: the same bits as in SocketCAN
///   bits 32-39  bus: index into the stream's table of interface names
///   bits 40-51  length in bytes of the payload (of a remote frame: the length asked for; its payload is empty)
///   bits 52-55  classic: raw DLC 9..15 of a frame of eight bytes, else 0; FD: the flags nibble (1 BRS, 2 ESI, 4 FDF)
///   bits 56-57  kind: 0 classic, 1 FD, 2 XL
///   bits 58-59  direction: 0 unknown, 1 received, 2 sent
///   bits 60-63  zero
/// Units: time in microseconds since 1970-01-01T00:00:00Z.
/// Limits: payload 8 bytes classic, 64 FD, 2,055 XL (seven bytes of XL header before at most 2,048 of data).
/// Source: linux/can.h; can-utils candump; ISO 11898-1; CiA 610-1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace furrow::can {

enum class frame_kind : std::uint8_t { classic = 0, fd = 1, xl = 2 };
enum class frame_direction : std::uint8_t { unknown = 0, received = 1, sent = 2 };

/// Why a header is invalid; `none` when it is valid.
enum class frame_fault : std::uint8_t {
  none = 0,
  length = 1,
  identifier = 2,
  reserved_bits = 3,
  raw_dlc = 4,
  kind = 5
};
[[nodiscard]] const char* to_string(frame_fault fault);

inline constexpr std::size_t classic_bytes_max = 8;
inline constexpr std::size_t fd_bytes_max = 64;
/// vcid, flags, sdt (one byte each) and af (four bytes, little-endian) precede the data of an XL frame.
inline constexpr std::size_t xl_header_bytes = 7;
inline constexpr std::size_t xl_bytes_max = xl_header_bytes + 2048;

struct frame_header {
  std::uint64_t bits = 0;

  static constexpr std::uint32_t error_flag = 0x20000000;
  static constexpr std::uint32_t remote_flag = 0x40000000;
  static constexpr std::uint32_t extended_flag = 0x80000000;

  [[nodiscard]] constexpr std::uint32_t id() const {
    return static_cast<std::uint32_t>(bits & 0x1FFFFFFF);
  }
  /// The identifier with the three flag bits of SocketCAN.
  [[nodiscard]] constexpr std::uint32_t socketcan_id() const {
    return static_cast<std::uint32_t>(bits);
  }
  [[nodiscard]] constexpr bool error() const { return (bits & error_flag) != 0; }
  [[nodiscard]] constexpr bool remote() const { return (bits & remote_flag) != 0; }
  [[nodiscard]] constexpr bool extended() const { return (bits & extended_flag) != 0; }
  [[nodiscard]] constexpr std::uint8_t bus() const { return static_cast<std::uint8_t>(bits >> 32); }
  [[nodiscard]] constexpr std::uint16_t length() const {
    return static_cast<std::uint16_t>(bits >> 40 & 0xFFF);
  }
  /// Raw DLC of a classic frame, flags nibble of an FD frame.
  [[nodiscard]] constexpr std::uint8_t nibble() const {
    return static_cast<std::uint8_t>(bits >> 52 & 0xF);
  }
  [[nodiscard]] constexpr frame_kind kind() const {
    return static_cast<frame_kind>(bits >> 56 & 3);
  }
  [[nodiscard]] constexpr frame_direction direction() const {
    return static_cast<frame_direction>(bits >> 58 & 3);
  }
  /// Bytes of payload: 0 for a remote frame, whatever its length.
  [[nodiscard]] constexpr std::size_t payload_bytes() const { return remote() ? 0 : length(); }

  friend constexpr bool operator==(frame_header, frame_header) = default;
};

/// The parts of a header by name. `pack` does not check them; `fault_of` does.
struct header_parts {
  std::uint32_t id = 0;
  bool extended = false;
  bool remote = false;
  bool error = false;
  std::uint8_t bus = 0;
  std::uint16_t length = 0;
  std::uint8_t nibble = 0;
  frame_kind kind = frame_kind::classic;
  frame_direction direction = frame_direction::unknown;
};

[[nodiscard]] constexpr frame_header pack(const header_parts& parts) {
  const std::uint64_t flags = (parts.extended ? frame_header::extended_flag : 0U)
                              | (parts.remote ? frame_header::remote_flag : 0U)
                              | (parts.error ? frame_header::error_flag : 0U);
  return {(parts.id & 0x1FFFFFFFU) | flags | std::uint64_t{parts.bus} << 32
          | std::uint64_t{parts.length & 0xFFFU} << 40 | std::uint64_t{parts.nibble & 0xFU} << 52
          | std::uint64_t{static_cast<std::uint8_t>(parts.kind)} << 56
          | std::uint64_t{static_cast<std::uint8_t>(parts.direction)} << 58};
}

/// Checks a header that came from outside.
[[nodiscard]] frame_fault fault_of(frame_header header);

/// A view of one frame; the maker of the view owns the payload.
struct frame_view {
  std::int64_t time_us = 0;
  frame_header header;
  const std::uint8_t* data = nullptr;

  [[nodiscard]] std::span<const std::uint8_t> payload() const {
    return {data, header.payload_bytes()};
  }
};

} // namespace furrow::can
