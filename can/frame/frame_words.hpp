/// The words for a frame's kind and direction in texts that programs read: JSON lines, CSV, exports.
///
/// Shape: a direction that is not known has no word: the text is empty.
/// Threads: plain values.
#pragma once

#include "can/frame/frame.hpp"

#include <string_view>

namespace furrow::can {

[[nodiscard]] constexpr std::string_view word_of(frame_kind kind) {
  switch (kind) {
  case frame_kind::classic:
    return "classic";
  case frame_kind::fd:
    return "fd";
  case frame_kind::xl:
    return "xl";
  }
  return "unknown"; // the two bits of a header can hold a fourth value
}

[[nodiscard]] constexpr std::string_view word_of(frame_direction direction) {
  switch (direction) {
  case frame_direction::received:
    return "received";
  case frame_direction::sent:
    return "sent";
  case frame_direction::unknown:
    break;
  }
  return {};
}

} // namespace furrow::can
