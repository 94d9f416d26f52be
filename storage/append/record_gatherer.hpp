/// Puts batches of records that arrive during a transaction into the next transaction together.
///
/// Shape: the first batch is stored at once and alone. The batches that arrive before its answer make a group. So no
///   batch waits for a timer, and under load more batches share a commit.
/// Errors: the failure of a group's transaction goes to each of its batches.
/// Threads: any. Handlers run on the thread that answers the group.
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
/// One for each batch of the group, in order.
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

  /// The next group; empty when no batch waits, and then no transaction runs.
  [[nodiscard]] std::vector<waiting> take();
  void send(std::vector<waiting> group);

  const store_group store_;
  std::mutex mutex_;
  std::deque<waiting> waiting_;
  bool under_way_ = false;
};

} // namespace furrow::storage
