/// Waits for a fact about another process: checks repeatedly until a deadline.
///
/// Threads: blocks the caller.
#pragma once

#include <poll.h>

#include <algorithm>
#include <chrono>

namespace furrow::tests {

/// 10 ms between checks.
inline void pause_a_little() {
  ::poll(nullptr, 0, 10);
}

/// A tenth of what was waited, 10 ms at least and 100 ms at most: a check may cost a process or a session.
inline void pause_after(std::chrono::milliseconds waited) {
  ::poll(
    nullptr, 0,
    static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(waited.count() / 10, 10, 100)));
}

/// Whether `fact` held within `limit`.
template <class Fact>
[[nodiscard]] bool eventually(std::chrono::milliseconds limit, Fact fact) {
  const auto begun = std::chrono::steady_clock::now();
  while (!fact()) {
    const auto waited = std::chrono::steady_clock::now() - begun;
    if (waited > limit)
      return false;
    pause_after(std::chrono::duration_cast<std::chrono::milliseconds>(waited));
  }
  return true;
}

} // namespace furrow::tests
