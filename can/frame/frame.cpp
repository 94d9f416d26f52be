#include "can/frame/frame.hpp"

namespace furrow::can {

const char* to_string(frame_fault fault) {
  switch (fault) {
  case frame_fault::none:
    return "no fault";
  case frame_fault::length:
    return "length is invalid for this kind of frame";
  case frame_fault::identifier:
    return "identifier of more than 11 bits in a frame that is not extended";
  case frame_fault::reserved_bits:
    return "reserved header bits are set";
  case frame_fault::raw_dlc:
    return "raw DLC is not 9 to 15, or the frame is not a classic frame of eight bytes";
  case frame_fault::kind:
    return "unknown kind of frame, or a flag that this kind cannot have";
  }
  return "unknown fault";
}

namespace {

bool fd_length(std::size_t length) {
  // ISO 11898-1: above eight bytes an FD frame grows in steps.
  return length <= 8 || length == 12 || length == 16 || length == 20 || length == 24 || length == 32
         || length == 48 || length == 64;
}

} // namespace

frame_fault fault_of(frame_header header) {
  if (header.bits >> 60 != 0 || static_cast<std::uint8_t>(header.direction()) > 2)
    return frame_fault::reserved_bits;
  if (!header.extended() && !header.error() && header.id() > 0x7FF)
    return frame_fault::identifier;
  switch (header.kind()) {
  case frame_kind::classic:
    if (header.length() > classic_bytes_max)
      return frame_fault::length;
    if (header.nibble() != 0 && (header.length() != 8 || header.nibble() < 9))
      return frame_fault::raw_dlc;
    return frame_fault::none;
  case frame_kind::fd:
    if (header.remote())
      return frame_fault::kind;
    return fd_length(header.length()) ? frame_fault::none : frame_fault::length;
  case frame_kind::xl:
    if (header.remote() || header.error() || header.extended() || header.nibble() != 0)
      return frame_fault::kind;
    return header.length() > xl_header_bytes && header.length() <= xl_bytes_max
             ? frame_fault::none
             : frame_fault::length;
  }
  return frame_fault::kind;
}

} // namespace furrow::can
