/// A stream of this site's store as the uplink wants it: a window of encoded items, filled one page at a time.
///
/// Shape: `needs` is called when the window runs low, with the number after which items are wanted; `take` answers it.
///   A page that does not continue the window is dropped: other items have been asked for meanwhile. `needs_newest` is
///   called when a sample is due, and `take_newest` answers it.
/// Threads: the uplink's. Another one may make the object.
/// Limits: window_low and one page of the store; those of relay_newest. Batches are short when there is a rate, and samples
///   go before them; all that is sent counts.
#pragma once

#include "storage/forward/forward_store.hpp"
#include "tools/furrow-edge/spool/item_store.hpp"
#include "tools/furrowd/forward/byte_rate.hpp"
#include "tools/furrowd/forward/relay_newest.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

namespace furrow::daemon {

class relay_items final : public edge::item_store {
public:
  static constexpr std::size_t window_low = 1U << 20U;

  struct events {
    std::function<void(std::uint64_t after)> needs;
    std::function<void(std::uint64_t acked, std::uint64_t run, bool claimed)> acked;
    std::function<void(std::chrono::milliseconds)>
      held; // by the rate; items may go after this time
    std::function<void(std::uint64_t after)> needs_newest;
  };

  relay_items(storage::forward_head head, byte_rate& rate, events on);

  void grow(std::uint64_t last);
  void renew(storage::forward_head head);
  void take(storage::forward_page page);
  void take_newest(std::uint64_t after, const storage::forward_page& page);
  /// Whether people watch the machine at head office.
  void watched(bool watched) { watched_ = watched; }
  /// Bytes in the window.
  [[nodiscard]] std::size_t held() const { return bytes_; }

  [[nodiscard]] edge::stream_state state() const override;
  [[nodiscard]] std::uint64_t last_seq() const override { return head_.last; }
  [[nodiscard]] std::uint64_t acked_seq() const override { return acked_; }
  [[nodiscard]] std::size_t bus_count() const override { return head_.buses.size(); }
  [[nodiscard]] std::uint64_t run() const override {
    return head_.runs.empty() ? 0 : head_.runs.back().run;
  }
  [[nodiscard]] bool ready(std::uint64_t from) override;
  [[nodiscard]] edge::result<std::vector<edge::item_block>>
  read(std::uint64_t from, std::size_t bytes_max, std::size_t blocks_max) override;
  [[nodiscard]] std::size_t batch_bytes_max() const override { return rate_.batch_bytes_max(); }
  void note_sent(std::size_t bytes) override;
  void note_sampled(std::size_t bytes) override;
  [[nodiscard]] std::size_t sent_by_others() override;
  [[nodiscard]] bool has_samples() const override { return true; }
  void begin_samples() override;
  [[nodiscard]] bool sample_ready() override;
  [[nodiscard]] can::frame_block sample(std::uint64_t from, std::size_t bytes_max) override;
  [[nodiscard]] std::uint64_t sample_as_of() const override { return newest_.seen(); }
  [[nodiscard]] edge::result<done> welcomed(std::uint64_t resume_from, std::uint64_t run) override;
  void acknowledge(std::uint64_t durable_seq) override;
  void rewind(std::uint64_t from_seq) override;
  [[nodiscard]] edge::result<done> fork(std::uint64_t fork_seq, std::uint64_t durable_seq) override;

private:
  void drop_before(std::uint64_t from);
  void ask(std::uint64_t after);
  void ask_for_more();

  storage::forward_head head_;
  byte_rate& rate_;
  events on_;
  relay_newest newest_;
  std::deque<edge::item_block> window_; // without a hole
  std::size_t bytes_ = 0;
  std::uint64_t taken_seen_ = 0; // of the batches of all lines, since begin_samples
  byte_rate::sample_turn turn_;
  bool watched_ = false;
  std::uint64_t acked_ = 0;
  std::uint64_t asked_after_ = 0;
  bool asked_ = false;
};

} // namespace furrow::daemon
