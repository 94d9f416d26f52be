/// Random valid frames of every kind, from a seed, for tests that read back written frames.
#pragma once

#include "can/frame/frame.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>

namespace furrow::tests {

class random_frames {
public:
  explicit random_frames(std::uint64_t seed) : random_{seed} {}

  /// The frame is valid until the next one. As in SocketCAN, an error frame is never marked extended.
  const can::frame_view& next() {
    can::header_parts parts;
    const auto kind = below(20);
    parts.kind = kind == 0  ? can::frame_kind::xl
                 : kind < 6 ? can::frame_kind::fd
                            : can::frame_kind::classic;
    parts.error = parts.kind != can::frame_kind::xl && below(12) == 0;
    parts.extended = parts.kind != can::frame_kind::xl && !parts.error && below(2) == 0;
    parts.id = static_cast<std::uint32_t>(random_())
               & (parts.extended || parts.error ? 0x1FFFFFFFU : 0x7FFU);
    parts.direction = static_cast<can::frame_direction>(below(3));
    set_length(parts);
    header_ = can::pack(parts);
    for (std::size_t i = 0; i < header_.payload_bytes(); ++i)
      data_[i] = static_cast<std::uint8_t>(random_());
    // Any microsecond of this century, sometimes one long before 1970 or far in the future.
    frame_ = {below(50) == 0 ? static_cast<std::int64_t>(random_() % 2'000'000'000'000'000'000U)
                                 - 1'000'000'000'000'000'000
                             : static_cast<std::int64_t>(random_() % 4'102'444'800'000'000U),
              header_, data_.data()};
    if (frame_.time_us / 1'000'000 > 999'999'999'999
        || frame_.time_us / 1'000'000 < -999'999'999'999)
      frame_.time_us %= 1'000'000'000'000'000'000;
    return frame_;
  }

  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

private:
  void set_length(can::header_parts& parts) {
    constexpr std::uint16_t steps[] = {12, 16, 20, 24, 32, 48, 64};
    switch (parts.kind) {
    case can::frame_kind::classic:
      parts.length = static_cast<std::uint16_t>(below(9));
      parts.remote = below(6) == 0;
      if (parts.length == 8 && below(3) == 0)
        parts.nibble = static_cast<std::uint8_t>(9 + below(7));
      break;
    case can::frame_kind::fd:
      parts.length = below(2) == 0 ? static_cast<std::uint16_t>(below(9)) : steps[below(7)];
      parts.nibble = static_cast<std::uint8_t>(below(16));
      break;
    case can::frame_kind::xl:
      parts.length = static_cast<std::uint16_t>(can::xl_header_bytes + 1 + below(2048));
      break;
    }
  }

  std::mt19937_64 random_;
  can::frame_header header_;
  std::array<std::uint8_t, can::xl_bytes_max> data_{};
  can::frame_view frame_;
};

} // namespace furrow::tests
