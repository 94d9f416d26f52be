#include "can/frame/identifier.hpp"
#include "can/frame/name.hpp"
#include "can/transport/fast_packet.hpp"
#include "can/transport/transport.hpp"

#include <algorithm>
#include <cstring>

namespace furrow::can {

namespace {

constexpr auto packet_bytes = reassembler::packet_bytes;
constexpr std::uint32_t fast_first_bytes = 6;
constexpr std::uint32_t industry_group_marine = 4;
/// A gateway that reorders frames does so within this time. Senders have reused a counter after 9 ms.
constexpr std::int64_t overtaken_us = 5'000;

/// The position of the bytes of one packet, in the message and in the frame.
struct fast_part {
  std::uint32_t first = 0;
  std::uint32_t bytes = 0; // 0: beyond the message
  std::uint32_t skip = 0;
};

std::uint32_t first_byte_of(std::uint32_t packet) {
  return packet == 0 ? 0 : fast_first_bytes + (packet - 1) * packet_bytes;
}

fast_part fast_part_of(const transport_session& session, std::uint32_t packet) {
  const auto first = first_byte_of(packet);
  const auto room = packet == 0 ? fast_first_bytes : packet_bytes;
  const auto skip = packet == 0 ? 2U : 1U;
  return {first, first < session.bytes ? std::min(room, session.bytes - first) : 0, skip};
}

/// Whether a frame is identical to the last one: bridges repeat frames.
bool is_doubled_part(const transport_session& session,
                     std::uint32_t packet,
                     const fast_part& part,
                     std::span<const std::uint8_t> data) {
  return packet + 1 == session.packet_next && data.size() >= part.skip + part.bytes
         && std::memcmp(session.data.data() + part.first, data.data() + part.skip, part.bytes) == 0;
}

/// Whether a session holds one early frame of the message that begins now. A frame that would complete
/// the message is a leftover of an older one.
bool is_early(const transport_session& session, std::uint32_t packets, std::int64_t now_us) {
  return session.packets == 0 && packets > 2 && session.packet_next <= packets
         && now_us >= session.last_us && now_us - session.last_us <= overtaken_us;
}

} // namespace

std::uint16_t reassembler::claim_of(const carrier& from) const {
  const auto bus = from.frame.header.bus();
  const auto at = std::find_if(claimed_.begin(), claimed_.end(),
                               [&](const auto& one) { return one.first == bus; });
  return at == claimed_.end() ? std::uint16_t{0} : at->second[from.source];
}

bool reassembler::is_fast(const carrier& from) const {
  const auto type = packet_type_of(from.pgn);
  if (type != packet_type::proprietary)
    return type == packet_type::fast;
  const auto claim = claim_of(from);
  if (claim != 0)
    return (claim & claim_note::marine) != 0;
  const auto bus = from.frame.header.bus();
  return (vehicle_buses_[bus / 64U] >> (bus % 64U) & 1U) == 0;
}

/// Whether a frame of a maker's own PGN begins as a whole message does: maker's code 11 bits, reserved 2, industry
/// group 3. A code whose low five bits are zero looks like packet 0 of 152 bytes or more. In packet 0 of a fast packet
/// the message begins at byte 2, with the same head.
bool reassembler::is_whole_marine(const carrier& from) const {
  constexpr auto wanted = claim_note::marine | claim_note::maker_known;
  constexpr std::uint32_t reserved = 3U << 11U;
  constexpr std::size_t message_in_packet_0 = 2;
  const auto claim = claim_of(from);
  if ((claim & wanted) != wanted || packet_type_of(from.pgn) != packet_type::proprietary)
    return false;
  const std::uint32_t head = (claim & claim_note::maker) | industry_group_marine << 13U;
  const auto begins_at = [&](std::size_t at) {
    return from.data.size() >= at + 2
           && ((from.data[at] | from.data[at + 1] << 8U) & ~reserved) == head;
  };
  return begins_at(0) && ((from.data[0] & 31U) != 0 || !begins_at(message_in_packet_0));
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
  const bool marine = name->industry_group() == industry_group_marine;
  at->second[from.source] = static_cast<std::uint16_t>(
    claim_note::named | (marine ? claim_note::marine : 0) | claim_note::maker_known
    | (name->manufacturer() & claim_note::maker));
}

reassembler::message reassembler::fast_packet(const carrier& from) {
  const auto now_us = from.frame.time_us;
  sessions_.expire(now_us);
  if (from.data.size() < 2 || from.source >= address_null) {
    ++counts_.malformed;
    return std::nullopt;
  }
  const std::uint32_t packet = from.data[0] & 31U;
  if (packet == 0 && is_whole_marine(from))
    return single(from);
  const std::uint32_t counter = from.data[0] >> 5U;
  const auto key = key_of(transport_kind::fast, from.frame.header.bus(), from.source,
                          from.destination, from.pgn << 3U | counter);
  auto* session = packet == 0 ? begin_fast(key, from) : sessions_.find(key, now_us);
  if (session == nullptr || session->packets == 0) {
    if (packet != 0 && is_whole_marine(from)) // packet 0 has been asked
      return single(from);
    counts_.stray += packet == 0 ? 0 : 1;
    if (session != nullptr)
      sessions_.close(*session);
    return std::nullopt;
  }
  const auto part = fast_part_of(*session, packet);
  if (session->window.has(packet)) {
    if (is_doubled_part(*session, packet, part, from.data)) {
      ++counts_.repeated;
    } else { // the counter is reused, and the former message is incomplete
      ++counts_.out_of_sequence;
      sessions_.close(*session);
      keep_early(key, from, packet);
    }
    return std::nullopt;
  }
  const bool fits = part.bytes != 0 && from.data.size() >= part.skip + part.bytes;
  if (!fits && is_whole_marine(from))
    return single(from);
  sessions_.touch(*session, now_us);
  if (!fits) {
    ++counts_.malformed;
    sessions_.close(*session);
    return std::nullopt;
  }
  std::memcpy(session->data.data() + part.first, from.data.data() + part.skip, part.bytes);
  session->window.mark(packet);
  session->packet_next = packet + 1;
  if (session->window.contiguous() < session->packets)
    return std::nullopt;
  return deliver(from, transport_kind::fast, *session);
}

/// A first frame begins a message. An unfinished message with the same counter is lost.
transport_session* reassembler::begin_fast(std::uint64_t key, const carrier& from) {
  const auto now_us = from.frame.time_us;
  const std::uint32_t bytes = from.data[1];
  const bool possible = bytes != 0 && bytes <= fast_bytes_max;
  const auto packets = 1 + bytes / packet_bytes; // six bytes in the first, seven in each other
  auto* session = sessions_.find(key, now_us);
  if (session == nullptr || !possible || !is_early(*session, packets, now_us)) {
    if (session != nullptr && session->packets == 0)
      sessions_.close(*session);
    else
      supersede(key, now_us);
    counts_.malformed += possible ? 0 : 1;
    session = possible ? open_fast(key, from) : nullptr;
  }
  if (session != nullptr) {
    session->bytes = bytes;
    session->packets = packets;
  }
  return session;
}

/// Keeps a frame that the former message has already. The frame belongs to the next message, whose
/// first frame may come later.
void reassembler::keep_early(std::uint64_t key, const carrier& from, std::uint32_t packet) {
  constexpr std::size_t whole_frame = 8;
  if (from.data.size() != whole_frame)
    return;
  auto* session = open_fast(key, from);
  if (session == nullptr)
    return;
  std::memcpy(session->data.data() + first_byte_of(packet), from.data.data() + 1, packet_bytes);
  session->window.mark(packet);
  session->packet_next = packet + 1;
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
