/// Who is alive: the tree that `furrow actors` shows, the handles that `kill` needs, the state of
/// each machine, and the node's counters. Written by the actors a few times a batch, read by
/// anybody, so that it answers even when an actor does not.
///
/// Threads: safe from any.
/// Limits: a row an actor; rows go with their actors.
#pragma once

#include "actors/live/board.hpp"

#include <caf/actor.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace furrow::actors {

struct node_counters {
  std::atomic<std::uint64_t> sessions{0};
  std::atomic<std::uint64_t> frames_received{0};
  std::atomic<std::uint64_t> frames_durable{0};
  std::atomic<std::uint64_t> items_quarantined{0};
  std::atomic<std::uint64_t> duplicates{0};
  std::atomic<std::uint64_t> rewinds{0};
  std::atomic<std::uint64_t> batches_committed{0};
  std::atomic<std::uint64_t> append_failures{0};
  std::atomic<std::uint64_t> actor_restarts{0};
  std::atomic<std::uint64_t> digest_frames{0};
  std::atomic<std::uint64_t> digest_commits{0};
  std::atomic<std::uint64_t> digest_failures{0};
  std::atomic<std::uint64_t> digest_streams_behind{0};
  std::atomic<std::uint64_t> digest_items_behind{0};
  std::atomic<std::int64_t> digest_oldest_us{0};
  std::atomic<bool> store_up{false};
  std::atomic<std::uint64_t> frames_sealed{0};
  std::atomic<std::uint64_t> chunks_sealed{0};
  std::atomic<std::uint64_t> seal_failures{0};
  std::atomic<std::uint64_t> partitions_made{0};
  std::atomic<std::uint64_t> partitions_waiting{0};
  std::atomic<std::uint64_t> partition_rows_stray{0};
  std::atomic<std::uint64_t> partitions_dropped{0};
  std::atomic<std::uint64_t> frames_expired{0};
  std::atomic<std::uint64_t> records_expired{0};
  std::atomic<std::uint64_t> care_failures{0};
};

class census {
public:
  node_counters counters;
  live_board board;

  /// What work with the database, or a look at it, has found; told in the log when it is the answer after none.
  void store_answers();

  /// Takes an actor into the tree; `parent` 0 is the root.
  std::uint64_t enter(std::uint64_t parent, const std::string& name, const caf::actor& handle);
  void set_handle(std::uint64_t id, const caf::actor& handle);
  void restarted(std::uint64_t id, const caf::actor& handle, const std::string& why);
  void set_state(std::uint64_t id, const std::string& state, const std::string& detail);
  void leave(std::uint64_t id);
  void clear();
  [[nodiscard]] std::vector<actor_row> rows() const;
  /// Sends the actor a kill; false when there is none of that number.
  bool kill(std::uint64_t id) const;

private:
  struct entry {
    actor_row row;
    caf::actor handle;
  };
  mutable std::mutex mutex_;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, entry> entries_;
};

} // namespace furrow::actors
