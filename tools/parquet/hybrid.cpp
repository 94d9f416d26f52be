#include "tools/parquet/hybrid.hpp"

#include "tools/parquet/compact.hpp"

#include <algorithm>
#include <cstddef>

namespace furrow::parquet {

namespace {

constexpr std::size_t group = 8;

void append_packed(std::string& out, std::span<const std::uint32_t> values, unsigned bits) {
  if (values.empty())
    return;
  const auto groups = (values.size() + group - 1) / group;
  append_varint(out, groups << 1U | 1U);
  std::uint64_t held = 0;
  unsigned count = 0;
  for (std::size_t i = 0; i < groups * group; ++i) {
    held |= std::uint64_t{i < values.size() ? values[i] : 0} << count;
    for (count += bits; count >= 8; count -= 8, held >>= 8U)
      out += static_cast<char>(held);
  }
}

void append_run(std::string& out, std::uint32_t value, std::size_t count, unsigned bits) {
  append_varint(out, count << 1U);
  for (unsigned at = 0; at < bits; at += 8)
    out += static_cast<char>(value >> at);
}

} // namespace

void append_hybrid(std::string& out, std::span<const std::uint32_t> values, unsigned bits) {
  std::size_t packed = 0; // values from here on are not written yet
  for (std::size_t i = 0; i < values.size();) {
    auto end = i + 1;
    while (end < values.size() && values[end] == values[i])
      ++end;
    // Only whole groups may stand before a run.
    const auto first = packed + (i - packed + group - 1) / group * group;
    if (end >= first + group) {
      append_packed(out, values.subspan(packed, first - packed), bits);
      append_run(out, values[i], end - first, bits);
      packed = end;
    }
    i = end;
  }
  append_packed(out, values.subspan(packed), bits);
}

} // namespace furrow::parquet
