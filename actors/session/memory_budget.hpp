/// A budget of memory: every byte received and not yet durable stands under a lease from one of
/// these. A node has one; each session has a small one besides, so that no session takes the whole.
///
/// Shape: `acquire` answers at once or queues the caller; queues are per tenant and served in turn,
/// so that one farm's
///   flood does not stop another's. A lease gives its bytes back when it is destroyed, wherever the
///   batch has got to.
/// Threads: all of it is safe from any thread; a waiter is called on the thread that freed the
/// room. Limits: used() never passes limit(). A request above the limit is cut down to the limit.
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
  /// Calls `granted` now, or when others have given enough back. `tenant` names the queue.
  void acquire(const std::string& tenant, std::size_t bytes, waiter granted);

  /// The same without a queue: nothing when it would have to wait.
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
  std::map<std::string, std::deque<request>> queues_; // only tenants that wait
  std::string last_served_;
};

} // namespace furrow::actors
