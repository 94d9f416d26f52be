#include "tools/json/rfc3339.hpp"

#include "can/text/civil_time.hpp"
#include "can/text/time.hpp"

#include <fmt/format.h>

#include <limits>

namespace furrow::http {

namespace {

/// "Z", "+02:00", "-03:30": the offset to subtract to get UTC.
std::optional<std::int64_t> take_offset_us(can::text::scan& in) {
  if (in.take('Z') || in.take('z'))
    return 0;
  const bool west = in.peek() == '-';
  if (!in.take('-') && !in.take('+') && !in.take(' '))
    return std::nullopt;
  const auto hours = in.decimal(2);
  if (!hours || *hours > 23 || !in.take(':'))
    return std::nullopt;
  const auto minutes = in.decimal(2);
  if (!minutes || *minutes > 59)
    return std::nullopt;
  const auto amount = static_cast<std::int64_t>(*hours * 60 + *minutes) * 60 * can::second_us;
  return west ? -amount : amount;
}

} // namespace

std::string format_time(std::int64_t time_us) {
  const auto days = time_us / can::day_us - (time_us % can::day_us < 0 ? 1 : 0);
  const auto within = time_us - days * can::day_us;
  const auto date = can::date_of(days);
  const auto seconds = within / can::second_us;
  const auto year = date.year >= 0 && date.year <= 9'999 ? fmt::format("{:04}", date.year)
                                                         : fmt::format("{:+07}", date.year);
  return fmt::format("{}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", year, date.month, date.day,
                     seconds / 3'600, seconds / 60 % 60, seconds % 60, within % can::second_us);
}

std::optional<std::int64_t> parse_time(std::string_view text) {
  if (text == "-infinity")
    return std::numeric_limits<std::int64_t>::min();
  if (text == "infinity" || text == "+infinity" || text == " infinity")
    return std::numeric_limits<std::int64_t>::max();
  can::text::scan in{text};
  const auto midnight = can::text::take_date(in);
  if (!midnight || in.done())
    return midnight;
  if (!in.take('T') && !in.take('t') && !in.take(' '))
    return std::nullopt;
  const auto clock = can::text::take_clock(in);
  if (!clock)
    return std::nullopt;
  const auto offset = take_offset_us(in);
  if (!offset || !in.done())
    return std::nullopt;
  return *midnight + *clock - *offset;
}

} // namespace furrow::http
