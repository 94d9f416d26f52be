#include "tools/furrow/time_option.hpp"

#include "can/text/time.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <ctime>
#include <utility>

#include <CLI/Validators.hpp>

namespace furrow::cli {

namespace {

constexpr std::int64_t second_us = 1'000'000;

/// Microseconds since 1970 of a local day and the time on its clock.
std::optional<std::int64_t> local_moment(std::int64_t day_us_utc, std::int64_t clock_us) {
  const auto days = static_cast<std::time_t>(day_us_utc / second_us);
  std::tm parts{};
  if (::gmtime_r(&days, &parts) == nullptr)
    return std::nullopt;
  const auto seconds = clock_us / second_us;
  parts.tm_hour = static_cast<int>(seconds / 3'600);
  parts.tm_min = static_cast<int>(seconds / 60 % 60);
  parts.tm_sec = static_cast<int>(seconds % 60);
  parts.tm_isdst = -1; // the C library knows
  const auto at = ::mktime(&parts);
  return static_cast<std::int64_t>(at) * second_us + clock_us % second_us;
}

/// The local day of now, as its midnight in UTC, plus so many days.
std::int64_t day_of(std::int64_t now_us, int days) {
  const auto now = static_cast<std::time_t>(now_us / second_us);
  std::tm parts{};
  ::localtime_r(&now, &parts);
  parts.tm_mday += days;
  parts.tm_hour = parts.tm_min = parts.tm_sec = 0;
  return static_cast<std::int64_t>(::timegm(&parts)) * second_us;
}

/// `-90s`, `-15min`, `-1h`, `-2d`, `-1w`: microseconds before now.
std::optional<std::int64_t> ago(std::string_view text) {
  if (!text.starts_with('-'))
    return std::nullopt;
  text.remove_prefix(1);
  std::uint32_t amount = 0;
  const auto* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, amount);
  if (error != std::errc{})
    return std::nullopt;
  const std::string_view unit{at, static_cast<std::size_t>(end - at)};
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 6> units{
    {{"s", 1}, {"m", 60}, {"min", 60}, {"h", 3'600}, {"d", 86'400}, {"w", 604'800}}};
  for (const auto& [name, seconds] : units)
    if (name == unit)
      return amount * seconds * second_us;
  return std::nullopt;
}

/// `06:30` or `06:30:10.5` to its end, as microseconds since midnight.
std::optional<std::int64_t> whole_clock(std::string_view text) {
  constexpr std::size_t minutes_only = 5;
  std::string padded{text};
  if (padded.size() == minutes_only)
    padded += ":00";
  can::text::scan in{padded};
  const auto clock = can::text::take_clock(in);
  return in.done() ? clock : std::nullopt;
}

std::optional<std::int64_t> without_zone(std::string_view text, std::int64_t now_us) {
  if (const auto clock = whole_clock(text))
    return local_moment(day_of(now_us, 0), *clock);
  constexpr std::size_t date_length = 10;
  can::text::scan in{text.substr(0, date_length)};
  const auto day = can::text::take_date(in);
  if (!day || !in.done())
    return std::nullopt;
  if (text.size() == date_length)
    return local_moment(*day, 0);
  if (text[date_length] != 'T' && text[date_length] != ' ')
    return std::nullopt;
  const auto clock = whole_clock(text.substr(date_length + 1));
  return clock ? local_moment(*day, *clock) : std::nullopt;
}

std::optional<std::int64_t> moment_of(std::string_view text, std::int64_t now_us) {
  if (text == "now")
    return now_us;
  if (text == "today")
    return local_moment(day_of(now_us, 0), 0);
  if (text == "yesterday")
    return local_moment(day_of(now_us, -1), 0);
  if (const auto past = ago(text))
    return now_us - *past;
  can::text::scan in{text};
  if (const auto time = can::text::take_time(in); time && in.done())
    return time;
  return without_zone(text, now_us);
}

} // namespace

std::optional<std::string> moment_text(std::string_view typed, std::int64_t now_us) {
  if (typed == "-infinity" || typed == "infinity" || typed == "+infinity")
    return std::string{typed == "+infinity" ? "infinity" : typed};
  const auto moment = moment_of(typed, now_us);
  return moment ? std::optional{can::text::format_time(*moment)} : std::nullopt;
}

CLI::Option*
add_time_option(CLI::App& command, const std::string& name, std::string& into, const char* help) {
  const auto read = [](std::string& typed) -> std::string {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    auto text =
      moment_text(typed, std::chrono::duration_cast<std::chrono::microseconds>(now).count());
    if (!text)
      return "\"" + typed
             + "\" is not a time: write 2026-05-01T06:30:00Z, a local time as 2026-05-01T06:30, "
               "06:30, a day, today, yesterday, or -15min, -1h, -2d before now";
    typed = std::move(*text);
    return "";
  };
  return command.add_option(name, into, help)
    ->transform(CLI::Validator{read, ""})
    ->type_name("TIME");
}

} // namespace furrow::cli
