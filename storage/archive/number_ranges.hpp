/// Numbers of a stream as ranges, both ends included.
///
/// Shape: results are in order, and their ranges do not touch.
/// Threads: plain values, pure functions.
#pragma once

#include <cstdint>
#include <vector>

namespace furrow::storage {

struct number_range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  friend bool operator==(const number_range&, const number_range&) = default;
};
using number_ranges = std::vector<number_range>;

/// In order; ranges that touch are joined.
[[nodiscard]] number_ranges merged(number_ranges ranges);
/// The numbers of `ranges` that are not in `gone`; both merged.
[[nodiscard]] number_ranges without(const number_ranges& ranges, const number_ranges& gone);
/// The numbers that are in `ranges` and in `other`; both merged.
[[nodiscard]] number_ranges common(const number_ranges& ranges, const number_ranges& other);
[[nodiscard]] std::uint64_t count_of(const number_ranges& ranges);

} // namespace furrow::storage
