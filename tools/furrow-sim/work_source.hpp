/// The items of a machine at work as they come, in blocks: frames, and the yield samples of a harvester.
///
/// Units: microseconds since 1970.
/// Threads: one.
#pragma once

#include "can/frame/stream.hpp"
#include "tools/furrow-sim/traffic.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace furrow::sim {

class work_source {
public:
  static constexpr std::size_t block_frames_max = 4'096;

  work_source(const field_plan& plan, std::uint64_t seed, double rate, std::int64_t start_us);

  struct block {
    std::uint32_t items = 0; // 0: there is none yet
    std::shared_ptr<const std::string> bytes;
  };
  /// The next block: at most `count` items, none later than `until_us`.
  [[nodiscard]] block next(std::uint64_t count, std::int64_t until_us);

private:
  void sample(std::int64_t time_us);

  traffic source_;
  std::optional<made_frame> head_;
  std::vector<can::record> samples_; // they follow the frames before them
  std::int64_t sample_due_us_;
};

} // namespace furrow::sim
