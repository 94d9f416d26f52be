/// Rows of telemetry as SQL makes them, and an answer of the history as lines.
#pragma once

#include "tests/storage/suite/store_bed.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace furrow::tests {

inline constexpr std::int64_t second_us = 1'000'000;

/// One row a second of the machine of a farm, from this second on. The numbers of the items are 0, 1, 2 ...; the speed
/// is the second of the row.
void fill_telemetry(store_bed& bed, const std::string& farm, std::int64_t from_us, int seconds);

/// "time speed mode" of machine T1, one row in each interval; 0: every row. Sorted by time.
[[nodiscard]] std::vector<std::string> telemetry_lines(storage::store& store,
                                                       const std::string& farm,
                                                       std::int64_t from_us,
                                                       std::int64_t to_us,
                                                       std::int64_t every_us);

} // namespace furrow::tests
