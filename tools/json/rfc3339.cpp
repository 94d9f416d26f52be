#include "tools/json/rfc3339.hpp"

#include <limits>

namespace furrow::json_rows {

std::optional<std::int64_t> parse_time(std::string_view text) {
  if (text == "-infinity")
    return std::numeric_limits<std::int64_t>::min();
  if (text == "infinity" || text == "+infinity" || text == " infinity")
    return std::numeric_limits<std::int64_t>::max();
  constexpr std::size_t date_length_max = 10;
  std::string plus{text};
  if (const auto blank = plus.rfind(' '); blank != std::string::npos && blank > date_length_max)
    plus[blank] = '+';
  can::text::scan in{plus};
  auto time = can::text::take_time(in);
  if (!time)
    time = can::text::take_date(in);
  return in.done() ? time : std::nullopt;
}

} // namespace furrow::json_rows
