/// Sealed frames as PostgreSQL keeps them: a chunk of a stream as segments. A segment holds the
/// frames of one header (or of a few rare headers) as planes of bytes.
///
/// Shape: plane k of a column holds byte k of each value, so that bytes that seldom change compress
///   well. `data` is one plane of indices (only with several headers), then the planes of time, seq
///   and payload. The time of frame i is time_base + anchors[i / 128] + (i % 128) * time_step + its
///   value in the planes of time. Its number is the previous number + 1 + its value in the planes
///   of seq (0 for the first frame).
/// Units: microseconds.
/// Errors: `seal` returns what fits; `unseal` rejects columns that do not agree.
/// Threads: plain functions.
/// Limits: chunk_frames_max frames and chunk_span_us of time in a chunk.
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

/// A sealer and a reader need about 40 bytes of memory per frame of a chunk.
inline constexpr std::size_t chunk_frames_max = 131'072;
inline constexpr std::size_t chunk_frames_min = 256; // a smaller chunk costs more than it is worth
inline constexpr std::size_t chunk_long_bytes_max = 8U << 20U;
/// A chunk ends after this time, unless its clock jumps.
inline constexpr std::int64_t chunk_span_us = std::int64_t{24} * 3'600'000'000;
/// Less than the 26 hours by which SQL looks back.
inline constexpr std::int64_t segment_span_us = std::int64_t{25} * 3'600'000'000;

inline constexpr std::int32_t channel_standard = 262'144;
inline constexpr std::int32_t channel_error = 524'288;
inline constexpr std::int32_t channel_several = -1;
/// The key by which frames of this header are found: the parameter group when extended.
[[nodiscard]] std::int32_t channel_of(can::frame_header header);

struct segment {
  std::int32_t channel = channel_several;
  std::uint32_t frames = 0;
  std::int64_t time_first_us = 0; // the earliest
  std::int64_t time_last_us = 0;  // the latest
  std::int64_t time_base_us = 0;
  std::uint64_t seq_base = 0; // number of its first frame
  std::int64_t time_step_us = 0;
  std::uint8_t time_planes = 1;
  std::uint8_t seq_planes = 1;
  std::uint16_t payload_planes = 0;
  std::vector<std::uint64_t> headers; // one; or several, then with a plane of indices
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

/// How many of these runs, in order of seq, fit in one chunk; at least the first.
[[nodiscard]] std::size_t chunk_runs(std::span<const frame_run> runs);
/// Runs within the limits, in order of seq and without overlap; not empty.
[[nodiscard]] sealed_chunk seal(std::span<const frame_run> runs);

/// Appends the frames of a chunk with numbers above `after` to `out`, in order of seq. False when
/// the columns of a segment do not agree.
[[nodiscard]] bool
unseal(std::span<const segment> segments, std::uint64_t after, std::vector<frame_run>& out);

} // namespace furrow::storage
