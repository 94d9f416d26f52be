/// Rows as columns: what a reader collects and a writer turns into text or into a row group.
///
/// Shape: each column keeps the values that are present, one after the other, and for each row whether it has one.
/// Units: times in microseconds since 1970.
/// Errors: a number that is none (NaN) is absent. Absent is never zero.
/// Threads: plain values.
/// Limits: the caller asks `full` before it adds rows; texts of one column have 4 GiB at most.
#pragma once

#include "can/whole_number.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace furrow::parquet {

enum class value_type : std::uint8_t { time = 0, integer = 1, real = 2, boolean = 3, text = 4 };

struct column_name {
  std::string name;
  value_type type = value_type::real;
  bool required = false; // every row has a value
};

class column {
public:
  explicit column(value_type type) : type_{type} {}

  /// Of times and integers.
  void put_integer(std::int64_t value) {
    integers_.push_back(value);
    present_.push_back(1);
  }
  void put_real(double value) {
    if (std::isnan(value)) {
      put_absent();
      return;
    }
    reals_.push_back(value);
    present_.push_back(1);
  }
  /// A whole number that the double lacks digits of: text has all of them.
  void put_whole(double rounded, const can::whole_number& value) {
    wholes_.emplace_back(reals_.size(), value);
    put_real(rounded);
  }
  void put_flag(bool value) {
    flags_.push_back(value ? 1 : 0);
    present_.push_back(1);
  }
  void put_text(std::string_view value) {
    bytes_ += value;
    ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
    present_.push_back(1);
  }
  void put_text_or_absent(std::string_view value) {
    value.empty() ? put_absent() : put_text(value);
  }
  void put_absent() {
    present_.push_back(0);
    ++absent_;
  }

  [[nodiscard]] value_type type() const { return type_; }
  [[nodiscard]] std::size_t rows() const { return present_.size(); }
  [[nodiscard]] std::size_t absent() const { return absent_; }
  [[nodiscard]] bool has(std::size_t row) const { return present_[row] != 0; }
  [[nodiscard]] const std::vector<std::uint8_t>& present() const { return present_; }
  /// The values that are present, by their own numbers.
  [[nodiscard]] std::size_t values() const { return present_.size() - absent_; }
  [[nodiscard]] const std::vector<std::int64_t>& integers() const { return integers_; }
  [[nodiscard]] const std::vector<double>& reals() const { return reals_; }
  /// nullptr: the double is the value.
  [[nodiscard]] const can::whole_number* whole(std::size_t value) const {
    const auto at =
      std::lower_bound(wholes_.begin(), wholes_.end(), value,
                       [](const auto& one, std::size_t wanted) { return one.first < wanted; });
    return at != wholes_.end() && at->first == value ? &at->second : nullptr;
  }
  [[nodiscard]] const std::vector<std::uint8_t>& flags() const { return flags_; }
  [[nodiscard]] std::string_view text(std::size_t value) const {
    const auto begin = value == 0 ? 0 : ends_[value - 1];
    return std::string_view{bytes_}.substr(begin, ends_[value] - begin);
  }
  [[nodiscard]] std::size_t bytes() const {
    return present_.size() + 8 * (integers_.size() + reals_.size()) + flags_.size() + bytes_.size()
           + 4 * ends_.size() + sizeof(wholes_[0]) * wholes_.size();
  }
  /// Removes the rows; keeps the memory.
  void clear() {
    present_.clear();
    integers_.clear();
    reals_.clear();
    wholes_.clear();
    flags_.clear();
    bytes_.clear();
    ends_.clear();
    absent_ = 0;
  }

private:
  value_type type_;
  std::size_t absent_ = 0;
  std::vector<std::uint8_t> present_;
  std::vector<std::int64_t> integers_;
  std::vector<double> reals_;
  std::vector<std::pair<std::size_t, can::whole_number>> wholes_; // by their places in reals_
  std::vector<std::uint8_t> flags_;
  std::string bytes_; // of all texts
  std::vector<std::uint32_t> ends_;
};

class rows {
public:
  static constexpr std::size_t bytes_max = 64U << 20U;

  rows(const std::vector<column_name>& names, std::size_t rows_max) : rows_max_{rows_max} {
    for (const auto& one : names)
      columns_.emplace_back(one.type);
  }

  [[nodiscard]] column& operator[](std::size_t at) { return columns_[at]; }
  [[nodiscard]] const column& operator[](std::size_t at) const { return columns_[at]; }
  [[nodiscard]] const std::vector<column>& columns() const { return columns_; }
  [[nodiscard]] std::size_t size() const { return columns_.empty() ? 0 : columns_.front().rows(); }
  /// Whether there is no room for this number of rows.
  [[nodiscard]] bool full(std::size_t more) const {
    if (size() + more > rows_max_)
      return true;
    if (size() < checked_ + bytes_step)
      return false;
    checked_ = size();
    std::size_t bytes = 0;
    for (const auto& one : columns_)
      bytes += one.bytes();
    return bytes >= bytes_max;
  }
  void clear() {
    for (auto& one : columns_)
      one.clear();
    checked_ = 0;
  }

private:
  static constexpr std::size_t bytes_step = 1'024; // the bytes are counted after so many rows

  std::vector<column> columns_;
  std::size_t rows_max_;
  mutable std::size_t checked_ = 0;
};

} // namespace furrow::parquet
