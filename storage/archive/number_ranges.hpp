/// Numbers of a stream as ranges, both ends included.
///
/// Shape: what comes out is in order, and ranges do not touch.
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

/// In order, joined where they touch.
[[nodiscard]] number_ranges merged(number_ranges ranges);
/// Those of `ranges` that are not in `gone`; both merged.
[[nodiscard]] number_ranges without(const number_ranges& ranges, const number_ranges& gone);
/// Those of `ranges` that are in `other` too; both merged.
[[nodiscard]] number_ranges common(const number_ranges& ranges, const number_ranges& other);
[[nodiscard]] std::uint64_t count_of(const number_ranges& ranges);

} // namespace furrow::storage
