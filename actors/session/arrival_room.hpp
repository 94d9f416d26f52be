/// Memory for message bodies that are still arriving: leased for what has come, not for what is announced, so that slow
/// senders do not keep others waiting.
///
/// Shape: the first `piece_bytes` of a body come from one budget, which small messages need alone. Larger ones go on in
///   `growing`. When that is used up, a body that has begun waits for `finishing`, which takes the whole rest: so some
///   always come to their end. A whole body is leased from the node's budget for what it becomes.
/// Threads: any.
/// Limits: the three together have the bytes that `make` is given.
#pragma once

#include "actors/session/memory_budget.hpp"

#include <cstddef>
#include <memory>

namespace furrow::actors {

struct arrival_room {
  static constexpr std::size_t unleased_bytes = 1'024; // that a session reads ahead in any case
  static constexpr std::size_t piece_bytes = 16U << 10U;
  static constexpr std::size_t growth_bytes = 64U << 10U;

  std::shared_ptr<memory_budget> first;
  std::shared_ptr<memory_budget> growing;
  std::shared_ptr<memory_budget> finishing;

  [[nodiscard]] static arrival_room make(std::size_t bytes) {
    return {memory_budget::make(bytes / 4), memory_budget::make(bytes / 2),
            memory_budget::make(bytes / 4)};
  }
  [[nodiscard]] std::size_t used() const {
    return first->used() + growing->used() + finishing->used();
  }
  [[nodiscard]] std::size_t peak() const {
    return first->peak() + growing->peak() + finishing->peak();
  }
};

} // namespace furrow::actors
