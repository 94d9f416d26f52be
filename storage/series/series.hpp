/// History in columns, as wide as a client asks for: telemetry thinned by time, a signal by pixels.
///
/// Shape: the columns of an answer have the same length. Intervals and buckets are counted from series_origin_us.
/// Units: microseconds since 1970; telemetry as in can/live/telemetry.hpp; a signal in its unit. Buckets are doubles, as
///   rollups are; raw values keep the digits of whole numbers of up to 64 bits.
/// Errors: not_found for an unknown machine or signal; reject_row for an unknown time zone; retry_later for a query that
///   takes too long. Else as storage/store.hpp. A value that is absent is NaN.
/// Threads: as storage/store.hpp.
/// Limits: telemetry_rows_max rows, signal_points_max points in an answer.
#pragma once

#include "can/whole_number.hpp"
#include "storage/errc.hpp"
#include "storage/series/token_sums.hpp"
#include "storage/store.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace furrow::storage {

inline constexpr std::size_t telemetry_rows_max = 20'000;
inline constexpr std::size_t signal_points_max = 10'000;

struct telemetry_wish {
  std::string farm; // empty: any farm; a name that exists in two farms is then an error
  std::string equipment;
  std::int64_t from_us = 0; // both ends included
  std::int64_t to_us = 0;
  std::optional<std::int64_t> after_us; // the page begins after this time
  std::vector<std::size_t> columns;     // of can::telemetry_columns
  bool mode = false;
  std::int64_t every_us = 0; // one row in each interval of this length, the first; 0: every row
  std::size_t rows_max = telemetry_rows_max;
  std::string zone = {}; // of intervals of a day: a time zone, or "farm" for the farm's; empty: UTC
};

struct telemetry_series {
  std::vector<std::int64_t> time_us;
  std::vector<std::string> modes;           // empty text: unknown; empty: not asked for
  std::vector<std::vector<double>> columns; // in the order of the wish
  std::optional<std::int64_t> next_us;      // the `after_us` of the next page
};

struct signal_wish {
  std::string farm; // as above
  std::string equipment;
  std::string signal; // Message.Signal
  std::int64_t from_us = 0;
  std::int64_t to_us = 0;
  std::size_t points = 0;    // 2 to signal_points_max; 0 with every_us
  std::int64_t every_us = 0; // always buckets, of this length; 0: values or buckets, as points say
  std::string zone = {};     // as above
};

/// Raw values when there are no more than the wished points, else buckets. Buckets without a value are left out. Where
/// only rollups are left, buckets are whole minutes.
struct signal_series {
  std::int64_t bucket_us = 0;        // 0: raw values, in `last`; the other columns are empty
  std::vector<std::int64_t> time_us; // of a bucket: its start
  std::vector<std::uint64_t> count;
  std::vector<double> min;
  std::vector<double> max;
  std::vector<double> mean;
  std::vector<double> last;
  /// Raw values that `last` lacks digits of, by their places in it, in order.
  std::vector<std::pair<std::size_t, can::whole_number>> whole{};
};

inline constexpr std::int64_t minute_us = 60'000'000;
inline constexpr std::int64_t day_length_us = 1'440 * minute_us;      // local days may be longer
inline constexpr std::int64_t series_origin_us = 946'684'800'000'000; // 2000-01-01T00:00:00Z

/// The start of the interval or bucket that a time is in.
[[nodiscard]] constexpr std::int64_t bucket_start(std::int64_t time_us, std::int64_t length_us) {
  const auto into = (time_us - series_origin_us) % length_us;
  return time_us - (into < 0 ? into + length_us : into);
}

/// The length of the buckets of a range: whole minutes from 30 s on, so that rollups give them.
[[nodiscard]] constexpr std::int64_t
bucket_length(std::int64_t from_us, std::int64_t to_us, std::size_t points) {
  constexpr std::int64_t shortest_us = 1'000;
  constexpr std::int64_t from_rollups_us = minute_us / 2;
  const auto count = static_cast<std::int64_t>(std::max<std::size_t>(points, 1));
  const auto length = std::max((to_us - from_us) / count + 1, shortest_us);
  return length < from_rollups_us ? length : (length + minute_us - 1) / minute_us * minute_us;
}

[[nodiscard]] inline std::int64_t bucket_length(const signal_wish& wish) {
  return wish.every_us != 0 ? wish.every_us : bucket_length(wish.from_us, wish.to_us, wish.points);
}

class series_store {
public:
  virtual ~series_store() = default;

  virtual void read_telemetry_series(telemetry_wish wish, handler<telemetry_series> done) = 0;
  /// Of stored frames, and of rollups where the buckets are whole minutes or the frames are gone.
  virtual void read_signal_series(signal_wish wish, handler<signal_series> done) = 0;
  virtual void read_token_sums(token_sums_wish wish, handler<token_sums> done) = 0;
};

/// A store that has this area.
class series_keeper {
public:
  series_keeper() = default;
  series_keeper(const series_keeper&) = delete;
  series_keeper& operator=(const series_keeper&) = delete;
  virtual ~series_keeper() = default;
  [[nodiscard]] virtual series_store* series() = 0;
};
/// Lives as long as the store, or is nullptr when the store keeps none.
[[nodiscard]] inline series_store* series_of(store& of) {
  auto* const keeper = dynamic_cast<series_keeper*>(&of);
  return keeper == nullptr ? nullptr : keeper->series();
}

} // namespace furrow::storage
