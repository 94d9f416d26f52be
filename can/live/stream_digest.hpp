/// The digest of one stream: its frames, in their order, become rollups and telemetry, and the state
/// that stands at the end of them becomes bytes.
///
/// Shape: items go in; `take` gives what is to be added to the tables for the items since the last
///   `take`; `save` what another digest needs to go on after the last item. Whoever keeps the rows,
///   the state and the position of the last item together in one transaction has the same tables
///   wherever the items were parted, and whoever went on with them.
/// Units: microseconds.
/// Errors: a frame whose time no database can hold is passed over and counted.
/// Threads: a plain value; the plan may be shared.
/// Limits: messages of up to 1,785 bytes; larger ones (extended transport) carry files, not signals.
///   256 messages under way, 256 KiB of them: `save` is never larger than that and 4 KiB.
/// Source: docs/decisions/0011-digest-follows-the-watermark.md.
#pragma once

#include "can/dbc/decode.hpp"
#include "can/frame/frame_block.hpp"
#include "can/live/own_signals.hpp"
#include "can/live/rollup.hpp"
#include "can/live/telemetry.hpp"
#include "can/transport/transport.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace furrow::can {

struct digest_rows {
  std::vector<rollup_row> rollups;      // by signal and minute, each once
  std::vector<telemetry_row> telemetry; // by second, each once
  friend bool operator==(const digest_rows&, const digest_rows&) = default;
};

class stream_digest {
public:
  /// Before the first item.
  stream_digest(std::shared_ptr<const decode_plan> plan, telemetry_settings settings);

  /// The frames are shown to `own` too, which must outlive the digest.
  void add(own_rollups& own) { own_ = &own; }

  /// Goes on after item `seq` with the state that was saved there. False, and the digest goes on
  /// without what came before, when it is not understood: another version saved it.
  [[nodiscard]] bool resume(std::uint64_t seq, std::span<const std::uint8_t> state);

  /// The frames seq_first, seq_first + 1 ... up to `seq_last`; those that were taken before are
  /// passed over.
  void take_frames(std::uint64_t seq_first, const frame_block& block, std::uint64_t seq_last);
  /// Items up to `seq` that are no frames (any more).
  void pass(std::uint64_t seq) { seq_ = std::max(seq_, seq); }

  /// All items up to this one have been taken.
  [[nodiscard]] std::uint64_t seq() const { return seq_; }
  /// Rows that `take` would give, about.
  [[nodiscard]] std::size_t size() const { return sums_.size(); }
  [[nodiscard]] digest_rows take();
  [[nodiscard]] std::vector<std::uint8_t> save() const;
  [[nodiscard]] std::uint64_t frames_out_of_time() const { return out_of_time_; }

private:
  void take_frame(const frame_view& frame, const plan_message* known);
  void
  sum_up(const plan_message& message, std::int64_t time_us, std::span<const std::uint8_t> data);

  std::shared_ptr<const decode_plan> plan_;
  reassembler whole_;
  live_state live_;
  telemetry_sampler sampler_;
  rollup_sums sums_;
  own_rollups* own_ = nullptr;
  std::uint64_t seq_ = 0;
  std::uint64_t out_of_time_ = 0;
  std::vector<decoded_signal> values_;
  std::vector<const plan_message*> known_; // of a block's dictionary
};

} // namespace furrow::can
