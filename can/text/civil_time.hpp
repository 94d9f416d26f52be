/// Days and times of day to microseconds and back, in the proleptic Gregorian calendar and UTC.
#pragma once

#include <chrono>
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

/// Days since 1970-01-01. The year is from -32767 to 32767.
[[nodiscard]] constexpr std::int64_t days_of(civil_date date) {
  const std::chrono::year_month_day day{std::chrono::year{date.year},
                                        std::chrono::month{date.month}, std::chrono::day{date.day}};
  return std::chrono::sys_days{day}.time_since_epoch().count();
}

/// The date of any number of days that microseconds can count. std::chrono::year ends at 32767, but
/// the calendar repeats every 400 years.
[[nodiscard]] constexpr civil_date date_of(std::int64_t days) {
  constexpr std::int64_t cycle_days = 146'097;
  const std::chrono::year_month_day day{
    std::chrono::sys_days{std::chrono::days{days % cycle_days}}};
  return {static_cast<int>(day.year()) + static_cast<int>(days / cycle_days * 400),
          static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day())};
}

/// Whether this day exists; month and day are below 256.
[[nodiscard]] constexpr bool exists(civil_date date) {
  return std::chrono::year_month_day{std::chrono::year{date.year}, std::chrono::month{date.month},
                                     std::chrono::day{date.day}}
    .ok();
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
