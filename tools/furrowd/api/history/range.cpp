#include "tools/furrowd/api/history/range.hpp"

#include "tools/json/rfc3339.hpp"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <iterator>

namespace furrow::http {

namespace {

constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t day_us = 86'400 * second_us;
constexpr std::int64_t latest_us = 7'258'118'400 * second_us; // the year 2200

std::int64_t now_us() {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

} // namespace

std::variant<history_range, problem> read_range(const call& call) {
  history_range out;
  out.farm = call.who.farm;
  out.equipment = call.path.at("name");
  if (!call.who.covers(out.equipment))
    return not_covered(out.equipment);
  std::optional<std::int64_t> from;
  std::optional<std::int64_t> to;
  for (const auto& [name, end] :
       {std::pair{"from", &from}, std::pair{"to", &to}, std::pair{"after", &out.after_us}})
    if (const auto* text = given(call, name)) {
      *end = json_rows::parse_time(*text);
      if (!*end || **end < 0 || **end > latest_us)
        return bad_parameter(name, *text,
                             "write times as 2026-05-01T06:30:00Z, of the years 1970 to 2200");
    }
  out.to_us = to.value_or(now_us());
  out.from_us = from.value_or(out.to_us - day_us);
  if (out.from_us > out.to_us)
    return bad_parameter("from", *given(call, "from"), "`from` is later than `to`");
  return out;
}

std::optional<std::int64_t> parse_length(std::string_view text) {
  constexpr std::int64_t longest_us = 366 * day_us;
  std::int64_t count = 0;
  const auto* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc{} || end - at != 1 || count < 1 || count > longest_us / second_us)
    return std::nullopt;
  std::int64_t unit = 0;
  switch (*at) {
  case 's':
    unit = second_us;
    break;
  case 'm':
    unit = 60 * second_us;
    break;
  case 'h':
    unit = 3'600 * second_us;
    break;
  case 'd':
    unit = day_us;
    break;
  default:
    return std::nullopt;
  }
  return count <= longest_us / unit ? std::optional{count * unit} : std::nullopt;
}

std::optional<problem> read_every(const call& call, std::int64_t& every_us) {
  const auto* every = given(call, "every");
  if (every == nullptr)
    return std::nullopt;
  if (given(call, "points") != nullptr)
    return problem{400, "bad_parameter", "every and points exclude each other", "give one of them"};
  const auto length = parse_length(*every);
  if (!length)
    return bad_parameter("every", *every, "write it as 10s, 5m, 1h or 2d, 1s to 366d");
  every_us = *length;
  return std::nullopt;
}

std::optional<problem>
read_zone(const call& call, bool whole_days, const char* ask, std::string& zone) {
  const auto* text = given(call, "zone");
  if (text == nullptr)
    return std::nullopt;
  if (!whole_days)
    return problem{400, "bad_parameter", "a zone says when days begin", fmt::format("add {}", ask)};
  if (text->empty())
    return bad_parameter("zone", *text, "write zone=Europe/Berlin, or zone=farm");
  zone = *text;
  return std::nullopt;
}

std::optional<problem> read_count(
  const call& call, const char* name, std::size_t low, std::size_t high, std::size_t& value) {
  const auto* text = given(call, name);
  if (text == nullptr)
    return std::nullopt;
  const auto* const end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc{} || at != end || value < low || value > high)
    return bad_parameter(name, *text, fmt::format("it is a whole number, {} to {}", low, high));
  return std::nullopt;
}

void append_numbers(std::string& out, const std::vector<double>& values, digits kept) {
  constexpr double float_integers_max = 1e7;
  out += '[';
  for (const auto value : values) {
    const auto narrow = static_cast<float>(value);
    if (!std::isfinite(value))
      out += "null";
    else if (kept == digits::of_float && std::abs(value) < float_integers_max
             && static_cast<double>(narrow) == value)
      fmt::format_to(std::back_inserter(out), "{}", narrow);
    else
      fmt::format_to(std::back_inserter(out), "{}", value);
    out += ',';
  }
  if (values.empty())
    out += ']';
  else
    out.back() = ']';
}

} // namespace furrow::http
