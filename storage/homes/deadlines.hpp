/// Runs functions later, on a thread of its own.
///
/// Shape: what has not run when it is destroyed never does.
/// Threads: `after` is safe from any. It must not be destroyed on its own thread.
/// Limits: none of its own; each function waits a few seconds at most.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace furrow::storage {

class deadlines {
public:
  deadlines();
  deadlines(const deadlines&) = delete;
  deadlines& operator=(const deadlines&) = delete;
  ~deadlines();
  void after(std::chrono::milliseconds wait, std::function<void()> run);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace furrow::storage
