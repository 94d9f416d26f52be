/// A number as JSON with all its digits: a whole number that a double has rounded is written as it is.
///
/// Errors: a whole number below -2^63, which the JSON library cannot hold, is rounded; one that is not finite is null.
/// Threads: pure functions.
#pragma once

#include "can/whole_number.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include <nlohmann/json.hpp>

namespace furrow::json_rows {

[[nodiscard]] inline nlohmann::ordered_json
number_json(double number, const std::optional<can::whole_number>& whole) {
  constexpr std::uint64_t negative_max = std::uint64_t{1} << 63U;
  if (whole && !whole->negative)
    return whole->magnitude;
  if (whole && whole->magnitude < negative_max)
    return -static_cast<std::int64_t>(whole->magnitude);
  if (whole && whole->magnitude == negative_max)
    return std::numeric_limits<std::int64_t>::min();
  return std::isfinite(number) ? nlohmann::ordered_json(number) : nlohmann::ordered_json(nullptr);
}

} // namespace furrow::json_rows
