/// A small node: claims stream 1 of T1, appends what is not durable yet, and after any doubt claims
/// again and continues.
///
/// Shape: items are blocks of `block_frames` frames whose content follows from their number, so
///   that a reader knows the expected content.
#pragma once

#include "tests/storage/suite/store_bed.hpp"

#include <cstdint>
#include <functional>

namespace furrow::tests {

inline constexpr std::uint64_t block_frames = 50;

[[nodiscard]] can::frame_block block_after(std::uint64_t seq);

struct writer_report {
  std::uint64_t durable = 0;
  unsigned doubts = 0; // in_doubt and retry_later answers to appends
  unsigned fenced = 0;
};

/// Returns when `total` items are durable, when it is fenced and `stop_when_fenced`, or throws when
/// `patience` has passed. `acked` is called with each new watermark.
writer_report write_until(storage::store& store,
                          std::uint64_t total,
                          const std::function<void(std::uint64_t)>& acked,
                          bool stop_when_fenced = false);

/// The stream holds exactly `total` items, each once and as `block_after` made it.
void check_written(storage::store& store, std::uint64_t total);

} // namespace furrow::tests
