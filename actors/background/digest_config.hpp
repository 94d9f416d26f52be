/// Settings of the digest: how often it runs and how much time it may take.
#pragma once

#include <chrono>
#include <cstddef>

namespace furrow::actors {

/// See actors/background/digester.hpp.
struct digest_config {
  bool on = true;
  std::size_t home = 0; // the index of the database in storage/homes/home_stores.hpp
  std::chrono::milliseconds interval{
    10'000};                                 // from the start of one pass to the start of the next,
  std::chrono::milliseconds longest{10'000}; // or this long while nobody reads history
  unsigned duty_pct = 25; // largest share of time for the digest while it is behind
  std::chrono::milliseconds telemetry_period{1'000}; // between telemetry rows of one machine
};

} // namespace furrow::actors
