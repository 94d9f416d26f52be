/// Reassembles messages from frames: J1939 transport protocol, ISO 11783 extended transport protocol,
/// NMEA 2000 fast packet.
///
/// Shape: `feed` takes the frames of all buses of a machine in order of arrival. A frame that is a
///   complete message is returned at once. A carrier of a longer message returns nothing until the
///   last missing packet; the message then has the time of that frame. Transport sessions are
///   distinguished by (bus, source, destination, kind), fast packets also by PGN and sequence counter.
///   The reassembler only listens. A repeated request to send, a time-out or an abort ends an
///   unfinished session.
///   Broadcast: packets come in order. A gap, or a repeated number with other bytes, ends the session.
///   Connection: after such a packet, packets are dropped until the receiver asks again.
///   Fast packet: the first frame begins a new message, even if it equals the previous one. The other
///   frames come in any order. A repeated frame that comes later or with other bytes ends the
///   message. That frame is part of the next message if the first frame of that follows at once.
///   In all of them the last packet may come twice, because bridges do this. A message is returned
///   once, even if its packets are sent again before the acknowledgement.
///   The manufacturers' own PGNs (126720, 130816 ..) are fast packets if the sender's NAME is of the
///   marine industry group, and single frames if it is of another group. Without a NAME they are
///   single frames on a bus that has carried engine or transmission messages of J1939
///   (61440 .. 61695), else fast packets.
///   Some marine devices send short messages of these PGNs in single frames. A frame that fits no fast packet is such a
///   message if it begins as one: with the maker's code of the sender's NAME and the marine industry group. Where the
///   low five bits of the code are zero such a frame looks like packet 0; it is a message unless that head comes again
///   in bytes 2 and 3, where a fast packet has it. (This is our reading; no standard says so.)
/// Units: microseconds, the clock of the frames. Time-outs: 750 ms within a broadcast or fast
///   packet, 1,250 ms within a connection.
/// Errors: none are returned; frames that did not become a message are counted by reason.
/// Threads: a plain value. A returned message points into the frame or into the reassembler, and is
///   valid until the next `feed`.
/// Limits: TP 1,785 bytes, ETP 117,440,505, fast packet 223; session_table.hpp has the limits of
///   sessions and memory.
/// Source: SAE J1939-21, ISO 11783-3, NMEA 2000 as documented by canboat.
#pragma once

#include "can/frame/frame.hpp"
#include "can/transport/session_table.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace furrow::can {

enum class transport_kind : std::uint8_t { single = 0, bam = 1, rts = 2, etp = 3, fast = 4 };
/// single, bam, rts, etp, fast.
[[nodiscard]] const char* to_string(transport_kind kind);

struct assembled_message {
  std::int64_t time_us = 0;
  std::uint8_t bus = 0;
  /// Priority of the last frame: the carriers of TP and ETP do not have the priority of the message.
  std::uint8_t priority = 0;
  std::uint8_t source = 0;
  std::uint8_t destination = 0;
  transport_kind transport = transport_kind::single;
  std::uint32_t pgn = 0;
  std::span<const std::uint8_t> data;
};

struct transport_counters {
  std::array<std::uint64_t, 5> messages{}; // by transport_kind
  std::uint64_t timed_out = 0;             // sessions without a frame until the time-out
  std::uint64_t aborted = 0;               // sessions that sender or receiver ended
  std::uint64_t superseded = 0;            // unfinished sessions whose sender began a new one
  std::uint64_t out_of_sequence = 0; // sessions that a gap or a packet of another message ended
  std::uint64_t evicted = 0;         // silent sessions that were removed for room
  std::uint64_t refused = 0;         // announced messages without room, or larger than the budget
  std::uint64_t unwanted = 0;        // announced messages that the filter excludes
  std::uint64_t missed = 0;          // acknowledged by the receiver, but with packets missing here
  std::uint64_t stray = 0;           // packets without a session: begun before the log, or rejected
  std::uint64_t repeated = 0;        // packets that were received before
  std::uint64_t malformed = 0;       // carriers that no standard allows
};

class reassembler {
public:
  static constexpr std::uint32_t tp_bytes_max = 1785;
  static constexpr std::uint32_t etp_bytes_max = 117'440'505;
  static constexpr std::uint32_t fast_bytes_max = 223;
  static constexpr std::uint32_t packet_bytes = 7; // except the first one of a fast packet

  /// Whether to reassemble messages of this PGN.
  using pgn_filter = bool (*)(std::uint32_t pgn);

  /// With a filter, connections and broadcasts of other PGNs are counted and not reassembled.
  explicit reassembler(transport_limits limits = {}, pgn_filter wanted = nullptr)
    : sessions_{limits}, wanted_{wanted} {}

  /// Frames that are not J1939 (11 bits, error, remote, FD, XL) give nothing.
  [[nodiscard]] std::optional<assembled_message> feed(const frame_view& frame);
  /// Ends the sessions that timed out. `feed` does this, too, when carriers come.
  void expire(std::int64_t now_us) { sessions_.expire(now_us); }

  /// The unfinished sessions and the industry groups of senders, so that a new reassembler can
  /// continue. The counts start anew. `restore` sets the reader to failed for invalid state.
  void save(state_writer& out) const;
  void restore(state_reader& from);

  [[nodiscard]] transport_counters counts() const;
  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }
  [[nodiscard]] std::size_t buffer_bytes() const { return sessions_.buffer_bytes(); }

private:
  /// One frame and the parts of its identifier.
  struct carrier {
    const frame_view& frame;
    std::uint32_t pgn = 0;
    std::uint8_t source = 0;
    std::uint8_t destination = 0;
    std::span<const std::uint8_t> data;
  };
  using message = std::optional<assembled_message>;

  static constexpr std::int64_t t1_us = 750'000; // between packets of a broadcast or fast packet

  [[nodiscard]] static std::uint64_t key_of(transport_kind kind,
                                            std::uint8_t bus,
                                            std::uint8_t source,
                                            std::uint8_t destination,
                                            std::uint32_t extra = 0);
  [[nodiscard]] message tp_control(const carrier& from);
  [[nodiscard]] message tp_data(const carrier& from);
  [[nodiscard]] message etp_control(const carrier& from);
  [[nodiscard]] message etp_data(const carrier& from);
  [[nodiscard]] message fast_packet(const carrier& from);
  void
  announce(const carrier& from, transport_kind kind, std::uint32_t bytes, std::uint32_t bytes_max);
  void clear_to_send(const carrier& from, transport_kind kind);
  void acknowledge(const carrier& from, transport_kind kind);
  void abort(const carrier& from, transport_kind kind);
  void supersede(std::uint64_t key, std::int64_t now_us);
  void break_off(transport_kind kind, transport_session& session);
  [[nodiscard]] message
  put(const carrier& from, transport_kind kind, transport_session& session, std::uint32_t packet);
  [[nodiscard]] message
  deliver(const carrier& from, transport_kind kind, transport_session& session);
  [[nodiscard]] transport_session* begin_fast(std::uint64_t key, const carrier& from);
  [[nodiscard]] transport_session* open_fast(std::uint64_t key, const carrier& from);
  void keep_early(std::uint64_t key, const carrier& from, std::uint32_t packet);

  /// What the last address claim of a sender says.
  struct claim_note {
    static constexpr std::uint16_t named = 0x8000; // there was a claim
    static constexpr std::uint16_t marine = 0x4000;
    static constexpr std::uint16_t maker_known = 0x2000; // the low 11 bits are the maker's code
    static constexpr std::uint16_t maker = 0x07FF;
  };
  using source_claims = std::array<std::uint16_t, 256>;

  [[nodiscard]] std::uint16_t claim_of(const carrier& from) const;
  [[nodiscard]] bool is_fast(const carrier& from) const;
  [[nodiscard]] bool is_whole_marine(const carrier& from) const;
  [[nodiscard]] message single(const carrier& from);
  void note_claim(const carrier& from);

  session_table sessions_;
  pgn_filter wanted_;
  transport_counters counts_;
  std::vector<std::uint8_t> given_; // payload of the message that was returned last
  std::array<std::uint64_t, 4> vehicle_buses_{};
  /// For each bus with address claims, a claim_note for each source.
  std::vector<std::pair<std::uint8_t, source_claims>> claimed_;
};

} // namespace furrow::can
