/// Values of signals, summed up by the minute.
///
/// Shape: rows of the same signal and minute add to one (`add`) in any order and in any parts to the
///   same bits: `sum` takes each value rounded to 2^-40 of the largest that its signal says, so that
///   adding is exact; `last` is the value of the latest time, of two at one time the larger.
/// Units: of the signal; times in microseconds, a minute by its beginning.
/// Errors: only values count; "not available", "error" and what is out of range never come here.
///   Of a signal that is a float, which has no such bound, sums may differ in their last bits.
/// Threads: plain values.
/// Limits: sums are exact up to 8,192 of the largest values in a minute, and more of smaller ones.
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

/// Orders them by signal and minute and adds those of the same to one.
void merge(std::vector<rollup_row>& rows);

inline constexpr std::int64_t rollup_minute_us = 60'000'000;

class rollup_sums {
public:
  explicit rollup_sums(const decode_plan& plan);

  void add(std::uint32_t signal, std::int64_t time_us, double value);
  /// Ordered by signal and minute, each once; the sums begin anew.
  [[nodiscard]] std::vector<rollup_row> take();
  /// Rows that `take` would give, or a little more.
  [[nodiscard]] std::size_t size() const { return closed_.size() + open_; }

private:
  struct cell {
    double rounder = 0; // adding and taking it away rounds to the signal's step
    rollup_row row;     // count 0: none yet
  };
  std::vector<cell> cells_; // by signal: the minute that it is in
  std::vector<rollup_row> closed_;
  std::size_t open_ = 0;
};

} // namespace furrow::can
