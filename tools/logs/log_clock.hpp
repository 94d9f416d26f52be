/// Turns the times of a log into times since 1970, UTC: with the zone of local times, and the start of relative ones.
///
/// Shape: formats without a zone (ASC, TRC, RP1210) are local times of `zone`. A time before the year 2000 has no date:
///   it counts from `start`.
/// Units: microseconds.
/// Errors: warns once of times that stay before the year 2000, and of a setting without use.
/// Threads: a plain value; find_time_zone must be called before other threads start.
/// Limits: one log has one distance from UTC, that of its first frame.
#pragma once

#include "can/logs/log_format.hpp"
#include "tools/logs/errc.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace furrow::logs {

/// A fixed distance from UTC, or the name of a zone of this computer.
struct time_zone {
  std::string name;
  std::optional<std::int64_t> offset_us;

  /// What to take from a local time to get UTC.
  [[nodiscard]] std::int64_t offset_at(std::int64_t local_us) const;
};
/// `Z`, `+02:00`, `Europe/Berlin`. A named zone becomes the zone of this process.
[[nodiscard]] result<time_zone> find_time_zone(const std::string& text);

struct log_times {
  std::function<void(const std::string&)> warn;
  std::optional<std::int64_t> start_us;
  std::optional<time_zone> zone;
};

class log_clock {
public:
  explicit log_clock(log_times settings) : settings_{std::move(settings)} {}
  [[nodiscard]] std::int64_t utc_of(std::int64_t logged_us, can::log_format format);

private:
  void warn(bool& warned, const std::string& text);

  log_times settings_;
  std::optional<std::int64_t> offset_us_;
  bool warned_early_ = false;
  bool warned_zone_ = false;
};

} // namespace furrow::logs
