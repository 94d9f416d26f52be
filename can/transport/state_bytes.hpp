/// State as bytes, for storing and continuing it later: fixed-width little-endian numbers.
///
/// Errors: a reader without enough bytes is `failed`, returns zeros from then on, and allocates nothing
///   for a length that exceeds the rest.
/// Threads: plain values. Little-endian hosts only, as frame_block.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace furrow::can {

class state_writer {
public:
  template <class T>
  void number(T value) {
    static_assert(std::is_arithmetic_v<T>);
    const auto at = bytes_.size();
    bytes_.resize(at + sizeof value);
    std::memcpy(bytes_.data() + at, &value, sizeof value);
  }
  void bytes(std::span<const std::uint8_t> raw) {
    number(static_cast<std::uint32_t>(raw.size()));
    bytes_.insert(bytes_.end(), raw.begin(), raw.end());
  }
  [[nodiscard]] std::vector<std::uint8_t> take() { return std::move(bytes_); }

private:
  std::vector<std::uint8_t> bytes_;
};

class state_reader {
public:
  explicit state_reader(std::span<const std::uint8_t> bytes) : left_{bytes} {}

  template <class T>
  [[nodiscard]] T number() {
    static_assert(std::is_arithmetic_v<T>);
    T value{};
    if (left_.size() < sizeof value) {
      fail();
      return value;
    }
    std::memcpy(&value, left_.data(), sizeof value);
    left_ = left_.subspan(sizeof value);
    return value;
  }
  [[nodiscard]] std::span<const std::uint8_t> bytes() {
    const auto count = number<std::uint32_t>();
    if (left_.size() < count) {
      fail();
      return {};
    }
    const auto out = left_.first(count);
    left_ = left_.subspan(count);
    return out;
  }
  void fail() {
    failed_ = true;
    left_ = {};
  }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool empty() const { return left_.empty(); }

private:
  std::span<const std::uint8_t> left_;
  bool failed_ = false;
};

} // namespace furrow::can
