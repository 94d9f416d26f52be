#include "actors/session/memory_budget.hpp"

#include <algorithm>
#include <vector>

namespace furrow::actors {

memory_lease& memory_lease::operator=(memory_lease&& other) noexcept {
  if (this != &other) {
    release();
    owner_ = std::move(other.owner_);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

void memory_lease::release() {
  if (const auto owner = std::exchange(owner_, nullptr))
    owner->give_back(std::exchange(bytes_, 0));
}

std::shared_ptr<memory_budget> memory_budget::make(std::size_t limit) {
  return std::shared_ptr<memory_budget>{new memory_budget{limit}};
}

void memory_budget::acquire(const std::string& tenant, std::size_t bytes, waiter granted) {
  bytes = std::min(bytes, limit_);
  {
    const std::lock_guard lock{mutex_};
    if (!queues_.empty() || used_ + bytes > limit_) {
      queues_[tenant].push_back({bytes, std::move(granted)});
      return;
    }
    take(bytes);
  }
  granted(memory_lease{shared_from_this(), bytes});
}

std::optional<memory_lease> memory_budget::try_acquire(std::size_t bytes) {
  bytes = std::min(bytes, limit_);
  {
    const std::lock_guard lock{mutex_};
    if (!queues_.empty() || used_ + bytes > limit_)
      return std::nullopt;
    take(bytes);
  }
  return memory_lease{shared_from_this(), bytes};
}

void memory_budget::take(std::size_t bytes) {
  used_ += bytes;
  peak_ = std::max(peak_, used_);
}

void memory_budget::give_back(std::size_t bytes) {
  std::vector<request> served;
  {
    const std::lock_guard lock{mutex_};
    used_ -= bytes;
    while (!queues_.empty()) {
      // the tenant after the one served last, in the order of names
      auto next = queues_.upper_bound(last_served_);
      if (next == queues_.end())
        next = queues_.begin();
      auto& first = next->second.front();
      if (used_ + first.bytes > limit_)
        break;
      take(first.bytes);
      last_served_ = next->first;
      served.push_back(std::move(first));
      next->second.pop_front();
      if (next->second.empty())
        queues_.erase(next);
    }
  }
  for (auto& one : served)
    one.granted(memory_lease{shared_from_this(), one.bytes});
}

std::size_t memory_budget::used() const {
  const std::lock_guard lock{mutex_};
  return used_;
}

std::size_t memory_budget::peak() const {
  const std::lock_guard lock{mutex_};
  return peak_;
}

std::size_t memory_budget::waiting() const {
  const std::lock_guard lock{mutex_};
  std::size_t count = 0;
  for (const auto& [tenant, queue] : queues_)
    count += queue.size();
  return count;
}

} // namespace furrow::actors
