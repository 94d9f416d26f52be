#include "tools/furrow-sim/block_pool.hpp"

#include "tools/furrow-sim/traffic.hpp"

#include <algorithm>
#include <utility>

namespace furrow::sim {

namespace {

constexpr std::size_t blocks_max = 4'096;

} // namespace

block_pool::block_pool(std::uint64_t seed, double rate, std::size_t frames_a_block)
  : frames_a_block_{frames_a_block} {
  traffic source{seed, rate, 0};
  blocks_.resize(std::clamp<std::size_t>(frames_max / frames_a_block, 1, blocks_max));
  made_frame frame;
  for (auto& block : blocks_) {
    while (block.size() < frames_a_block) {
      frame = source.next();
      // A block of so few frames of one bus takes any of them.
      (void)block.push(frame.time_us, frame.header, frame.payload.data());
    }
  }
  span_us_ = frame.time_us + static_cast<std::int64_t>(1e6 / rate);
}

std::shared_ptr<const std::string>
block_pool::encoded(std::uint64_t n, std::uint32_t count, std::int64_t start_us) const {
  const auto& made = blocks_[n % blocks_.size()];
  can::frame_block block;
  if (count == made.size())
    block = made;
  else
    (void)block.append(made, 0, count);
  block.time_base_us += start_us + static_cast<std::int64_t>(n / blocks_.size()) * span_us_;
  return std::make_shared<const std::string>(
    proto::encode_items(proto::item_group{std::move(block)}));
}

} // namespace furrow::sim
