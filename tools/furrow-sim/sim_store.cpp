#include "tools/furrow-sim/sim_store.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>

namespace furrow::sim {

sim_store::sim_store(const block_pool& pool,
                     std::uint64_t seed,
                     std::uint64_t window_frames,
                     std::int64_t start_us,
                     latency_histogram& latency)
  : pool_{&pool}, latency_{latency}, window_frames_{window_frames}, next_us_{start_us} {
  begin(seed);
}

sim_store::sim_store(std::unique_ptr<work_source> work,
                     std::uint64_t seed,
                     std::uint64_t window_frames,
                     latency_histogram& latency)
  : work_{std::move(work)}, latency_{latency}, window_frames_{window_frames} {
  begin(seed);
}

void sim_store::begin(std::uint64_t seed) {
  std::mt19937_64 random{seed};
  const std::uint64_t bits[2] = {random(), random()};
  std::memcpy(stream_id_.data(), bits, stream_id_.size());
  runs_ = {{random(), 1}};
  pool_at_ = random() % 1'024;
}

std::uint32_t sim_store::add(std::uint64_t count, std::int64_t until_us) {
  const auto unacked = last_seq_ - acked_seq_;
  if (unacked >= window_frames_ || count == 0)
    return 0;
  if (work_) {
    auto made = work_->next(count, until_us);
    if (made.items > 0)
      slots_.push_back({last_seq_ + 1, made.items, false, false, {}, 0, 0, std::move(made.bytes)});
    last_seq_ += made.items;
    return made.items;
  }
  const auto frames =
    static_cast<std::uint32_t>(std::min<std::uint64_t>(count, pool_->frames_a_block()));
  // A block may be used in part, so the time follows the frames and not the blocks.
  slots_.push_back({last_seq_ + 1, frames, false, false, {}, pool_at_, next_us_, nullptr});
  next_us_ += pool_->lasts_us(pool_at_++, frames);
  last_seq_ += frames;
  return frames;
}

edge::stream_state sim_store::state() const {
  return {stream_id_, slots_.empty() ? last_seq_ + 1 : slots_.front().seq_first,
          last_seq_,  acked_seq_,
          runs_,      {{0, "can0"}}};
}

edge::result<std::vector<edge::item_block>>
sim_store::read(std::uint64_t from, std::size_t bytes_max, std::size_t blocks_max) {
  auto at = std::upper_bound(slots_.begin(), slots_.end(), from,
                             [](std::uint64_t seq, const slot& s) { return seq < s.seq_first; });
  std::vector<edge::item_block> blocks;
  if (at == slots_.begin() || from > last_seq_)
    return blocks;
  const auto now = clock::now();
  std::size_t bytes = 0;
  for (--at; at != slots_.end() && bytes < bytes_max && blocks.size() < blocks_max; ++at) {
    auto made = at->bytes;
    if (made == nullptr)
      made = pool_->encoded(at->n, at->count, at->time_us - pool_->begins_us(at->n));
    blocks.push_back({at->seq_first, at->count, std::move(made)});
    bytes += blocks.back().bytes->size();
    if (!at->sent) {
      at->sent = true;
      at->sent_at = now;
      if (noting_)
        sendings_.push_back({at->seq_first + at->count - 1, now});
    }
  }
  return blocks;
}

/// Notes what has become durable, and drops what no rewind will ask for.
void sim_store::settle() {
  const auto now = clock::now();
  for (; settled_ < slots_.size(); ++settled_) {
    auto& block = slots_[settled_];
    if (block.seq_first + block.count - 1 > acked_seq_)
      break;
    if (!block.durable && block.sent)
      latency_.add(now - block.sent_at, block.count);
    block.durable = true;
  }
  while (settled_ > blocks_kept_max) {
    slots_.pop_front();
    --settled_;
  }
}

edge::result<done> sim_store::welcomed(std::uint64_t resume_from, std::uint64_t /*run*/) {
  acked_seq_ = std::min(resume_from - 1, last_seq_);
  gap_open_ = acked_at_.has_value();
  settled_ = 0;
  settle();
  return done{};
}

void sim_store::acknowledge(std::uint64_t durable_seq) {
  acked_seq_ = std::max(acked_seq_, std::min(durable_seq, last_seq_));
  const auto now = clock::now();
  if (std::exchange(gap_open_, false))
    ack_gaps_.push_back(now - *acked_at_);
  acked_at_ = now;
  settle();
}

void sim_store::rewind(std::uint64_t from_seq) {
  acked_seq_ = std::min(acked_seq_, from_seq - 1);
  settled_ = 0;
  settle();
}

edge::result<done> sim_store::fork(std::uint64_t fork_seq, std::uint64_t /*durable_seq*/) {
  return edge::failure{
    edge::errc::foreign,
    "a simulated gateway has no copy, but the node says that it is a copy that parted at item "
      + std::to_string(fork_seq)};
}

} // namespace furrow::sim
