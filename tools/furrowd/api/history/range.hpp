/// What the routes of history share: machine and times of a call, lengths of time, columns of numbers as JSON.
///
/// Errors: a `problem` names the parameter, its value and what to write.
/// Threads: pure functions.
#pragma once

#include "tools/furrowd/api/answers.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace furrow::http {

/// A machine that the caller may see, and a time that both ends belong to.
struct history_range {
  std::string farm;
  std::string equipment;
  std::int64_t from_us = 0; // by default a day before `to_us`
  std::int64_t to_us = 0;   // by default now
  std::optional<std::int64_t> after_us;
};
[[nodiscard]] std::variant<history_range, problem> read_range(const call& call);

/// "10s", "5m", "1h", "2d": whole numbers of 1 s to 366 days, in microseconds; nothing for another text.
[[nodiscard]] std::optional<std::int64_t> parse_length(std::string_view text);
/// The parameter `every` in microseconds, which excludes `points`; leaves `every_us` as it is when it is absent.
[[nodiscard]] std::optional<problem> read_every(const call& call, std::int64_t& every_us);
/// The parameter `zone`, which needs days: `whole_days` says whether the caller asked for them, `ask` how to.
[[nodiscard]] std::optional<problem>
read_zone(const call& call, bool whole_days, const char* ask, std::string& zone);
/// A parameter that is a whole number from `low` to `high`; leaves `value` as it is when the parameter is absent.
[[nodiscard]] std::optional<problem> read_count(
  const call& call, const char* name, std::size_t low, std::size_t high, std::size_t& value);

/// How many digits a column has.
enum class digits : std::uint8_t { of_double, of_float };
/// "[1,2,null]", each number as short as its precision allows; null for NaN. `of_float`: a value that a float holds is
/// written as a float, others as a double.
void append_numbers(std::string& out, const std::vector<double>& values, digits kept);
template <class T>
void append_integers(std::string& out, const std::vector<T>& values) {
  out += '[';
  for (const auto value : values)
    (out += std::to_string(value)) += ',';
  if (values.empty())
    out += ']';
  else
    out.back() = ']';
}

} // namespace furrow::http
