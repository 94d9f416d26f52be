#include "can/text/time.hpp"

#include "can/text/civil_time.hpp"
#include "can/text/put.hpp"

#include <chrono>
#include <cstdlib>

namespace furrow::can::text {

namespace {

/// `Z`, `+02:00`, `-03:30`: the offset to subtract to get UTC.
std::optional<std::int64_t> take_offset(scan& in) {
  if (in.take('Z') || in.take('z'))
    return 0;
  const bool west = in.peek() == '-';
  if (!in.take('-') && !in.take('+'))
    return std::nullopt;
  const auto hours = in.decimal(2);
  if (!hours || *hours > 23 || !in.take(':'))
    return std::nullopt;
  const auto minutes = in.decimal(2);
  if (!minutes || *minutes > 59)
    return std::nullopt;
  const auto amount = static_cast<std::int64_t>(*hours * 60 + *minutes) * 60 * second_us;
  return west ? -amount : amount;
}

} // namespace

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

std::optional<std::int64_t> take_time(scan& in) {
  auto at = in;
  const auto midnight = take_date(at);
  if (!midnight || (!at.take('T') && !at.take('t') && !at.take(' ')))
    return std::nullopt;
  const auto clock = take_clock(at);
  if (!clock)
    return std::nullopt;
  const auto offset = take_offset(at);
  if (!offset)
    return std::nullopt;
  in = at;
  return *midnight + *clock - *offset;
}

void append_time(std::string& out, std::int64_t time_us, unsigned decimals) {
  const auto days =
    std::chrono::floor<std::chrono::days>(std::chrono::microseconds{time_us}).count();
  const auto within = static_cast<std::uint64_t>(time_us - days * day_us);
  const auto date = date_of(days);
  const bool plain = date.year >= 0 && date.year <= 9'999;
  char text[64];
  char* at = text;
  if (!plain)
    *at++ = date.year < 0 ? '-' : '+';
  at = put_decimal(at, static_cast<std::uint64_t>(std::abs(date.year)), plain ? 4 : 6);
  const auto seconds = within / second_us;
  const auto put = [&at](char before, std::uint64_t value, int digits) {
    *at++ = before;
    at = put_decimal(at, value, digits);
  };
  put('-', date.month, 2);
  put('-', date.day, 2);
  put('T', seconds / 3'600, 2);
  put(':', seconds / 60 % 60, 2);
  put(':', seconds % 60, 2);
  put('.', within % second_us, 6);
  at -= 6 - decimals;
  *at++ = 'Z';
  out.append(text, at);
}

std::string format_time(std::int64_t time_us, unsigned decimals) {
  std::string out;
  append_time(out, time_us, decimals);
  return out;
}

} // namespace furrow::can::text
