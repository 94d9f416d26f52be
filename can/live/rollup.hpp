/// Values of signals, summarized per minute.
///
/// Shape: `add` joins rows of the same signal and minute. Any order and any division of the rows gives
///   identical bits: each value in `sum` is rounded to 2^-40 of the signal's largest value, so that
///   addition is exact. `last` is the value with the latest time; of two values with the same time,
///   the larger one.
/// Units: of the signal; times in microseconds, a minute by its start.
/// Errors: the caller passes values only, never "not available", "error" or out of range. Sums of
///   float signals may differ in their last bits, because a float has no such limit.
/// Threads: plain values.
/// Limits: sums are exact up to 8,192 of the largest values per minute, and up to more smaller ones.
#pragma once

#include "can/dbc/decode.hpp"
#include "can/isobus/process_data.hpp"

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace furrow::can {

/// The number of a signal of process data. Signals of a plan are numbered below it.
[[nodiscard]] constexpr std::uint32_t number_of(process_key key) {
  return 1U << 31U | std::uint32_t{key.element} << 16U | key.ddi;
}
/// The element and DDI of such a number; nothing for a signal of a plan.
[[nodiscard]] constexpr std::optional<process_key> process_key_of(std::uint32_t signal) {
  if (signal >> 31U == 0)
    return std::nullopt;
  return process_key{static_cast<std::uint16_t>(signal >> 16U & 0xFFFU),
                     static_cast<std::uint16_t>(signal)};
}

struct rollup_row {
  std::uint32_t signal = 0; // of the plan, or number_of(process_key)
  std::int64_t minute_us = 0;
  std::uint64_t count = 0;
  double min = 0;
  double max = 0;
  double sum = 0;
  double last = 0;
  std::int64_t last_time_us = 0;

  void add(const rollup_row& other);
  friend bool operator==(const rollup_row&, const rollup_row&) = default;
};

/// Sorts rows by signal and minute, and joins rows of the same signal and minute.
void merge(std::vector<rollup_row>& rows);

inline constexpr std::int64_t rollup_minute_us = 60'000'000;
/// The start of the minute that a time is in.
[[nodiscard]] constexpr std::int64_t minute_of(std::int64_t time_us) {
  const auto into = time_us % rollup_minute_us;
  return time_us - (into < 0 ? into + rollup_minute_us : into);
}

class rollup_sums {
public:
  static constexpr std::size_t process_signals_max = 4'096;

  explicit rollup_sums(const decode_plan& plan);

  void add(std::uint32_t signal, std::int64_t time_us, double value);
  /// Adds the value of process data that carries one.
  void add(const process_data& data, std::int64_t time_us);
  /// Ordered by signal and minute, each once; the sums begin anew.
  [[nodiscard]] std::vector<rollup_row> take();
  /// The number of rows that `take` would return, or slightly more.
  [[nodiscard]] std::size_t size() const { return closed_.size() + open_; }
  [[nodiscard]] std::uint64_t process_values_left_out() const { return left_out_; }

private:
  struct cell {
    double rounder = 0; // adding and subtracting it rounds to the signal's step
    rollup_row row;     // count 0: none yet
  };
  void add(cell& to, std::uint32_t signal, std::int64_t time_us, double value);

  std::vector<cell> cells_;                         // by signal: the minute that it is in
  std::unordered_map<std::uint32_t, cell> process_; // by number_of(process_key)
  std::uint64_t left_out_ = 0;
  std::vector<rollup_row> closed_;
  std::size_t open_ = 0;
};

} // namespace furrow::can
