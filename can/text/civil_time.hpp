/// Days and times of day to microseconds and back, in the proleptic Gregorian calendar and UTC.
///
/// Source: the day count is the usual shift of the year to March with cycles of 400 years (146,097
/// days).
#pragma once

#include <cstdint>

namespace furrow::can {

inline constexpr std::int64_t second_us = 1'000'000;
inline constexpr std::int64_t day_us = 86'400 * second_us;

struct civil_date {
  int year = 1970;
  unsigned month = 1; // 1..12
  unsigned day = 1;   // 1..31

  friend constexpr bool operator==(civil_date, civil_date) = default;
};

/// Days since 1970-01-01.
[[nodiscard]] constexpr std::int64_t days_of(civil_date date) {
  const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year =
    (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
  return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year
         - 719'468;
}

[[nodiscard]] constexpr civil_date date_of(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const std::int64_t day_of_era = days - era * 146'097;
  const std::int64_t year_of_era =
    (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year =
    day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted = (5 * day_of_year + 2) / 153;
  const auto month = static_cast<unsigned>(shifted < 10 ? shifted + 3 : shifted - 9);
  return {static_cast<int>(year_of_era + era * 400 + (month <= 2 ? 1 : 0)), month,
          static_cast<unsigned>(day_of_year - (153 * shifted + 2) / 5 + 1)};
}

/// Whether the calendar has this day.
[[nodiscard]] constexpr bool exists(civil_date date) {
  return date.month >= 1 && date.month <= 12 && date.day >= 1 && date_of(days_of(date)) == date;
}

struct time_of_day {
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
  unsigned us = 0;
};

[[nodiscard]] constexpr std::int64_t to_us(time_of_day time) {
  return ((std::int64_t{time.hour} * 60 + time.minute) * 60 + time.second) * second_us + time.us;
}

} // namespace furrow::can
