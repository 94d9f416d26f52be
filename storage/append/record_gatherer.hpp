/// Batches of records that come while one transaction is under way share the next one.
///
/// Shape: the first batch goes at once and alone; what comes until it is answered makes a group. So nobody waits for a
///   timer, and the busier it is the more share a commit.
/// Errors: what a group's transaction fails with goes to each of its batches.
/// Threads: any. Handlers are called by whoever answers the group.
/// Limits: a group of group_batches_max batches and group_records_max records; waiting_max batches wait, one more fails
///   with retry_later.
#pragma once

#include "storage/records.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace furrow::storage {

using record_group = std::shared_ptr<const std::vector<record_batch>>;
/// One a batch of the group, in order.
using record_group_outcomes = std::vector<result<record_batch_outcome>>;

class record_gatherer : public std::enable_shared_from_this<record_gatherer> {
public:
  static constexpr std::size_t group_batches_max = 512;
  static constexpr std::size_t group_records_max = 16'384;
  static constexpr std::size_t waiting_max = 65'536;

  /// Stores a group; calls back once, perhaps at once.
  using store_group = std::function<void(record_group, handler<record_group_outcomes>)>;

  explicit record_gatherer(store_group store) : store_{std::move(store)} {}

  void submit(record_batch batch, handler<record_batch_outcome> done);

private:
  struct waiting {
    record_batch batch;
    handler<record_batch_outcome> done;
  };

  /// The next group; empty when nothing waits, and then nothing is under way.
  [[nodiscard]] std::vector<waiting> take();
  void send(std::vector<waiting> group);

  const store_group store_;
  std::mutex mutex_;
  std::deque<waiting> waiting_;
  bool under_way_ = false;
};

} // namespace furrow::storage
