/// The newest frames of a stream of this site, for samples beside its backlog: read from the end of the stream in the
/// store, when a sample is due.
///
/// Shape: `ready` says after which number the store is to be read, if anything is new; `take` answers it. A page that does
///   not reach the end is followed by the next one. Then it is ready until the frames are given, or are fresh_for old.
/// Threads: a plain value; the thread of the lines.
/// Limits: tail_items of the store are looked at once, and later what is new of them, at most every look_least. While
///   what is new has no frame for a sample, the interval doubles up to look_most. Those of newest_frames.
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
  static constexpr std::chrono::milliseconds look_most{10'000};
  static constexpr std::chrono::milliseconds fresh_for{2'000};

  /// A new connection: nothing was given yet.
  void begin() {
    newest_.begin();
    ready_at_.reset();
    looked_at_.reset();
    look_every_ = look_least;
  }
  /// Whether the frames are as new as the stream, which ends at `last`; `wanted` is the number after which the store is to
  /// be read for that.
  [[nodiscard]] bool
  ready(std::uint64_t last, time_point now, std::optional<std::uint64_t>& wanted);
  /// Whether the store has not answered yet.
  [[nodiscard]] bool is_reading() const { return asked_after_.has_value(); }
  /// What the store has after `after`. Returns the number after which it is to be read on.
  [[nodiscard]] std::optional<std::uint64_t>
  take(std::uint64_t after, const storage::forward_page& page, time_point now);
  [[nodiscard]] can::frame_block give(std::uint64_t from, std::size_t bytes_max) {
    ready_at_.reset();
    return newest_.take(from, bytes_max);
  }

  /// Of the items up to this one the newest frames are known.
  [[nodiscard]] std::uint64_t seen() const { return seen_; }

private:
  edge::frame_picker picker_;
  edge::newest_frames newest_; // by number
  std::uint64_t seen_ = 0;     // up to this number the frames were looked at
  std::uint64_t last_ = 0;     // and up to this one they are asked for
  std::optional<std::uint64_t> asked_after_;
  std::optional<time_point> looked_at_;
  std::optional<time_point> ready_at_;
  std::chrono::milliseconds look_every_ = look_least;
  bool found_ = false; // a frame, in this look
};

} // namespace furrow::daemon
