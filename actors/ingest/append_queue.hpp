/// The decisions of an aggregator: when the next transaction begins, and which blocks it contains.
/// Blocks gather while the writer is busy, for `gather` after the start of the last transaction, and for
/// as long as the least patient of them allows. So a transaction grows with the load, and blocks of slow
/// machines share one. On an idle lane a block without patience does not wait.
///
/// Threads: owned by one actor.
/// Limits: waiting blocks hold leases of the node's budget; a batch ends at batch_bytes_max.
#pragma once

#include "actors/ingest/stream_intake.hpp"
#include "storage/store.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace furrow::actors {

/// One append that the store has not answered: its origin, and the memory that the answer frees.
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
  using clock = std::chrono::steady_clock;

  append_queue(std::size_t batch_bytes_max, std::chrono::milliseconds gather)
    : batch_bytes_max_{batch_bytes_max}, gather_{gather} {}

  void set_gather(std::chrono::milliseconds gather) { gather_ = gather; }

  void add(Origin origin, std::shared_ptr<held_append> held, clock::time_point now) {
    bytes_ += held->append.bytes();
    const auto by = now + held->patience;
    starts_by_ = waiting_.empty() ? by : std::min(starts_by_, by);
    waiting_.push_back({std::move(origin), std::move(held)});
  }

  [[nodiscard]] bool empty() const { return waiting_.empty(); }
  [[nodiscard]] std::size_t size() const { return waiting_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  /// How long the next transaction still gathers; 0 when it is full.
  [[nodiscard]] clock::duration wait(clock::time_point now) const {
    if (bytes_ >= batch_bytes_max_)
      return {};
    const auto at = taken_at_ ? std::max(*taken_at_ + gather_, starts_by_) : starts_by_;
    return std::max(at - now, clock::duration{0});
  }

  struct transaction {
    std::shared_ptr<storage::append_batch> batch = std::make_shared<storage::append_batch>();
    std::vector<append_ticket<Origin>> tickets; // one per append, in order
  };

  /// The oldest appends up to the limit; at least one unless the queue is empty.
  [[nodiscard]] transaction take(clock::time_point now) {
    taken_at_ = now;
    transaction next;
    std::size_t bytes = 0;
    while (!waiting_.empty()) {
      auto& [origin, held] = waiting_.front();
      const auto more = held->append.bytes();
      if (bytes + more > batch_bytes_max_ && !next.tickets.empty())
        break;
      bytes += more;
      next.tickets.push_back(
        {std::move(origin), held->append.claim, held->append.to, std::move(held->leases)});
      next.batch->push_back(std::move(held->append));
      waiting_.pop_front();
    }
    bytes_ -= std::min(bytes_, bytes);
    starts_by_ = now; // what is left has waited
    return next;
  }

  /// Drops all waiting appends; the tickets name their origins.
  [[nodiscard]] std::vector<append_ticket<Origin>> let_go() {
    std::vector<append_ticket<Origin>> tickets;
    for (auto& [origin, held] : waiting_)
      tickets.push_back({std::move(origin), held->append.claim, held->append.to, {}});
    waiting_.clear();
    bytes_ = 0;
    return tickets;
  }

private:
  std::size_t batch_bytes_max_;
  std::chrono::milliseconds gather_;
  std::size_t bytes_ = 0;                     // of the waiting appends
  std::optional<clock::time_point> taken_at_; // when the last transaction began
  clock::time_point starts_by_{};             // of the least patient of the waiting appends
  std::deque<std::pair<Origin, std::shared_ptr<held_append>>> waiting_;
};

} // namespace furrow::actors
