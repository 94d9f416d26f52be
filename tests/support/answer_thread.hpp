/// A thread that gives the answers of fakes, in order, as the thread of a real node or store does.
///
/// Threads: `post` from any. The destructor drops what has not run.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace furrow::tests {

/// Runs functions in order on one thread.
class answer_thread {
public:
  answer_thread() : thread_{[this] { run(); }} {}
  ~answer_thread() {
    {
      const std::scoped_lock lock{mutex_};
      ended_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  answer_thread(const answer_thread&) = delete;
  answer_thread& operator=(const answer_thread&) = delete;

  void post(std::function<void()> call) {
    {
      const std::scoped_lock lock{mutex_};
      calls_.push_back(std::move(call));
    }
    wake_.notify_one();
  }

private:
  void run() {
    while (true) {
      std::unique_lock lock{mutex_};
      wake_.wait(lock, [this] { return ended_ || !calls_.empty(); });
      if (ended_)
        return;
      auto call = std::move(calls_.front());
      calls_.pop_front();
      lock.unlock();
      call();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> calls_;
  bool ended_ = false;
  std::thread thread_;
};

} // namespace furrow::tests
