/// Bytes in network order for PostgreSQL's binary formats: a growing buffer, never initialised,
/// kept for reuse.
///
/// Shape: `array` writes what array_recv reads: dimensions, element type, then each element with
///   its length.
/// Threads: a plain value.
/// Source: PostgreSQL 15, array_recv (arrayfuncs.c), COPY binary format.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>

namespace furrow::storage {

/// Type numbers of PostgreSQL's catalogue; they never change.
namespace oid {
inline constexpr std::uint32_t bytea = 17, int8 = 20, int2 = 21, int4 = 23, text = 25, float8 = 701,
                               timestamptz = 1184, uuid = 2950;
inline constexpr std::uint32_t bytea_array = 1001, int4_array = 1007, text_array = 1009,
                               int8_array = 1016, float8_array = 1022, timestamptz_array = 1185,
                               uuid_array = 2951;
} // namespace oid

template <class T>
[[nodiscard]] constexpr T big_endian(T value) {
  static_assert(std::endian::native == std::endian::little && std::is_unsigned_v<T>);
  if constexpr (sizeof(T) == 8)
    return __builtin_bswap64(value);
  else if constexpr (sizeof(T) == 4)
    return __builtin_bswap32(value);
  else if constexpr (sizeof(T) == 2)
    return __builtin_bswap16(value);
  else
    return value;
}

template <class T>
void store_big(char* to, T value) {
  const auto swapped = big_endian(static_cast<std::make_unsigned_t<T>>(value));
  std::memcpy(to, &swapped, sizeof swapped);
}

template <class T>
[[nodiscard]] T load_big(const char* from) {
  std::make_unsigned_t<T> raw = 0;
  std::memcpy(&raw, from, sizeof raw);
  return static_cast<T>(big_endian(raw));
}

class byte_buffer {
public:
  [[nodiscard]] const char* data() const { return bytes_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }
  void clear() { size_ = 0; }

  /// Room for `count` more bytes, which the caller fills.
  char* grow(std::size_t count) {
    if (size_ + count > capacity_)
      reserve(size_ + count);
    char* const at = bytes_.get() + size_;
    size_ += count;
    return at;
  }
  template <class T>
  void number(T value) {
    store_big(grow(sizeof(T)), value);
  }
  void bytes(std::string_view raw) {
    if (!raw.empty())
      std::memcpy(grow(raw.size()), raw.data(), raw.size());
  }

  /// Fields: each has its length before it.
  template <class T>
  void field(T value) {
    char* const to = grow(4 + sizeof(T));
    store_big(to, std::uint32_t{sizeof(T)});
    store_big(to + 4, value);
  }
  void bytes_field(std::string_view raw) {
    number(static_cast<std::uint32_t>(raw.size()));
    bytes(raw);
  }
  void null_field() { number(std::int32_t{-1}); }

  void array_head(std::uint32_t type, std::size_t count, bool nulls = false) {
    number(std::uint32_t{count == 0 ? 0U : 1U}); // an empty array has no dimension
    number(std::uint32_t{nulls ? 1U : 0U});
    number(type);
    if (count == 0)
      return;
    number(static_cast<std::uint32_t>(count));
    number(std::uint32_t{1}); // lower bound
  }
  [[nodiscard]] static constexpr std::size_t array_bytes(std::size_t count, std::size_t element) {
    return count == 0 ? 12 : 20 + count * (4 + element);
  }
  /// Elements of one size, each given by `value(i)`.
  template <class T, class Value>
  void array(std::uint32_t type, std::size_t count, Value value) {
    array_head(type, count);
    char* to = grow(count * (4 + sizeof(T)));
    for (std::size_t i = 0; i < count; ++i, to += 4 + sizeof(T)) {
      store_big(to, std::uint32_t{sizeof(T)});
      store_big(to + 4, static_cast<T>(value(i)));
    }
  }
  template <class T, class Value>
  void array_field(std::uint32_t type, std::size_t count, Value value) {
    number(static_cast<std::uint32_t>(array_bytes(count, sizeof(T))));
    array<T>(type, count, value);
  }

private:
  void reserve(std::size_t wanted) {
    const auto capacity = std::bit_ceil(wanted);
    std::unique_ptr<char[]> larger{new char[capacity]};
    if (size_ > 0)
      std::memcpy(larger.get(), bytes_.get(), size_);
    bytes_ = std::move(larger);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

} // namespace furrow::storage
