#include "can/live/rollup.hpp"

#include "can/isobus/ddi.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace furrow::can {

namespace {

/// The largest magnitude that sums of this signal allow for.
double largest_of(const plan_signal& signal) {
  const auto bits = static_cast<int>(signal.length);
  auto largest = std::ldexp(std::abs(signal.scale), signal.is_signed ? bits - 1 : bits)
                 + std::abs(signal.offset);
  if (signal.min && signal.max)
    largest = std::min(largest, std::max(std::abs(*signal.min), std::abs(*signal.max)));
  // The range of a wide signal is far larger than any real value.
  constexpr int wide_bits = 36;
  constexpr double wide_largest = 1U << 21U;
  return bits > wide_bits ? std::min(largest, wide_largest) : largest;
}

/// 1.5 * 2^52 steps: a sum with it has no bits below one step.
double rounder_of(double largest) {
  if (!std::isfinite(largest) || largest == 0)
    return 0;
  constexpr int steps_of_largest = 40;
  constexpr int mantissa = 52;
  const auto rounder = std::ldexp(1.5, std::ilogb(largest) + 1 - steps_of_largest + mantissa);
  return std::isfinite(rounder) ? rounder : 0;
}

} // namespace

void rollup_row::add(const rollup_row& other) {
  count += other.count;
  min = std::min(min, other.min);
  max = std::max(max, other.max);
  sum += other.sum;
  if (std::pair{other.last_time_us, other.last} > std::pair{last_time_us, last}) {
    last = other.last;
    last_time_us = other.last_time_us;
  }
}

void merge(std::vector<rollup_row>& rows) {
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return std::pair{a.signal, a.minute_us} < std::pair{b.signal, b.minute_us};
  });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (kept != 0 && rows[kept - 1].signal == rows[i].signal
        && rows[kept - 1].minute_us == rows[i].minute_us)
      rows[kept - 1].add(rows[i]);
    else
      rows[kept++] = rows[i];
  }
  rows.resize(kept);
}

rollup_sums::rollup_sums(const decode_plan& plan) : cells_(plan.signals().size()) {
  for (std::size_t i = 0; i < cells_.size(); ++i)
    if (const auto& signal = plan.signals()[i]; !signal.is_float)
      cells_[i].rounder = rounder_of(largest_of(signal));
}

void rollup_sums::add(std::uint32_t signal, std::int64_t time_us, double value) {
  add(cells_[signal], signal, time_us, value);
}

void rollup_sums::add(const process_data& data, std::int64_t time_us) {
  const auto signal = number_of({data.element, data.ddi});
  const auto known = find_ddi(data.ddi);
  const auto scale = known ? known->scale : 1;
  auto at = process_.find(signal);
  if (at == process_.end()) {
    if (process_.size() == process_signals_max) {
      ++left_out_;
      return;
    }
    constexpr int bits = 31;
    at = process_.emplace(signal, cell{rounder_of(std::ldexp(scale, bits)), {}}).first;
  }
  add(at->second, signal, time_us, data.value * scale);
}

void rollup_sums::add(cell& to, std::uint32_t signal, std::int64_t time_us, double value) {
  value += 0.0; // no minus zero: it would be the larger or the smaller by chance
  auto& [rounder, row] = to;
  const auto rounded = value + rounder - rounder;
  if (row.count != 0 && time_us >= row.minute_us && time_us - row.minute_us < rollup_minute_us) {
    ++row.count;
    row.min = std::min(row.min, value);
    row.max = std::max(row.max, value);
    row.sum += rounded;
    if (time_us > row.last_time_us || (time_us == row.last_time_us && value > row.last)) {
      row.last = value;
      row.last_time_us = time_us;
    }
    return;
  }
  if (row.count != 0)
    closed_.push_back(row);
  else
    ++open_;
  row = {signal, minute_of(time_us), 1, value, value, rounded, value, time_us};
}

std::vector<rollup_row> rollup_sums::take() {
  auto rows = std::exchange(closed_, {});
  for (auto& one : cells_)
    if (one.row.count != 0)
      rows.push_back(std::exchange(one.row, {}));
  for (const auto& [signal, one] : process_)
    rows.push_back(one.row);
  process_.clear();
  open_ = 0;
  merge(rows); // a clock that steps back reopens a minute
  return rows;
}

} // namespace furrow::can
