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

#include <cstdint>
#include <vector>

namespace furrow::can {

struct rollup_row {
  std::uint32_t signal = 0; // of the plan
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

class rollup_sums {
public:
  explicit rollup_sums(const decode_plan& plan);

  void add(std::uint32_t signal, std::int64_t time_us, double value);
  /// The rows by signal and minute, each once. The sums then start anew.
  [[nodiscard]] std::vector<rollup_row> take();
  /// The number of rows that `take` would return, or slightly more.
  [[nodiscard]] std::size_t size() const { return closed_.size() + open_; }

private:
  struct cell {
    double rounder = 0; // adding and subtracting it rounds to the signal's step
    rollup_row row;     // count 0: none yet
  };
  std::vector<cell> cells_; // by signal: its current minute
  std::vector<rollup_row> closed_;
  std::size_t open_ = 0;
};

} // namespace furrow::can
