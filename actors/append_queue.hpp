/// What an aggregator decides: which blocks of which machines make the next transaction. Blocks
/// gather while the writer is busy, so a transaction grows with the load and stays small when idle
/// (natural batching).
///
/// Threads: owned by one actor.
/// Limits: what waits here stands under leases of the node's budget; a batch is cut at
/// batch_bytes_max.
#pragma once

#include "actors/stream_intake.hpp"
#include "storage/store.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

namespace furrow::actors {

/// One append that is under way: who is to hear of it, and the memory that is free once it is
/// settled.
template <class Origin>
struct append_ticket {
  Origin origin;
  storage::stream_claim claim;
  std::uint64_t to = 0;
  std::vector<memory_lease> leases;
};

template <class Origin>
class append_queue {
public:
  explicit append_queue(std::size_t batch_bytes_max) : batch_bytes_max_{batch_bytes_max} {}

  void add(Origin origin, std::shared_ptr<held_append> held) {
    waiting_.push_back({std::move(origin), std::move(held)});
  }

  [[nodiscard]] bool empty() const { return waiting_.empty(); }
  [[nodiscard]] std::size_t size() const { return waiting_.size(); }

  struct transaction {
    std::shared_ptr<storage::append_batch> batch = std::make_shared<storage::append_batch>();
    std::vector<append_ticket<Origin>> tickets; // one an append, in order
  };

  /// The oldest appends, at least one when there is one, up to the limit.
  [[nodiscard]] transaction take() {
    transaction next;
    std::size_t bytes = 0;
    while (!waiting_.empty()) {
      auto& [origin, held] = waiting_.front();
      bytes += held->append.bytes();
      if (bytes > batch_bytes_max_ && !next.tickets.empty())
        break;
      next.tickets.push_back(
        {std::move(origin), held->append.claim, held->append.to, std::move(held->leases)});
      next.batch->push_back(std::move(held->append));
      waiting_.pop_front();
    }
    return next;
  }

  /// All that waits, let go: the tickets say whom to tell.
  [[nodiscard]] std::vector<append_ticket<Origin>> let_go() {
    std::vector<append_ticket<Origin>> tickets;
    for (auto& [origin, held] : waiting_)
      tickets.push_back({std::move(origin), held->append.claim, held->append.to, {}});
    waiting_.clear();
    return tickets;
  }

private:
  std::size_t batch_bytes_max_;
  std::deque<std::pair<Origin, std::shared_ptr<held_append>>> waiting_;
};

} // namespace furrow::actors
