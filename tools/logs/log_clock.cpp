#include "tools/logs/log_clock.hpp"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <utility>

namespace furrow::logs {

namespace {

constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t year_2000_us = 946'684'800 * second_us;
constexpr const char* zones = "/usr/share/zoneinfo/";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// +HH:MM or -HH:MM
std::optional<std::int64_t> fixed_offset(const std::string& text) {
  if (text == "Z" || text == "UTC")
    return 0;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':')
    return std::nullopt;
  for (const auto at : {1U, 2U, 4U, 5U})
    if (!is_digit(text[at]))
      return std::nullopt;
  const std::int64_t hours = (text[1] - '0') * 10 + (text[2] - '0');
  const std::int64_t minutes = (text[4] - '0') * 10 + (text[5] - '0');
  if (hours > 14 || minutes > 59)
    return std::nullopt;
  return (text[0] == '-' ? -1 : 1) * (hours * 60 + minutes) * 60 * second_us;
}

bool has_local_times(can::log_format format) {
  return format == can::log_format::asc || format == can::log_format::trc
         || format == can::log_format::rp1210;
}

} // namespace

std::int64_t time_zone::offset_at(std::int64_t local_us) const {
  if (offset_us)
    return *offset_us;
  const auto local = static_cast<std::time_t>(local_us / second_us);
  std::tm fields{};
  gmtime_r(&local, &fields);
  fields.tm_isdst = -1; // the zone decides
  const auto utc = std::mktime(&fields);
  return (local - utc) * second_us;
}

result<time_zone> find_time_zone(const std::string& text) {
  if (const auto offset = fixed_offset(text))
    return time_zone{text, offset};
  const bool plain = !text.empty() && text[0] != '/' && text.find("..") == std::string::npos;
  if (!plain || !std::filesystem::is_regular_file(zones + text))
    return failure{errc::usage, "--time-zone " + text
                                  + " is neither a distance such as +02:00 nor a zone of this "
                                    "computer such as Europe/Berlin"};
  ::setenv("TZ", (":" + text).c_str(), 1);
  ::tzset();
  return time_zone{text, std::nullopt};
}

std::int64_t log_clock::utc_of(std::int64_t logged_us, can::log_format format) {
  if (logged_us < year_2000_us) {
    if (settings_.start_us)
      return *settings_.start_us + logged_us;
    warn(warned_early_,
         "the log has times before the year 2000, or without a date: they are kept as "
         "they are; --start TIME says when the log began");
    return logged_us;
  }
  if (!settings_.zone)
    return logged_us;
  if (!has_local_times(format)) {
    warn(warned_zone_, "--time-zone has no use: the times of " + std::string{can::to_string(format)}
                         + " logs do not depend on a zone");
    return logged_us;
  }
  if (!offset_us_)
    offset_us_ = settings_.zone->offset_at(logged_us);
  return logged_us - *offset_us_;
}

void log_clock::warn(bool& warned, const std::string& text) {
  if (!std::exchange(warned, true) && settings_.warn)
    settings_.warn(text);
}

} // namespace furrow::logs
