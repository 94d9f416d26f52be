/// The items of a simulated gateway: numbers, and places in a pool of blocks, so that acked items can be sent again. Of
/// a machine at work the blocks themselves, because they never come again.
///
/// Threads: one.
/// Limits: window_frames frames that are not acked; blocks_kept_max acked blocks for a rewind.
#pragma once

#include "tools/furrow-edge/spool/item_store.hpp"
#include "tools/furrow-sim/block_pool.hpp"
#include "tools/furrow-sim/latency.hpp"
#include "tools/furrow-sim/work_source.hpp"

#include <chrono>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

namespace furrow::sim {

class sim_store final : public edge::item_store {
public:
  using clock = std::chrono::steady_clock;
  static constexpr std::size_t blocks_kept_max = 4'096;

  sim_store(const block_pool& pool,
            std::uint64_t seed,
            std::uint64_t window_frames,
            std::int64_t start_us,
            latency_histogram& latency);

  /// Of a machine at work.
  sim_store(std::unique_ptr<work_source> work,
            std::uint64_t seed,
            std::uint64_t window_frames,
            latency_histogram& latency);

  /// Makes the next block, of at most `count` items, none later than `until_us` if the machine is at work. Returns how
  /// many items it has; 0 if the window is full.
  std::uint32_t add(std::uint64_t count,
                    std::int64_t until_us = std::numeric_limits<std::int64_t>::max());

  /// Notes from now on when each block was first sent.
  void note_sendings() { noting_ = true; }
  struct sending {
    std::uint64_t seq_last = 0;
    clock::time_point at;
  };
  [[nodiscard]] const std::vector<sending>& sendings() const { return sendings_; }
  /// For each session after the first: the time from the last ack before it to its own first ack.
  [[nodiscard]] const std::vector<clock::duration>& ack_gaps() const { return ack_gaps_; }

  [[nodiscard]] edge::stream_state state() const override;
  [[nodiscard]] std::uint64_t last_seq() const override { return last_seq_; }
  [[nodiscard]] std::uint64_t acked_seq() const override { return acked_seq_; }
  [[nodiscard]] std::size_t bus_count() const override { return 1; }
  [[nodiscard]] std::uint64_t run() const override { return runs_.back().run; }
  [[nodiscard]] edge::result<std::vector<edge::item_block>>
  read(std::uint64_t from, std::size_t bytes_max, std::size_t blocks_max) override;
  [[nodiscard]] edge::result<done> welcomed(std::uint64_t resume_from, std::uint64_t run) override;
  void acknowledge(std::uint64_t durable_seq) override;
  void rewind(std::uint64_t from_seq) override;
  [[nodiscard]] edge::result<done> fork(std::uint64_t fork_seq, std::uint64_t durable_seq) override;

private:
  struct slot {
    std::uint64_t seq_first;
    std::uint32_t count;
    bool sent;
    bool durable;
    clock::time_point sent_at;                // the first time
    std::uint64_t n;                          // in the pool
    std::int64_t time_us;                     // of the first frame
    std::shared_ptr<const std::string> bytes; // of a machine at work
  };
  void begin(std::uint64_t seed);
  void settle();

  const block_pool* pool_ = nullptr;
  std::unique_ptr<work_source> work_; // in place of the pool
  latency_histogram& latency_;
  can::stream_id stream_id_{};
  std::vector<can::run_mark> runs_;
  std::uint64_t window_frames_;
  std::int64_t next_us_ = 0;  // of the next frame
  std::uint64_t pool_at_ = 0; // the next block of the pool; machines begin at different places
  std::deque<slot> slots_;
  bool noting_ = false;
  std::vector<sending> sendings_;
  std::size_t settled_ = 0; // slots at the front with a known latency
  std::uint64_t last_seq_ = 0;
  std::uint64_t acked_seq_ = 0;
  std::optional<clock::time_point> acked_at_; // the last ack of any session
  bool gap_open_ = false;                     // a new session has no ack yet
  std::vector<clock::duration> ack_gaps_;
};

} // namespace furrow::sim
