/// Blocks of simulated traffic, made and encoded once, so that sending costs only a copy. A machine goes round the
/// pool, and the times move on each round.
///
/// Threads: read-only after construction.
/// Limits: at most frames_max frames.
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

  /// `ids`: number of identifiers on the bus; 0: those of a tractor. A smaller number leaves some of a tractor's
  /// messages out; a larger number adds devices of the same kinds.
  block_pool(std::uint64_t seed, double rate, std::size_t frames_a_block, std::size_t ids = 0);

  [[nodiscard]] std::size_t frames_a_block() const { return frames_a_block_; }
  [[nodiscard]] const std::vector<can::frame_block>& blocks() const { return blocks_; }
  /// Time from the first frame of one round to the first frame of the next round.
  [[nodiscard]] std::int64_t span_us() const { return span_us_; }
  /// When the n-th block of an endless stream begins, from the beginning of the stream.
  [[nodiscard]] std::int64_t begins_us(std::uint64_t n) const;
  /// How long its first `count` frames last, up to the next frame.
  [[nodiscard]] std::int64_t lasts_us(std::uint64_t n, std::uint32_t count) const;
  /// Returns the first `count` frames of the n-th block of an endless stream that began at start_us, encoded.
  [[nodiscard]] std::shared_ptr<const std::string>
  encoded(std::uint64_t n, std::uint32_t count, std::int64_t start_us) const;

private:
  static constexpr std::int64_t origin_us = 1; // not 0, because 0 is not encoded

  std::size_t frames_a_block_;
  std::vector<can::frame_block> blocks_; // times from `origin_us`
  std::vector<std::string> encoded_;     // the same blocks, encoded
  std::int64_t span_us_ = 0;             // of the whole pool
};

} // namespace furrow::sim
