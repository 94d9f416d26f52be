/// The times of PostgreSQL's binary format.
///
/// Units: microseconds.
#pragma once

#include <cstdint>

namespace furrow::storage::postgres_work {

/// PostgreSQL counts time from 2000-01-01; its first moment is 4713-11-24 BC.
inline constexpr std::int64_t epoch_2000_us = 946'684'800'000'000;
inline constexpr std::int64_t time_us_min = -210'866'803'200'000'000;

} // namespace furrow::storage::postgres_work
