/// One thread and the jobs that it does one after the other.
///
/// Shape: a job is told whether the queue is closing: it then only answers its caller.
/// Threads: `post` from any; the destructor waits for the running job and closes the others. A
///   queue must not be destroyed by its own thread.
/// Limits: none of its own: callers wait for answers before they send more.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
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

} // namespace furrow::storage
