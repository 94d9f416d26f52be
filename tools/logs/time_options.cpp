#include "tools/logs/time_options.hpp"

#include "can/records/body.hpp"

#include <utility>

#include <CLI/App.hpp>

namespace furrow::logs {

void add_time_options(CLI::App& command, time_options& to) {
  command.add_option("--start", to.start,
                     "time at which a log with relative times began, such as 2026-05-01T06:30:00Z");
  command.add_option("--time-zone", to.zone,
                     "zone of a log with local times (ASC, TRC, RP1210): +02:00 or Europe/Berlin; "
                     "default: UTC");
}

result<log_times> times_of(const time_options& typed) {
  log_times times;
  if (!typed.start.empty()) {
    times.start_us = can::parse_record_time(typed.start);
    if (!times.start_us)
      return failure{errc::usage, "--start: " + std::string{can::record_time_hint}};
  }
  if (!typed.zone.empty()) {
    auto zone = find_time_zone(typed.zone);
    if (!zone)
      return zone.error();
    times.zone = std::move(*zone);
  }
  return times;
}

} // namespace furrow::logs
