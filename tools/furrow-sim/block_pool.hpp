/// Blocks of simulated traffic, made once, so that sending costs little: a machine goes round the
/// pool, and each time round the times move on.
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

  block_pool(std::uint64_t seed, double rate, std::size_t frames_a_block);

  [[nodiscard]] std::size_t frames_a_block() const { return frames_a_block_; }
  /// The first `count` frames of the n-th block of an endless stream that began at start_us,
  /// encoded.
  [[nodiscard]] std::shared_ptr<const std::string>
  encoded(std::uint64_t n, std::uint32_t count, std::int64_t start_us) const;

private:
  std::size_t frames_a_block_;
  std::vector<can::frame_block> blocks_; // times from 0
  std::int64_t span_us_ = 0;             // of the whole pool
};

} // namespace furrow::sim
