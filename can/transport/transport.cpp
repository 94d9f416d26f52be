#include "can/transport/transport.hpp"

#include "can/frame/identifier.hpp"
#include "can/frame/name.hpp"
#include "can/transport/fast_packet.hpp"

#include <algorithm>
#include <cstring>

namespace furrow::can {

namespace {

// First byte of TP.CM and ETP.CM.
constexpr std::uint8_t tp_rts = 16;
constexpr std::uint8_t tp_cts = 17;
constexpr std::uint8_t tp_end = 19;
constexpr std::uint8_t tp_bam = 32;
constexpr std::uint8_t etp_rts = 20;
constexpr std::uint8_t etp_cts = 21;
constexpr std::uint8_t etp_offset = 22;
constexpr std::uint8_t etp_end = 23;
constexpr std::uint8_t any_abort = 255;

constexpr std::int64_t t2_us =
  1'250'000; // T2 and T3: between a permission to send and data, data and permission

/// The memory of a message larger than this is freed at the next frame, not kept for the next message.
constexpr std::size_t given_bytes_kept = 4096;

std::uint32_t little(std::span<const std::uint8_t> data, std::size_t first, std::size_t bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i)
    value |= std::uint32_t{data[first + i]} << (8 * i);
  return value;
}

std::uint32_t packets_of(std::uint32_t bytes) {
  constexpr auto each = reassembler::packet_bytes;
  return bytes / each + (bytes % each != 0 ? 1 : 0);
}

/// Whether a packet is identical to the last one: bridges repeat frames.
bool is_doubled(const transport_session& session,
                std::uint32_t packet,
                std::span<const std::uint8_t> data) {
  if (packet + 1 != session.packet_next || packet >= session.packets || !session.window.has(packet))
    return false;
  const auto first = packet * reassembler::packet_bytes;
  const auto bytes = std::min(reassembler::packet_bytes, session.bytes - first);
  return data.size() > bytes
         && std::memcmp(session.data.data() + first, data.data() + 1, bytes) == 0;
}

} // namespace

std::uint64_t reassembler::key_of(transport_kind kind,
                                  std::uint8_t bus,
                                  std::uint8_t source,
                                  std::uint8_t destination,
                                  std::uint32_t extra) {
  return std::uint64_t{extra} << 32U | std::uint64_t{static_cast<std::uint8_t>(kind)} << 24U
         | std::uint32_t{bus} << 16U | std::uint32_t{source} << 8U | destination;
}

const char* to_string(transport_kind kind) {
  switch (kind) {
  case transport_kind::single:
    return "single";
  case transport_kind::bam:
    return "bam";
  case transport_kind::rts:
    return "rts";
  case transport_kind::etp:
    return "etp";
  case transport_kind::fast:
    return "fast";
  }
  return "unknown";
}

std::optional<assembled_message> reassembler::feed(const frame_view& frame) {
  if (given_.capacity() > given_bytes_kept)
    std::vector<std::uint8_t>{}.swap(given_);
  const auto header = frame.header;
  if (!header.extended() || header.error() || header.remote()
      || header.kind() != frame_kind::classic)
    return std::nullopt;
  const auto id = header.id();
  const carrier from{frame, pgn_of(id), source_of(id), destination_of(id), frame.payload()};
  switch (from.pgn) {
  case pgn_tp_control:
    return tp_control(from);
  case pgn_tp_data:
    return tp_data(from);
  case pgn_etp_control:
    return etp_control(from);
  case pgn_etp_data:
    return etp_data(from);
  case pgn_address_claimed:
    note_claim(from);
    break;
  default:
    if (from.pgn >> 8U == 0xF0)
      vehicle_buses_[header.bus() / 64] |= std::uint64_t{1} << (header.bus() % 64);
    if (from.pgn >= fast_pgn_first && is_fast(from))
      return fast_packet(from);
  }
  return single(from);
}

reassembler::message reassembler::single(const carrier& from) {
  ++counts_.messages[0];
  const auto& header = from.frame.header;
  return assembled_message{from.frame.time_us, header.bus(),     priority_of(header.id()),
                           from.source,        from.destination, transport_kind::single,
                           from.pgn,           from.data};
}

transport_counters reassembler::counts() const {
  auto all = counts_;
  all.timed_out = sessions_.timed_out();
  all.evicted = sessions_.evicted();
  return all;
}

void reassembler::save(state_writer& out) const {
  for (const auto word : vehicle_buses_)
    out.number(word);
  out.number(static_cast<std::uint32_t>(claimed_.size()));
  for (const auto& [bus, sources] : claimed_) {
    out.number(bus);
    out.bytes({reinterpret_cast<const std::uint8_t*>(sources.data()), sizeof sources});
  }
  sessions_.save(out);
}

void reassembler::restore(state_reader& from) {
  for (auto& word : vehicle_buses_)
    word = from.number<std::uint64_t>();
  const auto buses = from.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < buses && !from.failed(); ++i) {
    auto& [bus, sources] = claimed_.emplace_back();
    bus = from.number<std::uint8_t>();
    const auto held = from.bytes();
    if (held.size() == sizeof sources)
      std::memcpy(sources.data(), held.data(), sizeof sources);
    else if (held.size() == sources.size() / 4) // the former layout: two bits, no maker
      for (std::size_t source = 0; source < sources.size(); ++source) {
        const auto group = held[source / 4] >> (source % 4 * 2) & 3U;
        const unsigned marine = group == 2 ? unsigned{claim_note::marine} : 0U;
        sources[source] = static_cast<std::uint16_t>(group == 0 ? 0U : claim_note::named | marine);
      }
    else
      return from.fail();
  }
  sessions_.restore(from);
}

// --- shared by TP and ETP

/// A sender that begins a new session has dropped its unfinished one.
void reassembler::supersede(std::uint64_t key, std::int64_t now_us) {
  auto* old = sessions_.find(key, now_us);
  if (old == nullptr)
    return;
  if (!old->delivered)
    ++counts_.superseded;
  sessions_.close(*old);
}

void reassembler::announce(const carrier& from,
                           transport_kind kind,
                           std::uint32_t bytes,
                           std::uint32_t bytes_max) {
  const bool to_all = kind == transport_kind::bam;
  if (bytes == 0 || bytes > bytes_max || from.source >= address_null
      || to_all != (from.destination == address_global)) {
    ++counts_.malformed;
    return;
  }
  const auto now_us = from.frame.time_us;
  const auto key = key_of(kind, from.frame.header.bus(), from.source, from.destination);
  supersede(key, now_us);
  const auto pgn = little(from.data, 5, 3);
  if (wanted_ != nullptr && !wanted_(pgn)) {
    ++counts_.unwanted;
    return;
  }
  auto* session = bytes > sessions_.limits().memory_bytes_max
                    ? nullptr
                    : sessions_.open(key, now_us, to_all ? t1_us : t2_us);
  if (session == nullptr) {
    ++counts_.refused;
    return;
  }
  session->pgn = pgn;
  session->bytes = bytes;
  session->packets = packets_of(bytes);
}

/// The receiver permits packets, or asks to wait (0 packets). Both keep the connection alive. In ETP
/// the sender announces the next packets with a data packet offset.
void reassembler::clear_to_send(const carrier& from, transport_kind kind) {
  const auto key = key_of(kind, from.frame.header.bus(), from.destination, from.source);
  auto* session = sessions_.find(key, from.frame.time_us);
  if (session == nullptr || session->pgn != little(from.data, 5, 3))
    return;
  sessions_.touch(*session, from.frame.time_us);
  if (kind == transport_kind::rts && from.data[1] != 0 && from.data[2] != 0)
    session->packet_next = from.data[2] - 1U;
}

void reassembler::acknowledge(const carrier& from, transport_kind kind) {
  const auto key = key_of(kind, from.frame.header.bus(), from.destination, from.source);
  auto* session = sessions_.find(key, from.frame.time_us);
  if (session == nullptr || session->pgn != little(from.data, 5, 3))
    return;
  if (!session->delivered)
    ++counts_.missed;
  sessions_.close(*session);
}

/// Sender or receiver may abort the session of this PGN, so both directions are checked.
void reassembler::abort(const carrier& from, transport_kind kind) {
  const auto bus = from.frame.header.bus();
  for (const auto key : {key_of(kind, bus, from.source, from.destination),
                         key_of(kind, bus, from.destination, from.source)}) {
    auto* session = sessions_.find(key, from.frame.time_us);
    if (session == nullptr || session->pgn != little(from.data, 5, 3))
      continue;
    if (!session->delivered)
      ++counts_.aborted;
    sessions_.close(*session);
  }
}

/// A packet that is not the next one: the announcement of another message was lost, or a packet was
/// lost. In a broadcast the receiver cannot ask again.
void reassembler::break_off(transport_kind kind, transport_session& session) {
  if (kind == transport_kind::bam)
    sessions_.close(session);
  else
    session.packet_next = transport_session::no_packet;
}

/// Stores the seven bytes after the sequence number as packet `packet`.
reassembler::message reassembler::put(const carrier& from,
                                      transport_kind kind,
                                      transport_session& session,
                                      std::uint32_t packet) {
  if (session.delivered) {
    sessions_.touch(session, from.frame.time_us);
    ++counts_.repeated;
    return std::nullopt;
  }
  if (packet != session.packet_next) {
    if (session.packet_next == transport_session::no_packet) {
      ++counts_.stray;
    } else if (is_doubled(session, packet, from.data)) {
      ++counts_.repeated;
    } else {
      ++(packet >= session.packets ? counts_.malformed : counts_.out_of_sequence);
      break_off(kind, session);
    }
    return std::nullopt;
  }
  sessions_.touch(session, from.frame.time_us);
  if (packet >= session.packets || !session.window.reaches(packet)) {
    ++counts_.malformed;
    return std::nullopt;
  }
  const auto first = packet * packet_bytes;
  const auto bytes = std::min(packet_bytes, session.bytes - first);
  if (from.data.size() < bytes + 1) {
    ++counts_.malformed;
    return std::nullopt;
  }
  if (!sessions_.grow(session, first + bytes, from.frame.time_us)) {
    ++counts_.refused;
    sessions_.close(session);
    return std::nullopt;
  }
  if (session.window.has(packet))
    ++counts_.repeated; // the receiver asked again: the later packet counts
  std::memcpy(session.data.data() + first, from.data.data() + 1, bytes);
  session.window.mark(packet);
  session.packet_next = packet + 1;
  if (session.window.contiguous() < session.packets)
    return std::nullopt;
  return deliver(from, kind, session);
}

reassembler::message
reassembler::deliver(const carrier& from, transport_kind kind, transport_session& session) {
  const auto header = from.frame.header;
  assembled_message out{from.frame.time_us,
                        header.bus(),
                        priority_of(header.id()),
                        from.source,
                        from.destination,
                        kind,
                        session.pgn,
                        {}};
  session.data.resize(session.bytes);
  sessions_.take(session, given_);
  if (kind == transport_kind::rts || kind == transport_kind::etp)
    session.delivered = true;
  else
    sessions_.close(session);
  ++counts_.messages[static_cast<std::size_t>(kind)];
  out.data = given_;
  return out;
}

// --- TP

reassembler::message reassembler::tp_control(const carrier& from) {
  sessions_.expire(from.frame.time_us);
  if (from.data.size() != 8) {
    ++counts_.malformed;
    return std::nullopt;
  }
  switch (from.data[0]) {
  case tp_rts:
  case tp_bam: {
    const auto bytes = little(from.data, 1, 2);
    if (packets_of(bytes) != from.data[3])
      ++counts_.malformed;
    else
      announce(from, from.data[0] == tp_bam ? transport_kind::bam : transport_kind::rts, bytes,
               tp_bytes_max);
    break;
  }
  case tp_cts:
    clear_to_send(from, transport_kind::rts);
    break;
  case tp_end:
    acknowledge(from, transport_kind::rts);
    break;
  case any_abort:
    abort(from, transport_kind::rts);
    break;
  default:
    ++counts_.malformed;
  }
  return std::nullopt;
}

reassembler::message reassembler::tp_data(const carrier& from) {
  if (from.data.size() < 2 || from.data[0] == 0) {
    ++counts_.malformed;
    return std::nullopt;
  }
  const auto kind = from.destination == address_global ? transport_kind::bam : transport_kind::rts;
  auto* session = sessions_.find(
    key_of(kind, from.frame.header.bus(), from.source, from.destination), from.frame.time_us);
  if (session == nullptr) {
    ++counts_.stray;
    return std::nullopt;
  }
  return put(from, kind, *session, from.data[0] - 1U);
}

// --- ETP

reassembler::message reassembler::etp_control(const carrier& from) {
  sessions_.expire(from.frame.time_us);
  if (from.data.size() != 8) {
    ++counts_.malformed;
    return std::nullopt;
  }
  switch (from.data[0]) {
  case etp_rts:
    announce(from, transport_kind::etp, little(from.data, 1, 4), etp_bytes_max);
    break;
  case etp_cts:
    clear_to_send(from, transport_kind::etp);
    break;
  case etp_offset: {
    // The offset of the next packets: their sequence numbers start at 1 again.
    auto* session = sessions_.find(
      key_of(transport_kind::etp, from.frame.header.bus(), from.source, from.destination),
      from.frame.time_us);
    if (session == nullptr || session->pgn != little(from.data, 5, 3)) {
      ++counts_.stray;
      break;
    }
    sessions_.touch(*session, from.frame.time_us);
    session->packets_offered = from.data[1];
    session->packet_base = little(from.data, 2, 3);
    session->packet_next = session->packet_base;
    break;
  }
  case etp_end:
    acknowledge(from, transport_kind::etp);
    break;
  case any_abort:
    abort(from, transport_kind::etp);
    break;
  default:
    ++counts_.malformed;
  }
  return std::nullopt;
}

reassembler::message reassembler::etp_data(const carrier& from) {
  if (from.data.size() < 2 || from.data[0] == 0) {
    ++counts_.malformed;
    return std::nullopt;
  }
  auto* session = sessions_.find(
    key_of(transport_kind::etp, from.frame.header.bus(), from.source, from.destination),
    from.frame.time_us);
  if (session == nullptr || from.data[0] > session->packets_offered) {
    ++counts_.stray;
    return std::nullopt;
  }
  return put(from, transport_kind::etp, *session, session->packet_base + from.data[0] - 1U);
}

} // namespace furrow::can
