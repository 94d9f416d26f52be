/// What the uplink needs from the store of the items that are not durable yet: a spool on disk, or the memory of a
/// simulated gateway.
///
/// Shape: items are numbered 1, 2, 3 ... and come in blocks that are already encoded.
/// Errors: after a failure the uplink cannot continue; it stops and reports the failure.
/// Threads: called on the uplink's thread only; the implementation guards what it shares with other threads.
#pragma once

#include "can/frame/frame_block.hpp"
#include "can/frame/stream.hpp"
#include "tools/furrow-edge/spool/errc.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::edge {

/// Items, as proto::encode_items encoded them.
struct encoded_group {
  std::uint32_t count = 0;
  std::string bytes;
};

/// Returns at most count_max items of a group, after the first `skip`. Fails with `damaged` if there are none.
[[nodiscard]] result<encoded_group>
items_after(std::string_view group_bytes, std::uint64_t skip, std::uint64_t count_max);

/// Items seq_first ... seq_first + count - 1, as proto::encode_items encoded them.
struct item_block {
  std::uint64_t seq_first = 0;
  std::uint32_t count = 0;
  std::shared_ptr<const std::string> bytes;

  [[nodiscard]] std::uint64_t seq_last() const { return seq_first + count - 1; }
};

/// Joins blocks of few frames that follow each other, and leaves at most blocks_max blocks at the front. A machine's frames
/// come in blocks of a few, and each group of a message costs the node as much as many frames.
void join_small(std::vector<item_block>& blocks, std::size_t blocks_max);

/// The state of the stream for a hello.
struct stream_state {
  can::stream_id stream_id{};
  std::uint64_t first_seq = 1; // oldest item in the store; last_seq + 1 if there is none
  std::uint64_t last_seq = 0;
  std::uint64_t acked_seq = 0; // durable at a node, as far as the node has said
  std::vector<can::run_mark> runs;
  std::vector<can::bus_name> buses;
};

class item_store {
public:
  virtual ~item_store() = default;

  [[nodiscard]] virtual stream_state state() const = 0;
  /// Cheap; called before every batch.
  [[nodiscard]] virtual std::uint64_t last_seq() const = 0;
  [[nodiscard]] virtual std::uint64_t acked_seq() const = 0;
  [[nodiscard]] virtual std::size_t bus_count() const = 0;
  /// The newest run. A node must know the run before it gets items that the run numbered.
  [[nodiscard]] virtual std::uint64_t run() const = 0;

  /// Whether `read` has items from `from` on at hand. A store that does not fetches them, and its owner calls
  /// uplink::items_added.
  [[nodiscard]] virtual bool ready(std::uint64_t /*from*/) { return true; }
  /// Returns blocks from the block with `from` on, in order and without a hole, up to about bytes_max (at least one
  /// block); none if `from` is above last_seq.
  [[nodiscard]] virtual result<std::vector<item_block>>
  read(std::uint64_t from, std::size_t bytes_max, std::size_t blocks_max) = 0;
  /// A limit of its own for a batch: a store with a rate keeps batches short, so that samples go between them.
  [[nodiscard]] virtual std::size_t batch_bytes_max() const {
    return std::numeric_limits<std::size_t>::max();
  }
  /// A batch of so many bytes goes to the line; a sample.
  virtual void note_sent(std::size_t /*bytes*/) {}
  virtual void note_sampled(std::size_t /*bytes*/) {}
  /// Bytes of the batches that other streams have sent over the same limited line since the last call: samples of this
  /// stream may have their share of them, too.
  [[nodiscard]] virtual std::size_t sent_by_others() { return 0; }

  /// Whether the store knows the newest frame of each identifier, for samples.
  [[nodiscard]] virtual bool has_samples() const { return false; }
  /// A new connection: no frame was given in a sample yet.
  virtual void begin_samples() {}
  /// Whether `sample` has the newest frames at hand, and one may go now. A store that does not have them fetches them, and
  /// its owner calls uplink::items_added.
  [[nodiscard]] virtual bool sample_ready() { return true; }
  /// The newest frame of each identifier, of the items from `from` on, without those that were given before; in order of
  /// time, about bytes_max. Empty: there is nothing new.
  [[nodiscard]] virtual can::frame_block sample(std::uint64_t /*from*/, std::size_t /*bytes_max*/) {
    return {};
  }
  /// No item after this one is in the samples so far. A node takes the items up to it as older than the sample.
  [[nodiscard]] virtual std::uint64_t sample_as_of() const { return last_seq(); }

  /// Records that everything below resume_from is durable at a node, and that the node knows the runs up to `run`.
  [[nodiscard]] virtual result<done> welcomed(std::uint64_t resume_from, std::uint64_t run) = 0;
  virtual void acknowledge(std::uint64_t durable_seq) = 0;
  /// Items from this number on are needed again, durable or not.
  virtual void rewind(std::uint64_t from_seq) = 0;
  /// Moves the items from fork_seq on into a new stream, numbered from 1. Earlier items that are neither acked nor
  /// durable in the old stream move, too: other holders of a copy may never send them. The rest is dropped.
  [[nodiscard]] virtual result<done> fork(std::uint64_t fork_seq, std::uint64_t durable_seq) = 0;
};

} // namespace furrow::edge
