/// The spool of a simulated gateway: an item store whose disk keeps only what was flushed.
///
/// Shape: numbers exist once their transaction is flushed, as in the real spool. What a node has acknowledged is kept in
///   memory and reaches the disk with the next transaction; a death takes it back. An old copy of the disk can be
///   restored; it then parts from its stream (docs/decisions/0002-runs-tell-copies-apart.md).
/// Threads: one.
#pragma once

#include "tests/simulation/stage/oracle.hpp"
#include "tools/furrow-edge/spool/item_store.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace furrow::simulation {

class spool_model final : public edge::item_store {
public:
  /// Called whenever items count as durable: the stream, and the highest number.
  using ack_check = std::function<void(const spool_model&, std::uint64_t from, std::uint64_t to)>;
  spool_model(std::uint64_t gateway, oracle& truth, dice& chance, ack_check check);

  /// A process opens the disk: memory is what the disk has, and a run begins.
  void open();
  /// The next items; they get their numbers in `flushed`.
  void number(std::uint32_t count, bool as_records);
  /// Everything up to here is on the disk.
  void flushed() { disk_ = memory_; }
  /// Keeps the disk as it is, for `restore`.
  void copy_disk() { copy_ = disk_; }
  [[nodiscard]] bool has_copy() const { return copy_.has_value(); }
  void restore() { disk_ = *copy_; }

  [[nodiscard]] const can::stream_id& stream() const { return memory_.stream; }
  [[nodiscard]] item_code code_of(std::uint64_t seq) const { return memory_.codes[seq - 1]; }
  [[nodiscard]] std::uint64_t forks() const { return forks_; }

  [[nodiscard]] edge::stream_state state() const override;
  [[nodiscard]] std::uint64_t last_seq() const override { return memory_.codes.size(); }
  [[nodiscard]] std::uint64_t acked_seq() const override { return memory_.acked; }
  [[nodiscard]] std::size_t bus_count() const override { return 0; }
  [[nodiscard]] std::uint64_t run() const override { return memory_.runs.back().run; }
  [[nodiscard]] edge::result<std::vector<edge::item_block>>
  read(std::uint64_t from, std::size_t bytes_max, std::size_t blocks_max) override;
  [[nodiscard]] edge::result<done> welcomed(std::uint64_t resume_from, std::uint64_t run) override;
  void acknowledge(std::uint64_t durable_seq) override;
  void rewind(std::uint64_t from_seq) override;
  [[nodiscard]] edge::result<done> fork(std::uint64_t fork_seq, std::uint64_t durable_seq) override;

private:
  struct content {
    can::stream_id stream{};
    std::vector<item_code> codes; // by number, from 1
    std::vector<edge::item_block> blocks;
    std::uint64_t acked = 0;
    std::vector<can::run_mark> runs;
  };
  void add(std::span<const item_code> codes, bool as_records);
  void new_stream();
  void now_acked(std::uint64_t seq);

  std::uint64_t gateway_;
  oracle& truth_;
  dice& chance_;
  ack_check check_;
  std::uint64_t items_ = 0;
  std::uint64_t forks_ = 0;
  content memory_;
  content disk_;
  std::optional<content> copy_;
};

/// The bytes of items, and what they say.
[[nodiscard]] std::string record_body(item_code code);
[[nodiscard]] item_code code_in_body(const std::string& body);

} // namespace furrow::simulation
