/// The way of raw frames from a machine's actor to people who watch them: open only while somebody does.
///
/// Shape: the actor pushes a batch, a reader takes all that wait, the oldest first. While the tap is closed the actor
///   reads one flag per batch and copies nothing.
/// Threads: safe from any; neither side waits for the other. A list of batches hangs on one atomic pointer; it is only
///   pushed to and taken as a whole.
/// Limits: batches_max batches or frames_max frames; then the oldest are dropped, and `take` says how many frames.
#pragma once

#include "can/frame/frame_block.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace furrow::actors {

struct tapped_frames {
  can::frame_block block;
  std::uint64_t first_seq = 0; // number of the block's first frame
  std::size_t first = 0;       // the frames before this one were shown already
};

class frame_tap {
public:
  static constexpr std::size_t batches_max = 1'024;
  static constexpr std::size_t frames_max = 65'536;

  struct taken {
    std::vector<tapped_frames> batches; // the oldest first
    std::uint64_t dropped = 0;          // frames, since the last call
  };

  frame_tap() = default;
  frame_tap(const frame_tap&) = delete;
  frame_tap& operator=(const frame_tap&) = delete;
  ~frame_tap() { (void)take(); }

  void open(bool opened) { open_.store(opened, std::memory_order_relaxed); }
  [[nodiscard]] bool is_open() const { return open_.load(std::memory_order_relaxed); }

  void push(tapped_frames frames) {
    const auto count = frames.block.size() - std::min(frames.first, frames.block.size());
    if (count == 0)
      return;
    if (batches_.load(std::memory_order_relaxed) >= batches_max
        || frames_.load(std::memory_order_relaxed) + count > frames_max) {
      const auto old = take();
      std::uint64_t lost = old.dropped;
      for (const auto& one : old.batches)
        lost += one.block.size() - one.first;
      dropped_.fetch_add(lost, std::memory_order_relaxed);
    }
    batches_.fetch_add(1, std::memory_order_relaxed);
    frames_.fetch_add(count, std::memory_order_relaxed);
    auto* const made = new node{std::move(frames), count, newest_.load(std::memory_order_relaxed)};
    while (!newest_.compare_exchange_weak(made->older, made, std::memory_order_release,
                                          std::memory_order_relaxed)) {
    }
  }

  [[nodiscard]] taken take() {
    taken out;
    out.dropped = dropped_.exchange(0, std::memory_order_relaxed);
    std::unique_ptr<node> at{newest_.exchange(nullptr, std::memory_order_acquire)};
    while (at) {
      batches_.fetch_sub(1, std::memory_order_relaxed);
      frames_.fetch_sub(at->count, std::memory_order_relaxed);
      out.batches.push_back(std::move(at->frames));
      at.reset(at->older);
    }
    std::reverse(out.batches.begin(), out.batches.end());
    return out;
  }

private:
  struct node {
    tapped_frames frames;
    std::size_t count = 0;
    node* older = nullptr;
  };
  std::atomic<bool> open_{false};
  std::atomic<node*> newest_{nullptr};
  std::atomic<std::size_t> batches_{0};
  std::atomic<std::size_t> frames_{0};
  std::atomic<std::uint64_t> dropped_{0};
};

} // namespace furrow::actors
