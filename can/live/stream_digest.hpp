/// The digest of one stream: turns its frames, in order, into rollups, telemetry, faults and marks of wrong clocks, and
/// the state after the last frame into bytes.
///
/// Shape: items go in. `take` returns the rows for the items since the last `take`. `save` returns the
///   state that another digest needs to continue after the last item. If the rows, the state and the
///   number of the last item are committed in one transaction, the tables are the same for any
///   division of the items into runs, on any node.
/// Units: microseconds.
/// Errors: a frame with a time that a database cannot store is skipped and counted.
/// Threads: a plain value; the plan may be shared.
/// Limits: messages of up to 1,785 bytes; larger ones (extended transport) carry files, not signals.
///   256 unfinished messages with 256 KiB together, and the faults of can/live/fault_log.hpp: `save` takes at most
///   90 KiB more.
/// Source: docs/decisions/0011-digest-follows-the-watermark.md.
#pragma once

#include "can/dbc/decode.hpp"
#include "can/frame/frame_block.hpp"
#include "can/live/fault_log.hpp"
#include "can/live/own_signals.hpp"
#include "can/live/rollup.hpp"
#include "can/live/telemetry.hpp"
#include "can/transport/transport.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace furrow::can {

/// The frames of a run whose times are after `after_us`: the clock of the machine is wrong. Between `first` and `last`
/// there may be other frames, with earlier times.
struct clock_mark {
  std::int64_t after_us = 0;
  std::uint64_t first = 0; // item numbers
  std::uint64_t last = 0;
  std::uint64_t frames = 0;
  std::int64_t earliest_us = 0;
  std::int64_t latest_us = 0;
  friend bool operator==(const clock_mark&, const clock_mark&) = default;
};

struct digest_rows {
  std::vector<rollup_row> rollups;      // by signal and minute, each once
  std::vector<telemetry_row> telemetry; // by second, each once
  std::vector<fault_row> faults;        // by first_seq, spn and fmi, each once
  std::vector<clock_mark> marks;        // at most one
  friend bool operator==(const digest_rows&, const digest_rows&) = default;
};

class stream_digest {
public:
  /// Before the first item.
  stream_digest(std::shared_ptr<const decode_plan> plan, telemetry_settings settings);

  /// The frames are shown to `own` too, which must outlive the digest.
  void add(own_rollups& own) { own_ = &own; }

  /// Frames with a later time are marked; without this call none are.
  void mark_after(std::int64_t time_us) { mark_.after_us = time_us; }

  /// Goes on after item `seq` with the state that was saved there. False, and the digest goes on
  /// without what came before, when it is not understood: another version saved it. The state that
  /// version 1 saved has no faults, and is understood.
  [[nodiscard]] bool resume(std::uint64_t seq, std::span<const std::uint8_t> state);

  /// The frames seq_first, seq_first + 1 ... up to `seq_last`. Frames that were added before are
  /// skipped.
  void take_frames(std::uint64_t seq_first, const frame_block& block, std::uint64_t seq_last);
  /// Items up to `seq` that are not frames, or not any more.
  void pass(std::uint64_t seq) { seq_ = std::max(seq_, seq); }

  /// The last item that was added.
  [[nodiscard]] std::uint64_t seq() const { return seq_; }
  /// About the number of rows that `take` would return.
  [[nodiscard]] std::size_t size() const { return sums_.size() + faults_.size(); }
  [[nodiscard]] digest_rows take();
  [[nodiscard]] std::vector<std::uint8_t> save() const;
  [[nodiscard]] std::uint64_t frames_out_of_time() const { return out_of_time_; }

private:
  void take_frame(const frame_view& frame, const plan_message* known);
  void mark(std::int64_t time_us);
  void
  sum_up(const plan_message& message, std::int64_t time_us, std::span<const std::uint8_t> data);

  std::shared_ptr<const decode_plan> plan_;
  reassembler whole_;
  live_state live_;
  telemetry_sampler sampler_;
  rollup_sums sums_;
  fault_log faults_;
  clock_mark mark_{.after_us = std::numeric_limits<std::int64_t>::max()};
  own_rollups* own_ = nullptr;
  std::uint64_t seq_ = 0;
  std::uint64_t out_of_time_ = 0;
  std::vector<decoded_signal> values_;
  std::vector<const plan_message*> known_; // of a block's dictionary
};

} // namespace furrow::can
