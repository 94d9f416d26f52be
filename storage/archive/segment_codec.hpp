/// Sealed frames as PostgreSQL keeps them: a chunk of a stream as segments, each the frames of one
/// header (or of a few rare ones) as planes of bytes.
///
/// Shape: plane k of a column holds byte k of each value, so that what seldom changes compresses to
///   nothing. `data` is one plane of indices (only with several headers), then the planes of time,
///   seq and payload. The time of frame i is time_base + anchors[i / 128] + (i % 128) * time_step
///   + its value in the planes of time; its number is that of the one before + 1 + its value in the
///   planes of seq (the first one's is 0).
/// Units: microseconds.
/// Errors: `seal` returns what it could take; `unseal` says no to columns that do not agree.
/// Threads: plain functions.
/// Limits: chunk_frames_max frames a chunk; segment_span_us of time a segment and, as a rule, a chunk. Where the clock jumps
///   further and back, a chunk of fewer than chunk_frames_min frames goes on, and each stretch of time has segments of its
///   own.
/// Source: docs/decisions/0012-sealed-segments.md.
#pragma once

#include "can/frame/frame_block.hpp"
#include "storage/store.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace furrow::storage {

/// Memory of a sealer and of a reader: about 40 bytes a frame while a chunk is made.
inline constexpr std::size_t chunk_frames_max = 131'072;
inline constexpr std::size_t chunk_frames_min = 256; // a smaller chunk costs more than it is worth
inline constexpr std::size_t chunk_long_bytes_max = 8U << 20U;
/// Less than the 26 hours by which SQL looks back.
inline constexpr std::int64_t segment_span_us = std::int64_t{25} * 3'600'000'000;

inline constexpr std::int32_t channel_standard = 262'144;
inline constexpr std::int32_t channel_error = 524'288;
inline constexpr std::int32_t channel_several = -1;
/// Where frames of this header are looked for: by parameter group when extended.
[[nodiscard]] std::int32_t channel_of(can::frame_header header);

struct segment {
  std::int32_t channel = channel_several;
  std::uint32_t frames = 0;
  std::int64_t time_first_us = 0; // the earliest
  std::int64_t time_last_us = 0;  // the latest
  std::int64_t time_base_us = 0;
  std::uint64_t seq_base = 0; // of its first frame
  std::int64_t time_step_us = 0;
  std::uint8_t time_planes = 1;
  std::uint8_t seq_planes = 1;
  std::uint16_t payload_planes = 0;
  std::vector<std::uint64_t> headers; // one, or several and then a plane of indices
  std::vector<std::int64_t> anchors_us;
  std::string data;
};

struct sealed_chunk {
  std::uint64_t seq_first = 0;
  std::uint64_t seq_last = 0;
  std::uint64_t frames = 0;
  std::int64_t time_first_us = 0;
  std::int64_t time_last_us = 0;
  bool wide = false;                                         // more than one stretch of time
  std::vector<std::pair<std::uint64_t, std::uint64_t>> runs; // first number, frames
  std::vector<segment> segments;
};

/// How many of these runs, in order of seq, make a chunk within its limits; at least the first.
[[nodiscard]] std::size_t chunk_runs(std::span<const frame_run> runs);
/// Runs within the limits, in order of seq and without overlap; not empty.
[[nodiscard]] sealed_chunk seal(std::span<const frame_run> runs);

/// Appends the frames of a chunk to `out`, in order of seq, those after `after`. False when the
/// columns of a segment do not agree.
[[nodiscard]] bool
unseal(std::span<const segment> segments, std::uint64_t after, std::vector<frame_run>& out);

} // namespace furrow::storage
