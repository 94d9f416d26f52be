#include "can/frame/identifier.hpp"
#include "can/frame/name.hpp"
#include "can/transport/fast_packet.hpp"
#include "can/transport/transport.hpp"

#include <algorithm>
#include <cstring>

namespace furrow::can {

namespace {

// A fast packet of 32 frames takes some 20 ms of the bus; its counter comes round after eight
// messages.
constexpr std::int64_t fast_burst_us = 250'000;

constexpr auto packet_bytes = reassembler::packet_bytes;
constexpr std::uint32_t fast_first_bytes = 6;
constexpr std::uint32_t industry_group_marine = 4;

/// Six bytes in the first packet, seven in each other; a length of 0 is no message.
std::uint32_t packets_of_fast(std::uint32_t bytes) {
  return bytes == 0 ? 0 : 1 + bytes / packet_bytes;
}

/// Where the bytes of one packet of a fast packet stand, in the message and in the frame.
struct fast_part {
  std::uint32_t first = 0;
  std::uint32_t bytes = 0; // 0: beyond the message
  std::uint32_t skip = 0;
};

fast_part fast_part_of(const transport_session& session, std::uint32_t packet) {
  const auto first = packet == 0 ? 0 : fast_first_bytes + (packet - 1) * packet_bytes;
  const auto room = packet == 0 ? fast_first_bytes : packet_bytes;
  const auto skip = packet == 0 ? 2U : 1U;
  if (session.packets == 0) // the first packet is not there yet: as much as there can be
    return {first, room, skip};
  return {first, first < session.bytes ? std::min(room, session.bytes - first) : 0, skip};
}

/// Whether what was held when the first packet comes is of an older message that had lost its own
/// first packet: everything else is there already, and has been for longer than one message takes.
bool is_leftover(const transport_session& session, const frame_view& first) {
  const auto packets = packets_of_fast(first.data[1]);
  for (std::uint32_t packet = 1; packet < packets; ++packet)
    if (!session.window.has(packet))
      return false;
  return first.time_us < session.last_us || first.time_us - session.last_us > fast_burst_us;
}

/// Whether a frame brings again what the session has, to the byte.
bool is_repeated(const transport_session& session, std::span<const std::uint8_t> data) {
  const std::uint32_t packet = data[0] & 31U;
  const auto part = fast_part_of(session, packet);
  return (packet != 0 || data[1] == session.bytes) && data.size() >= part.skip + part.bytes
         && std::memcmp(session.data.data() + part.first, data.data() + part.skip, part.bytes) == 0;
}

} // namespace

bool reassembler::is_fast(const carrier& from) const {
  const auto type = packet_type_of(from.pgn);
  if (type != packet_type::proprietary)
    return type == packet_type::fast;
  const auto bus = from.frame.header.bus();
  const auto at = std::find_if(claimed_.begin(), claimed_.end(),
                               [&](const auto& one) { return one.first == bus; });
  const auto claimed =
    at == claimed_.end() ? 0U : at->second[from.source / 4U] >> (from.source % 4U * 2U) & 3U;
  if (claimed != 0)
    return claimed == 2;
  return (vehicle_buses_[bus / 64U] >> (bus % 64U) & 1U) == 0;
}

void reassembler::note_claim(const carrier& from) {
  const auto name = parse_name(from.data);
  if (!name || from.source >= address_null)
    return;
  const auto bus = from.frame.header.bus();
  auto at = std::find_if(claimed_.begin(), claimed_.end(),
                         [&](const auto& one) { return one.first == bus; });
  if (at == claimed_.end())
    at = claimed_.insert(claimed_.end(), {bus, {}});
  auto& byte = at->second[from.source / 4U];
  const auto shift = from.source % 4U * 2U;
  const auto group = name->industry_group() == industry_group_marine ? 2U : 1U;
  byte = static_cast<std::uint8_t>((byte & ~(3U << shift)) | group << shift);
}

reassembler::message reassembler::fast_packet(const carrier& from) {
  const auto now_us = from.frame.time_us;
  sessions_.expire(now_us);
  if (from.data.size() < 2 || from.source >= address_null) {
    ++counts_.malformed;
    return std::nullopt;
  }
  const std::uint32_t packet = from.data[0] & 31U;
  const std::uint32_t counter = from.data[0] >> 5U;
  const auto key = key_of(transport_kind::fast, from.frame.header.bus(), from.source,
                          from.destination, from.pgn << 3U | counter);
  auto* session = sessions_.find(key, now_us);
  if (session != nullptr && session->window.has(packet)) {
    if (is_repeated(*session, from.data)) {
      ++counts_.repeated;
      return std::nullopt;
    }
    supersede(key, now_us); // the counter came round, and the former message lacks packets
    session = nullptr;
  }
  if (session != nullptr && packet == 0 && is_leftover(*session, from.frame)) {
    supersede(key, now_us);
    session = nullptr;
  }
  if (session == nullptr) {
    session = open_fast(key, from);
    if (session == nullptr)
      return std::nullopt;
  }
  sessions_.touch(*session, now_us);
  if (packet == 0 && from.data[1] <= fast_bytes_max) {
    session->bytes = from.data[1];
    session->packets = packets_of_fast(session->bytes);
  }
  const auto part = fast_part_of(*session, packet);
  if ((packet == 0 && session->packets == 0) || part.bytes == 0
      || from.data.size() < part.skip + part.bytes) {
    ++counts_.malformed;
    sessions_.close(*session);
    return std::nullopt;
  }
  std::memcpy(session->data.data() + part.first, from.data.data() + part.skip, part.bytes);
  session->window.mark(packet);
  if (session->packets == 0 || session->window.contiguous() < session->packets)
    return std::nullopt;
  return deliver(from, transport_kind::fast, *session);
}

transport_session* reassembler::open_fast(std::uint64_t key, const carrier& from) {
  auto* session = sessions_.open(key, from.frame.time_us, t1_us);
  if (session != nullptr && !sessions_.grow(*session, fast_bytes_max, from.frame.time_us)) {
    sessions_.close(*session);
    session = nullptr;
  }
  if (session == nullptr)
    ++counts_.refused;
  else
    session->pgn = from.pgn;
  return session;
}

} // namespace furrow::can
