#include "storage/archive/number_ranges.hpp"

#include <algorithm>

namespace furrow::storage {

number_ranges merged(number_ranges ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const number_range& a, const number_range& b) {
    return a.first != b.first ? a.first < b.first : a.last < b.last;
  });
  number_ranges out;
  for (const auto& one : ranges)
    if (!out.empty() && one.first <= out.back().last + 1)
      out.back().last = std::max(out.back().last, one.last);
    else
      out.push_back(one);
  return out;
}

number_ranges without(const number_ranges& ranges, const number_ranges& gone) {
  number_ranges out;
  std::size_t at = 0;
  for (const auto& [first, last] : ranges) {
    auto next = first;
    while (at < gone.size() && gone[at].last < first)
      ++at;
    bool left = true;
    for (auto i = at; i < gone.size() && gone[i].first <= last; ++i) {
      if (gone[i].first > next)
        out.push_back({next, gone[i].first - 1});
      left = gone[i].last < last;
      next = gone[i].last + 1;
    }
    if (left)
      out.push_back({next, last});
  }
  return out;
}

number_ranges common(const number_ranges& ranges, const number_ranges& other) {
  return without(ranges, without(ranges, other));
}

std::uint64_t count_of(const number_ranges& ranges) {
  std::uint64_t count = 0;
  for (const auto& one : ranges)
    count += one.last - one.first + 1;
  return count;
}

} // namespace furrow::storage
