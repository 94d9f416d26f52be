/// Blocks of simulated traffic, made and encoded once, so that sending costs a copy: a machine goes
/// round the pool, and each time round the times move on.
///
/// Threads: read-only once made.
/// Limits: frames_max frames in all.
#pragma once

#include "proto/wire.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace furrow::sim {

class block_pool {
public:
  static constexpr std::size_t frames_max = 1U << 18U;

  /// `ids`: how many identifiers the bus has; 0: those that a tractor has. Fewer leave the rest of
  /// a tractor's messages out, more come from further devices of the same kinds.
  block_pool(std::uint64_t seed, double rate, std::size_t frames_a_block, std::size_t ids = 0);

  [[nodiscard]] std::size_t frames_a_block() const { return frames_a_block_; }
  [[nodiscard]] const std::vector<can::frame_block>& blocks() const { return blocks_; }
  /// From the first frame of one time round to that of the next.
  [[nodiscard]] std::int64_t span_us() const { return span_us_; }
  /// The first `count` frames of the n-th block of an endless stream that began at start_us,
  /// encoded.
  [[nodiscard]] std::shared_ptr<const std::string>
  encoded(std::uint64_t n, std::uint32_t count, std::int64_t start_us) const;

private:
  static constexpr std::int64_t origin_us = 1; // not 0, which is not written

  std::size_t frames_a_block_;
  std::vector<can::frame_block> blocks_; // times from `origin_us`
  std::vector<std::string> encoded_;     // the same
  std::int64_t span_us_ = 0;             // of the whole pool
};

} // namespace furrow::sim
