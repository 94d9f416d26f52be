/// A budget of memory. Every byte that is received and not yet durable is under a lease from a
/// budget. A node has one budget. Each session has a small one besides, so that no session uses all.
///
/// Shape: `acquire` grants at once or queues the caller. Each tenant has a queue, and tenants take
///   turns, so that the flood of one farm does not stop another farm. A lease returns its bytes when
///   it is destroyed, wherever the batch is then.
/// Threads: safe from any thread. A waiting caller is called on the thread that freed the memory.
/// Limits: used() never exceeds limit(). A request above the limit gets the limit.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace furrow::actors {

class memory_budget;

class memory_lease {
public:
  memory_lease() = default;
  memory_lease(memory_lease&& other) noexcept
    : owner_{std::move(other.owner_)}, bytes_{std::exchange(other.bytes_, 0)} {}
  memory_lease& operator=(memory_lease&& other) noexcept;
  memory_lease(const memory_lease&) = delete;
  memory_lease& operator=(const memory_lease&) = delete;
  ~memory_lease() { release(); }

  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  void release();

private:
  friend class memory_budget;
  memory_lease(std::shared_ptr<memory_budget> owner, std::size_t bytes)
    : owner_{std::move(owner)}, bytes_{bytes} {}
  std::shared_ptr<memory_budget> owner_;
  std::size_t bytes_ = 0;
};

/// Held by shared pointer: a lease keeps its budget alive.
class memory_budget : public std::enable_shared_from_this<memory_budget> {
public:
  [[nodiscard]] static std::shared_ptr<memory_budget> make(std::size_t limit);

  using waiter = std::function<void(memory_lease)>;
  /// Calls `granted` now, or when enough bytes are free. `tenant` names the queue.
  void acquire(const std::string& tenant, std::size_t bytes, waiter granted);

  /// The same without a queue: nothing when the request would have to wait.
  [[nodiscard]] std::optional<memory_lease> try_acquire(std::size_t bytes);

  [[nodiscard]] std::size_t limit() const { return limit_; }
  [[nodiscard]] std::size_t used() const;
  [[nodiscard]] std::size_t peak() const;
  [[nodiscard]] std::size_t waiting() const;

private:
  friend class memory_lease;
  struct request {
    std::size_t bytes = 0;
    waiter granted;
  };
  explicit memory_budget(std::size_t limit) : limit_{limit} {}
  void give_back(std::size_t bytes);
  void take(std::size_t bytes);

  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::size_t used_ = 0;
  std::size_t peak_ = 0;
  std::map<std::string, std::deque<request>> queues_; // only tenants with waiting requests
  std::string last_served_;
};

} // namespace furrow::actors
