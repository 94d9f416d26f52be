/// `furrow-sim log`: simulated traffic as a candump log.
#pragma once

#include <cstdint>
#include <cstdio>

namespace furrow::sim {

struct log_options {
  std::uint32_t machines = 1; // each on an interface of its own
  double seconds = 60;
  double rate = 300;
  std::uint64_t seed = 1;
};

/// False when `out` takes no more.
[[nodiscard]] bool write_log(const log_options& options, std::FILE* out);

} // namespace furrow::sim
