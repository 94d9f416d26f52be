/// The newest frames of a stream of this site, for samples beside its backlog: read from the end of the stream in the
/// store, when a sample is due.
///
/// Shape: `look` says after which number the store is to be read, if anything is new; `take` answers it. A page that does
///   not reach the end is followed by the next one. Then `ready` until the frames are given.
/// Threads: a plain value; the thread of the lines.
/// Limits: tail_items of the store are looked at once, and later what is new of them, at most every look_least. Those of
///   newest_frames.
#pragma once

#include "storage/forward/forward_store.hpp"
#include "tools/furrow-edge/spool/newest_frames.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace furrow::daemon {

class relay_newest {
public:
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr std::uint64_t tail_items = 8'192;
  static constexpr std::chrono::milliseconds look_least{500};

  /// A new connection: nothing was given yet.
  void begin() {
    newest_.begin();
    ready_ = false;
    looked_at_.reset();
  }
  /// Whether the frames are as new as the stream, which ends at `last`; `wanted` is the number after which the store is to
  /// be read for that.
  [[nodiscard]] bool
  ready(std::uint64_t last, time_point now, std::optional<std::uint64_t>& wanted);
  /// What the store has after `after`. Returns the number after which it is to be read on.
  [[nodiscard]] std::optional<std::uint64_t> take(std::uint64_t after,
                                                  const storage::forward_page& page);
  [[nodiscard]] can::frame_block give(std::uint64_t from, std::size_t bytes_max) {
    ready_ = false;
    return newest_.take(from, bytes_max);
  }

private:
  edge::frame_picker picker_;
  edge::newest_frames newest_; // by number
  std::uint64_t seen_ = 0;     // up to this number the frames were looked at
  std::uint64_t last_ = 0;     // and up to this one they are asked for
  std::optional<std::uint64_t> asked_after_;
  std::optional<time_point> looked_at_;
  bool ready_ = false;
};

} // namespace furrow::daemon
