/// The telemetry of a machine: one row per second with the kept columns of a live state.
///
/// Shape: a sampler sees every frame of a stream after the live state. The row of a second has the
///   state after the last item of that second in the order of the stream. Of several rows of one
///   second, the one with the highest number counts. A second without a kept value has no row.
/// Units: in `telemetry_columns` (from quantity_table.hpp); times in microseconds; `time_us` is the
///   start of the second.
/// Errors: a value that is absent, or older than `hold`, is absent in the row.
/// Threads: plain values.
#pragma once

#include "can/live/live_state.hpp"
#include "can/live/quantity_table.hpp"
#include "can/transport/state_bytes.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

namespace furrow::can {

struct telemetry_column {
  std::string_view name; // of the database
  std::string_view unit;
  std::string_view key; // in JSON, with the unit
};

inline constexpr std::size_t telemetry_column_count = 20;

/// The kept quantities, in the order of rows and of stored state.
inline constexpr auto telemetry_columns = [] {
  std::array<telemetry_column, telemetry_column_count> out;
  for (const auto& one : live_quantities)
    if (one.kept.at >= 0)
      out.at(static_cast<std::size_t>(one.kept.at)) = {one.kept.name, one.kept_unit(),
                                                       one.kept.key};
  return out;
}();
static_assert(std::none_of(telemetry_columns.begin(),
                           telemetry_columns.end(),
                           [](const telemetry_column& one) { return one.name.empty(); }));

struct telemetry_row {
  std::int64_t time_us = 0;
  std::int64_t heard_us = 0; // time of the last item of the row
  std::uint64_t seq = 0;     // number of that item
  operating_mode mode = operating_mode::unknown;
  std::array<std::optional<double>, telemetry_columns.size()> values;
  friend bool operator==(const telemetry_row&, const telemetry_row&) = default;
};

struct telemetry_settings {
  std::int64_t period_us = 1'000'000;
  /// Tractor messages come every 100 ms to 5 s.
  std::int64_t hold_us = 10'000'000;
  /// Counters (hours, litres) come rarely and change slowly.
  std::int64_t hold_slow_us = 60'000'000;
};

class telemetry_sampler {
public:
  explicit telemetry_sampler(telemetry_settings settings) : settings_{settings} {}

  /// Call before the live state sees the frame: ends the second before this time.
  void before(const live_state& live, std::int64_t time_us);
  /// Call after that: this item is now the last of its second.
  void after(std::int64_t time_us, std::uint64_t seq) {
    heard_us_ = time_us;
    seq_ = seq;
  }
  /// The rows since the last call, each second once, including the current second so far.
  [[nodiscard]] std::vector<telemetry_row> take(const live_state& live);

private:
  void close(const live_state& live);

  telemetry_settings settings_;
  std::map<std::int64_t, telemetry_row> rows_;
  std::int64_t second_us_ = 0;
  std::int64_t heard_us_ = 0;
  std::uint64_t seq_ = 0; // 0: no item since the last row
};

/// The part of a live state that telemetry depends on, as bytes, so that another sampler can continue.
void save(const live_state& live, state_writer& out);
void restore(live_state& live, state_reader& from);

} // namespace furrow::can
