/// Steps for tests of retention and partitions: farms with their own rules, and each call as one line.
#pragma once

#include "storage/partitions.hpp"
#include "storage/retention.hpp"
#include "tests/storage/suite/store_bed.hpp"

#include <cstdint>
#include <string>

namespace furrow::tests {

inline constexpr std::int64_t day_us = std::int64_t{24} * 3'600'000'000;
/// Monday 2026-11-16 00:00:00 UTC: the beginning of a week.
inline constexpr std::int64_t monday_us = 1'794'787'200'000'000;

/// Appends to a machine of this farm a block of 600 frames for each time, 0.8 s long; answers the
/// stream's last number.
std::uint64_t append_days(storage::store& store,
                          const std::string& farm,
                          const std::string& equipment,
                          unsigned stream,
                          const std::vector<std::int64_t>& times_us);

[[nodiscard]] storage::ledger_row
ledger_of(storage::store& store, const std::string& farm, const std::string& equipment);

void keep(storage::store& care,
          const std::string& farm,
          storage::data_kind kind,
          std::optional<std::uint32_t> days);
[[nodiscard]] storage::result<storage::expire_outcome>
expire(storage::store& care, std::int64_t at_us, std::uint32_t steps_max = 0);
[[nodiscard]] storage::result<storage::partition_outcome> keep_partitions(storage::store& care,
                                                                          std::int64_t at_us);
/// Lost and doubled items of all streams; must be none.
void check_nothing_lost(storage::store& store);

} // namespace furrow::tests
