/// Which message of a plan a frame gives the values of: its own, or the one that it completes.
///
/// Shape: live view, digest, export and `furrow decode` all ask here, so that they agree. A file that gives the whole
///   identifier means the frame, whatever J1939 would see in it. A message that is matched by PGN is in the frame if
///   the frame is a complete message; a piece of a longer message has no values of its own.
/// Threads: plain functions.
#pragma once

#include "can/dbc/decode.hpp"
#include "can/frame/identifier.hpp"
#include "can/transport/transport.hpp"

#include <cstdint>
#include <span>

namespace furrow::can {

[[nodiscard]] constexpr bool is_extended_transport(std::uint32_t pgn) {
  return pgn == pgn_etp_control || pgn == pgn_etp_data;
}

/// PGNs whose frames carry packets of other messages, and are also messages themselves.
[[nodiscard]] constexpr bool carries_packets(std::uint32_t pgn) {
  return pgn == pgn_tp_control || pgn == pgn_tp_data || is_extended_transport(pgn);
}

struct frame_meaning {
  const plan_message* message = nullptr; // nullptr: no values
  std::span<const std::uint8_t> data;
  bool put_together = false; // of several frames, this one being the last
};

/// `known`: `plan.find(frame.header)`. `message`: what a reassembler made of the frame, or nullptr.
[[nodiscard]] inline frame_meaning meaning_of(const decode_plan& plan,
                                              const plan_message* known,
                                              const frame_view& frame,
                                              const assembled_message* message) {
  const bool alone = message != nullptr && message->transport == transport_kind::single;
  if (known != nullptr
      && (alone || !known->pgn || frame.header.kind() == frame_kind::fd
          || carries_packets(pgn_of(frame.header.id()))))
    return {known, frame.payload(), false};
  if (message == nullptr || alone)
    return {};
  return {plan.find_pgn(message->pgn, message->source), message->data, true};
}

} // namespace furrow::can
