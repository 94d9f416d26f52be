#include "can/logs/candump.hpp"
#include "can/text/put.hpp"
#include "can/text/time.hpp"

namespace furrow::can {

namespace {

char* put_raw_dlc(char* to, frame_header header) {
  if (header.nibble() == 0)
    return to;
  *to++ = '_';
  return text::put_hex(to, header.nibble(), 1);
}

char* put_xl(char* to, frame_header header, const std::uint8_t* payload) {
  to = text::put_hex(to, payload[0], 2);
  to = text::put_hex(to, header.id(), 3);
  *to++ = '#';
  to = text::put_hex(to, payload[1], 2);
  *to++ = ':';
  to = text::put_hex(to, payload[2], 2);
  *to++ = ':';
  for (int i = 6; i >= 3; --i)
    to = text::put_hex(to, payload[i], 2);
  *to++ = '#';
  return text::put_bytes(to, payload + xl_header_bytes, header.payload_bytes() - xl_header_bytes);
}

char* put_frame(char* to, frame_header header, const std::uint8_t* payload) {
  if (header.kind() == frame_kind::xl)
    return put_xl(to, header, payload);
  if (header.error())
    to = text::put_hex(to, header.id() | frame_header::error_flag, 8);
  else
    to = text::put_hex(to, header.id(), header.extended() ? 8 : 3);
  *to++ = '#';
  if (header.kind() == frame_kind::fd) {
    *to++ = '#';
    to = text::put_hex(to, header.nibble(), 1);
    return text::put_bytes(to, payload, header.payload_bytes());
  }
  if (!header.remote())
    return put_raw_dlc(text::put_bytes(to, payload, header.payload_bytes()), header);
  *to++ = 'R';
  if (header.length() == 0)
    return to;
  return put_raw_dlc(text::put_hex(to, header.length(), 1), header);
}

/// Identifier, marks, direction and end of line around the payload.
constexpr std::size_t frame_text_max = 40;
constexpr std::size_t time_text_max = 32;

} // namespace

void append_candump_frame(std::string& out, frame_header header, const std::uint8_t* payload) {
  const auto size = out.size();
  out.resize(size + frame_text_max + 2 * header.payload_bytes());
  const auto* end = put_frame(out.data() + size, header, payload);
  out.resize(static_cast<std::size_t>(end - out.data()));
}

void append_candump(std::string& out, const frame_view& frame, std::string_view interface) {
  const auto size = out.size();
  out.resize(size + time_text_max + interface.size() + frame_text_max
             + 2 * frame.header.payload_bytes());
  auto* to = out.data() + size;
  *to++ = '(';
  auto amount = static_cast<std::uint64_t>(frame.time_us);
  if (frame.time_us < 0) {
    *to++ = '-';
    amount = 0 - amount;
  }
  to = text::put_decimal(to, amount / 1'000'000, 10);
  *to++ = '.';
  to = text::put_decimal(to, amount % 1'000'000, 6);
  *to++ = ')';
  *to++ = ' ';
  to = std::copy(interface.begin(), interface.end(), to);
  *to++ = ' ';
  to = put_frame(to, frame.header, frame.data);
  if (frame.header.direction() != frame_direction::unknown) {
    *to++ = ' ';
    *to++ = frame.header.direction() == frame_direction::sent ? 'T' : 'R';
  }
  *to++ = '\n';
  out.resize(static_cast<std::size_t>(to - out.data()));
}

} // namespace furrow::can
