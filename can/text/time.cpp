#include "can/text/time.hpp"

#include "can/text/civil_time.hpp"

namespace furrow::can::text {

std::optional<std::int64_t> take_date(scan& in) {
  auto at = in;
  const auto year = at.decimal(4);
  if (!year || !at.take('-'))
    return std::nullopt;
  const auto month = at.decimal(2);
  if (!month || !at.take('-'))
    return std::nullopt;
  const auto day = at.decimal(2);
  const civil_date date{static_cast<int>(*year), static_cast<unsigned>(*month),
                        static_cast<unsigned>(day.value_or(0))};
  if (!day || !exists(date))
    return std::nullopt;
  in = at;
  return days_of(date) * day_us;
}

std::optional<std::int64_t> take_clock(scan& in) {
  auto at = in;
  const auto hour = at.decimal(2);
  if (!hour || *hour > 23 || !at.take(':'))
    return std::nullopt;
  const auto minute = at.decimal(2);
  if (!minute || *minute > 59 || !at.take(':'))
    return std::nullopt;
  const auto second = at.decimal(2);
  if (!second || *second > 60)
    return std::nullopt;
  std::optional<std::uint32_t> us = 0;
  if (at.take('.'))
    us = at.fraction_us(9);
  if (!us)
    return std::nullopt;
  in = at;
  return to_us({static_cast<unsigned>(*hour), static_cast<unsigned>(*minute),
                static_cast<unsigned>(*second), *us});
}

} // namespace furrow::can::text
