/// `furrow-sim log`: writes simulated traffic as a candump log.
#pragma once

#include <cstdint>
#include <cstdio>

namespace furrow::sim {

struct log_options {
  std::uint32_t machines = 1; // each on its own interface
  double seconds = 60;
  double rate = 300;
  std::uint64_t seed = 1;
};

/// Returns false if `out` takes no more.
[[nodiscard]] bool write_log(const log_options& options, std::FILE* out);

} // namespace furrow::sim
