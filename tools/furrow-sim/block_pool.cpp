#include "tools/furrow-sim/block_pool.hpp"

#include "tools/furrow-sim/traffic.hpp"

#include <algorithm>
#include <map>
#include <unordered_set>
#include <utility>

namespace furrow::sim {

namespace {

constexpr std::size_t blocks_max = 4'096;

/// The identifiers of a bus that has `ids` of them, and their shares of the frames as on a tractor. A larger bus gets
/// further devices with the same messages at other addresses.
class id_choice {
public:
  id_choice(std::uint64_t seed, std::size_t ids) {
    if (ids == 0)
      return;
    devices_ = (ids + tractor_ids - 1) / tractor_ids;
    constexpr std::size_t looked_at = 40'000;
    std::map<std::uint64_t, std::size_t> seen;
    traffic source{seed, traffic::rate_usual, 0};
    for (std::size_t i = 0; i < looked_at; ++i)
      ++seen[spread(source.next().header).bits];
    std::vector<std::pair<std::size_t, std::uint64_t>> by_count;
    by_count.reserve(seen.size());
    for (const auto& [bits, count] : seen)
      by_count.emplace_back(count, bits);
    std::sort(by_count.rbegin(), by_count.rend());
    by_count.resize(std::min(by_count.size(), ids));
    std::size_t frames = 0;
    for (const auto& [count, bits] : by_count) {
      frames += count;
      chosen_.insert(bits);
    }
    share_ = static_cast<double>(frames) / looked_at;
    turn_ = 0;
  }

  [[nodiscard]] double share() const { return share_; }
  bool admits(can::frame_header& header) {
    if (chosen_.empty())
      return true;
    header = spread(header);
    return chosen_.count(header.bits) != 0;
  }

private:
  static constexpr std::size_t tractor_ids = 16; // that are frequent

  can::frame_header spread(can::frame_header header) {
    const auto address = header.bits + turn_++ % devices_ * 8;
    return {(header.bits & ~std::uint64_t{0xFF}) | (address & std::uint64_t{0xFF})};
  }

  std::size_t devices_ = 1;
  std::size_t turn_ = 0;
  double share_ = 1;
  std::unordered_set<std::uint64_t> chosen_;
};

} // namespace

block_pool::block_pool(std::uint64_t seed, double rate, std::size_t frames_a_block, std::size_t ids)
  : frames_a_block_{frames_a_block} {
  id_choice chosen{seed, ids};
  traffic source{seed, rate / chosen.share(), origin_us};
  blocks_.resize(std::clamp<std::size_t>(frames_max / frames_a_block, 1, blocks_max));
  made_frame frame;
  for (auto& block : blocks_) {
    while (block.size() < frames_a_block) {
      frame = source.next();
      if (!chosen.admits(frame.header))
        continue;
      // A block with so few frames of one bus takes every frame.
      (void)block.push(frame.time_us, frame.header, frame.payload.data());
    }
  }
  span_us_ = frame.time_us - origin_us + static_cast<std::int64_t>(1e6 / rate);
  for (const auto& block : blocks_)
    encoded_.push_back(proto::encode_items(proto::item_group{block}));
}

std::int64_t block_pool::begins_us(std::uint64_t n) const {
  return blocks_[n % blocks_.size()].time_us(0) - origin_us
         + static_cast<std::int64_t>(n / blocks_.size()) * span_us_;
}

std::int64_t block_pool::lasts_us(std::uint64_t n, std::uint32_t count) const {
  const auto& made = blocks_[n % blocks_.size()];
  return count < made.size() ? made.time_us(count) - made.time_us(0)
                             : begins_us(n + 1) - begins_us(n);
}

std::shared_ptr<const std::string>
block_pool::encoded(std::uint64_t n, std::uint32_t count, std::int64_t start_us) const {
  const auto which = n % blocks_.size();
  const auto& made = blocks_[which];
  const auto later_us =
    start_us - origin_us + static_cast<std::int64_t>(n / blocks_.size()) * span_us_;
  if (count == made.size())
    return std::make_shared<const std::string>(proto::with_times_moved(encoded_[which], later_us));
  can::frame_block block;
  (void)block.append(made, 0, count);
  block.time_base_us += later_us;
  return std::make_shared<const std::string>(
    proto::encode_items(proto::item_group{std::move(block)}));
}

} // namespace furrow::sim
