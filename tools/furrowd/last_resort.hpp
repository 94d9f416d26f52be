/// Ends the process when its shutdown hangs: in a call of a library, or in the destructor of something that waits for the
/// database.
///
/// Shape: a thread that only waits. Nothing durable depends on the rest of the shutdown: what is not durable is in the
///   spools of the gateways.
/// Threads: `arm` once, from any thread; the destructor calls it off.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

namespace furrow::daemon {

class last_resort {
public:
  last_resort() = default;
  last_resort(const last_resort&) = delete;
  last_resort& operator=(const last_resort&) = delete;
  ~last_resort() {
    {
      const std::lock_guard lock{mutex_};
      ended_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable())
      thread_.join();
  }

  void arm(std::chrono::seconds limit, int exit_code) {
    thread_ = std::thread{[this, limit, exit_code] {
      std::unique_lock lock{mutex_};
      if (!changed_.wait_for(lock, limit, [this] { return ended_; }))
        std::_Exit(exit_code);
    }};
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
  std::thread thread_;
};

} // namespace furrow::daemon
