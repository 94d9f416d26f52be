/// How much of an input could be read, and when it counts as unreadable: one rule for every program that reads logs.
///
/// Threads: a plain value.
#pragma once

#include <cstdint>

namespace furrow::logs {

struct input_tally {
  std::uint64_t read = 0; // frames, messages or records
  std::uint64_t bad = 0;  // lines that are none of them
  /// Whether so much could not be read that the input as a whole counts as unreadable: all of it, or more than 1 %.
  [[nodiscard]] constexpr bool unreadable() const { return bad * 100 > read + bad; }
};

} // namespace furrow::logs
