#include "storage/append/record_gatherer.hpp"

namespace furrow::storage {

void record_gatherer::submit(record_batch batch, handler<record_batch_outcome> done) {
  std::unique_lock lock{mutex_};
  if (waiting_.size() >= waiting_max) {
    lock.unlock();
    done(failure{errc::retry_later, "too many batches of records wait for the database"});
    return;
  }
  waiting_.push_back({std::move(batch), std::move(done)});
  const bool first = !std::exchange(under_way_, true);
  lock.unlock();
  if (first)
    send(take());
}

std::vector<record_gatherer::waiting> record_gatherer::take() {
  const std::lock_guard lock{mutex_};
  std::vector<waiting> group;
  std::size_t records = 0;
  while (!waiting_.empty() && group.size() < group_batches_max) {
    records += waiting_.front().batch.records.size();
    if (!group.empty() && records > group_records_max)
      break;
    group.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  under_way_ = !group.empty();
  return group;
}

void record_gatherer::send(std::vector<waiting> group) {
  if (group.empty())
    return;
  auto batches = std::make_shared<std::vector<record_batch>>();
  auto handlers = std::make_shared<std::vector<handler<record_batch_outcome>>>();
  for (auto& one : group) {
    batches->push_back(std::move(one.batch));
    handlers->push_back(std::move(one.done));
  }
  store_(std::move(batches),
         [self = shared_from_this(), handlers](result<record_group_outcomes> outcomes) {
           for (std::size_t i = 0; i < handlers->size(); ++i)
             (*handlers)[i](outcomes ? std::move((*outcomes)[i])
                                     : result<record_batch_outcome>{outcomes.error()});
           self->send(self->take());
         });
}

} // namespace furrow::storage
