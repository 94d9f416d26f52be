/// Settings of the digest: how often it runs and how much time it may take.
#pragma once

#include <chrono>

namespace furrow::actors {

/// See actors/background/digester.hpp.
struct digest_config {
  bool on = true;
  std::chrono::milliseconds interval{10'000}; // between the beginnings of two passes
  unsigned duty_pct = 25; // busy for this part of the time at most, while it catches up
  std::chrono::milliseconds telemetry_period{1'000}; // one row of a machine
};

} // namespace furrow::actors
