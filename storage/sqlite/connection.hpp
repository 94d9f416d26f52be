/// A connection to a SQLite file, and the one thread that runs its jobs in order.
///
/// Shape: a job learns whether the queue is closing; it then only answers its caller.
/// Threads: `post` from any; the destructor waits for the running job and closes the others. A
///   queue must not be destroyed on its own thread.
/// Limits: no limit in the queue itself: callers wait for answers before they send more.
#pragma once

#include "storage/sqlite/db.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace furrow::storage {

class work_queue {
public:
  using job = std::function<void(bool closing)>;

  work_queue() : thread_{[this] { work(); }} {}
  work_queue(const work_queue&) = delete;
  work_queue& operator=(const work_queue&) = delete;
  ~work_queue() { close(); }

  void post(job next) {
    {
      const std::lock_guard lock{mutex_};
      if (!closing_) {
        jobs_.push_back(std::move(next));
        wake_.notify_one();
        return;
      }
    }
    next(true);
  }

  void close() {
    {
      const std::lock_guard lock{mutex_};
      closing_ = true;
      wake_.notify_one();
    }
    if (thread_.joinable())
      thread_.join();
  }

private:
  void work() {
    std::unique_lock lock{mutex_};
    for (;;) {
      wake_.wait(lock, [this] { return closing_ || !jobs_.empty(); });
      if (jobs_.empty())
        return;
      const auto next = std::move(jobs_.front());
      jobs_.pop_front();
      const bool closing = closing_;
      lock.unlock();
      next(closing);
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<job> jobs_;
  bool closing_ = false;
  std::thread thread_; // last: it uses all the others
};

/// One connection and its thread. Lanes share it, so it lives as long as the last of them.
struct sqlite_connection {
  explicit sqlite_connection(std::unique_ptr<sqlite_db> opened) : db{std::move(opened)} {}

  std::unique_ptr<sqlite_db> db;
  work_queue queue; // last: closes before the database does

  template <class T, class Work>
  void submit(handler<T> done, Work work) {
    queue.post([this, done = std::move(done), work = std::move(work)](bool closing) {
      done(closing ? result<T>{failure{errc::retry_later, "the store is closing"}}
                   : guarded<T>(work));
    });
  }

  template <class T, class Work>
  result<T> guarded(const Work& work) {
    try {
      return work(*db);
    } catch (const sqlite_error& error) {
      return error.as_failure();
    }
  }
};

/// The two connections of a store: one writes, one reads.
struct sqlite_connections {
  std::shared_ptr<sqlite_connection> writer;
  std::shared_ptr<sqlite_connection> reader;
};

} // namespace furrow::storage
