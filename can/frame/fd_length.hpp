/// Converts between the data length code of CAN FD, 0 to 15, and its length in bytes.
///
/// Source: ISO 11898-1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace furrow::can {

inline constexpr std::array<std::uint8_t, 16> fd_lengths{0, 1,  2,  3,  4,  5,  6,  7,
                                                         8, 12, 16, 20, 24, 32, 48, 64};

/// The code of a length; nothing when no code has this length.
[[nodiscard]] constexpr std::optional<std::uint8_t> fd_code_of(std::size_t bytes) {
  for (std::size_t code = 0; code < fd_lengths.size(); ++code)
    if (fd_lengths[code] == bytes)
      return static_cast<std::uint8_t>(code);
  return std::nullopt;
}

} // namespace furrow::can
