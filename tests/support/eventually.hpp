/// Waits for a fact about another process: checks repeatedly until a deadline.
///
/// Threads: blocks the caller.
#pragma once

#include <poll.h>

#include <chrono>

namespace furrow::tests {

/// 10 ms between checks.
inline void pause_a_little() {
  ::poll(nullptr, 0, 10);
}

/// Whether `fact` held within `limit`.
template <class Fact>
[[nodiscard]] bool eventually(std::chrono::milliseconds limit, Fact fact) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!fact()) {
    if (std::chrono::steady_clock::now() > deadline)
      return false;
    pause_a_little();
  }
  return true;
}

} // namespace furrow::tests
