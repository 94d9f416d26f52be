/// Progress of long work on standard error: a new line now and then for a file, one line that is overwritten for a
/// terminal.
///
/// Threads: one; `with_progress` starts another, which calls `text`.
#pragma once

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace furrow::cli {

class progress {
public:
  using clock = std::chrono::steady_clock;

  progress(std::uint64_t total, bool terminal, std::string what = {})
    : total_{total}, terminal_{terminal}, what_{std::move(what)} {}

  void at(std::uint64_t rows, bool last = false) {
    const auto now = clock::now();
    if (!last
        && now - said_ < (terminal_ ? std::chrono::milliseconds{200} : std::chrono::seconds{10}))
      return;
    said_ = now;
    const auto elapsed = std::chrono::duration<double>(now - begun_).count();
    const auto rate = elapsed > 0 ? static_cast<double>(rows) / elapsed : 0;
    const auto left = rate > 0 ? static_cast<double>(total_ - std::min(rows, total_)) / rate : 0;
    const auto line = fmt::format(
      "{}{} of {} rows, {:.0f} %, {:.0f} rows/s, {:.0f} s left", what_, rows, total_,
      total_ == 0 ? 100.0 : 100.0 * static_cast<double>(rows) / static_cast<double>(total_), rate,
      left);
    fmt::print(stderr, "{}{}{}", terminal_ ? "\r" : "", line, terminal_ && !last ? "   " : "\n");
  }
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(clock::now() - begun_).count();
  }

private:
  std::uint64_t total_;
  bool terminal_;
  std::string what_;
  clock::time_point begun_ = clock::now();
  clock::time_point said_ = clock::now();
};

/// Work whose end is not known: says now and then how far it is, once it has taken a moment.
class work_progress {
public:
  using clock = std::chrono::steady_clock;

  /// `prints`: the work prints on standard output. A terminal that shows that itself needs no progress.
  explicit work_progress(std::string what, bool prints = true)
    : what_{std::move(what)}, terminal_{::isatty(STDERR_FILENO) == 1
                                        && (!prints || ::isatty(STDOUT_FILENO) != 1)} {}

  /// `text` is asked only when it is time to say something.
  template <class Text>
  void at(const Text& text) {
    const auto now = clock::now();
    if (now < next_)
      return;
    next_ = now + (terminal_ ? std::chrono::milliseconds{500} : std::chrono::seconds{10});
    shown_ = true;
    fmt::print(stderr, "{}{}: {}, {:.0f} s{}", terminal_ ? "\r" : "", what_, text(),
               std::chrono::duration<double>(now - begun_).count(), terminal_ ? "   " : "\n");
  }
  void end() {
    if (std::exchange(shown_, false) && terminal_)
      fmt::print(stderr, "\n");
  }

private:
  std::string what_;
  bool terminal_;
  bool shown_ = false;
  clock::time_point begun_ = clock::now();
  clock::time_point next_ =
    begun_ + (terminal_ ? std::chrono::milliseconds{1'000} : std::chrono::seconds{10});
};

/// Runs `work`, which prints nothing, and says meanwhile, from a thread of its own, how far it is.
template <class Work, class Text>
auto with_progress(const std::string& what, const Text& text, const Work& work) {
  std::mutex mutex;
  std::condition_variable ended;
  bool done = false;
  std::thread teller{[&] {
    work_progress progress{what, false};
    std::unique_lock lock{mutex};
    while (!ended.wait_for(lock, std::chrono::milliseconds{250}, [&] { return done; }))
      progress.at(text);
    progress.end();
  }};
  auto outcome = work();
  {
    const std::lock_guard lock{mutex};
    done = true;
  }
  ended.notify_one();
  teller.join();
  return outcome;
}

} // namespace furrow::cli
