/// The unfinished multi-frame messages of a machine, within limits of number and memory.
///
/// Shape: sessions are found by a 64-bit key and are sorted by the time of their last frame. Buffers
///   grow with the received bytes, not with the announced length.
/// Units: microseconds, the clock of the frames. A clock that steps back by more than a time-out also
///   ends a session.
/// Threads: a plain value. Pointers to sessions are valid until the session is closed.
/// Limits: `sessions_max` sessions and `memory_bytes_max` of buffers. At a limit, the sessions that
///   have been silent longest are evicted, but none with a frame within `quiet_us`. If this does not
///   make room, the new request is rejected. While a buffer moves to a larger place, both exist: at
///   most twice the session's bytes for that moment.
#pragma once

#include "can/transport/state_bytes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

namespace furrow::can {

struct transport_limits {
  /// All 254 addresses may send a broadcast, a connection and two fast packets at once.
  std::size_t sessions_max = 1024;
  /// Memory of one machine. A larger message is rejected when it is announced. The largest possible
  /// message has 117,440,505 bytes.
  std::size_t memory_bytes_max = 4U << 20U;
};

/// The received packets of one message, up to 256 after the first missing one.
class packet_window {
public:
  static constexpr std::uint32_t packets_max = 256;

  [[nodiscard]] bool has(std::uint32_t packet) const;
  /// Whether `packet` is within 256 of the first missing one.
  [[nodiscard]] bool reaches(std::uint32_t packet) const {
    return packet < next_ || packet - next_ < packets_max;
  }
  /// Marks a packet for which `reaches` is true.
  void mark(std::uint32_t packet);
  /// All packets below this one are received.
  [[nodiscard]] std::uint32_t contiguous() const { return next_; }

  void save(state_writer& out) const;
  void restore(state_reader& from);

private:
  std::uint32_t next_ = 0;
  std::array<std::uint64_t, packets_max / 64> ahead_{}; // bit p % 256 for the packets from next_ on
};

struct transport_session {
  static constexpr std::uint32_t no_packet = 0xFFFFFFFF;

  std::uint64_t key = 0;
  std::int64_t last_us = 0;
  std::int64_t timeout_us = 0;
  std::uint32_t pgn = 0;
  std::uint32_t bytes = 0;           // of the whole message
  std::uint32_t packets = 0;         // 0: one early frame of a fast packet without its first frame
  std::uint32_t packet_base = 0;     // ETP: from the last data packet offset
  std::uint32_t packets_offered = 0; // ETP: packets that the offset announced, at most 255
  /// The packet after the last one, or the packet that the receiver asked for. In a fast packet other
  /// packets may come first. `no_packet`: drop packets until the receiver asks again.
  std::uint32_t packet_next = 0;
  bool delivered = false; // complete and returned; waits for the acknowledgement
  packet_window window;
  std::vector<std::uint8_t> data;

private:
  friend class session_table;
  std::uint32_t newer_ = 0;
  std::uint32_t older_ = 0;
  std::uint32_t slot_ = 0;
};

class session_table {
public:
  static constexpr std::int64_t quiet_us =
    250'000; // the longest gap that the standard allows in a broadcast is 200 ms

  explicit session_table(transport_limits limits) : limits_{limits} {}

  /// The session with this key; nullptr if there is none or it timed out.
  [[nodiscard]] transport_session* find(std::uint64_t key, std::int64_t now_us);
  /// A new session that replaces any session with the same key; nullptr without room.
  [[nodiscard]] transport_session*
  open(std::uint64_t key, std::int64_t now_us, std::int64_t timeout_us);
  /// A frame of the session came.
  void touch(transport_session& session, std::int64_t now_us);
  void close(transport_session& session);
  /// Makes `session.data` at least that long. False without room; the caller then closes the session.
  [[nodiscard]] bool grow(transport_session& session, std::size_t bytes, std::int64_t now_us);
  /// Swaps the buffer of a session with an outside buffer. The budget does not count outside buffers.
  void take(transport_session& session, std::vector<std::uint8_t>& out);
  /// Closes the sessions that timed out.
  void expire(std::int64_t now_us);

  /// All sessions, so that an empty table can continue with them. The counts start anew.
  void save(state_writer& out) const;
  void restore(state_reader& from);

  [[nodiscard]] std::size_t size() const { return size_; }
  /// Memory of all buffers.
  [[nodiscard]] std::size_t buffer_bytes() const { return buffer_bytes_; }
  [[nodiscard]] const transport_limits& limits() const { return limits_; }
  [[nodiscard]] std::uint64_t timed_out() const { return timed_out_; }
  [[nodiscard]] std::uint64_t evicted() const { return evicted_; }

private:
  static constexpr std::uint32_t none = 0xFFFFFFFF;

  [[nodiscard]] std::size_t home_of(std::uint64_t key) const;
  [[nodiscard]] std::size_t bucket_of(std::uint64_t key) const;
  void rehash();
  void unlink(transport_session& session);
  void link_newest(transport_session& session);
  void end_silent(transport_session& session);
  [[nodiscard]] bool evict_oldest(const transport_session* keep, std::int64_t now_us);

  transport_limits limits_;
  std::deque<transport_session> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> buckets_; // slot + 1, 0 = free; power of two, at most half full
  std::size_t size_ = 0;
  std::size_t buffer_bytes_ = 0;
  std::uint32_t oldest_ = none;
  std::uint32_t newest_ = none;
  std::uint64_t timed_out_ = 0;
  std::uint64_t evicted_ = 0;
};

} // namespace furrow::can
