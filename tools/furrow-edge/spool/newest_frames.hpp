/// The newest frame of each identifier, so that a node can show a machine live while its items wait.
///
/// Shape: a `frame_picker` looks at the blocks of a spooler before they are saved, and keeps what each identifier said
///   last. What was saved goes into the spool's `newest_frames`, with its place. `take` gives what is not sent yet.
///   Identifiers are told apart by bus. Messages that say of what they speak (process data, NMEA 2000 instances) are told
///   apart by that, too. A broadcast of the transport protocol and a fast packet are kept as a whole, if the live view
///   reads them (live_state.hpp, faults).
///   Left out: other messages of several frames, CAN FD and XL, remote and error frames.
/// Units: microseconds, the clock of the frames.
/// Threads: plain values.
/// Limits: identifiers_max, messages_max of packets_max frames. When the table is full it begins anew: what is on the bus
///   is soon there again. `take` leaves out what is more than apart_max_us older or newer than what came last.
/// Source: SAE J1939-21 (broadcast), NMEA 2000 (fast packet).
#pragma once

#include "can/frame/frame_block.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace furrow::edge {

/// A frame of at most eight bytes.
struct held_frame {
  std::int64_t time_us = 0;
  can::frame_header header;
  std::uint64_t slot = 0; // the payload, as frame_block has it
};

/// All frames of a message of several frames.
struct held_message {
  std::uint64_t key = 0; // bus, source, PGN
  std::vector<held_frame> frames;
};

class frame_picker {
public:
  static constexpr std::size_t packets_max = 64;
  static constexpr std::size_t open_max = 64;

  void look(const can::frame_block& block);
  [[nodiscard]] const std::vector<held_frame>& frames() const { return frames_; }
  [[nodiscard]] const std::vector<held_message>& messages() const { return messages_; }
  /// What was picked is saved, or will never be.
  void clear() {
    frames_.clear();
    messages_.clear();
  }

private:
  /// How a frame counts.
  enum class role : std::uint8_t { out, plain, multiplexed, announcement, packet, fast };
  struct open_message {
    std::uint32_t sender = 0; // bus, source; a fast packet has a bit of its own
    std::size_t frames_max = 0;
    held_message message;
  };

  [[nodiscard]] static role role_of(can::frame_header header);
  void follow(role what, const held_frame& frame);
  void begin(std::uint32_t sender, std::uint32_t pgn, std::size_t frames, const held_frame& first);
  void go_on(std::uint32_t sender, std::size_t number, const held_frame& frame);

  std::vector<held_frame> frames_;
  std::vector<held_message> messages_;
  std::vector<open_message> open_;
  std::vector<role> roles_;         // by header of a block
  std::vector<std::uint32_t> last_; // by header of a block: 1 + its last frame
};

class newest_frames {
public:
  static constexpr std::size_t identifiers_max = 4'096;
  static constexpr std::size_t messages_max = 256;
  static constexpr std::int64_t apart_max_us = 1'800'000'000;

  /// What was picked is saved, all of it at `place` or before.
  void put(const frame_picker& picked, std::uint64_t place);
  /// Nothing was given yet: a new connection.
  void begin();
  /// Frames from place `from` on that were not given since `begin`, in order of time, as many as fit into about bytes_max.
  /// First those that the live view reads, and of these the ones that were given longest ago.
  [[nodiscard]] can::frame_block take(std::uint64_t from, std::size_t bytes_max);
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

private:
  struct mark {
    std::uint64_t place = 0;
    std::uint64_t given = 0; // the place of what was given last
    bool shown = false;      // the live view reads it
  };
  struct entry {
    std::uint64_t key = 0;
    std::uint64_t selector = 0;
    held_frame frame;
    mark at;
  };
  struct message_entry {
    held_message message;
    mark at;
  };

  [[nodiscard]] entry& find(std::uint64_t key, std::uint64_t selector);

  std::vector<entry> entries_;
  std::vector<std::uint16_t> buckets_; // index + 1, 0 = free
  std::vector<message_entry> messages_;
  std::int64_t newest_us_ = 0; // of what came last
};

} // namespace furrow::edge
