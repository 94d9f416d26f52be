/// Reads what the writer of Parquet files writes, without its code.
///
/// Errors: an exception for bytes that are not there or have an unknown type.
#pragma once

#include <zstd.h>

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::tests {

/// A value of Thrift's compact protocol: a number, bytes, or the parts of a list or struct by their numbers.
struct thrift_value {
  std::int64_t number = 0;
  std::string bytes;
  std::map<int, thrift_value> parts;

  const thrift_value& operator[](int at) const { return parts.at(at); }
  [[nodiscard]] bool has(int at) const { return parts.count(at) != 0; }
};

class byte_scan {
public:
  explicit byte_scan(std::string_view bytes) : left_{bytes} {}

  std::uint8_t byte() { return static_cast<std::uint8_t>(take(1)[0]); }
  std::string_view take(std::size_t count) {
    if (left_.size() < count)
      throw std::runtime_error{"the bytes end early"};
    const auto out = left_.substr(0, count);
    left_.remove_prefix(count);
    return out;
  }
  std::uint64_t varint() {
    std::uint64_t out = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto next = byte();
      out |= std::uint64_t{next & 0x7FU} << shift;
      if (next < 0x80)
        return out;
    }
  }
  std::int64_t zigzag() {
    const auto raw = varint();
    return static_cast<std::int64_t>(raw >> 1U) ^ -static_cast<std::int64_t>(raw & 1U);
  }
  std::uint64_t little(unsigned count) {
    std::uint64_t out = 0;
    for (unsigned i = 0; i < count; ++i)
      out |= std::uint64_t{byte()} << 8 * i;
    return out;
  }
  thrift_value structure() {
    thrift_value out;
    for (int field = 0;;) {
      const auto head = byte();
      if (head == 0)
        return out;
      field = head >> 4 != 0 ? field + (head >> 4) : static_cast<int>(zigzag());
      out.parts[field] = value(head & 15U);
    }
  }
  [[nodiscard]] std::size_t left() const { return left_.size(); }

private:
  thrift_value value(unsigned type) {
    thrift_value out;
    switch (type) {
    case 1:
    case 2:
      out.number = type == 1 ? 1 : 0;
      break;
    case 5:
    case 6:
      out.number = zigzag();
      break;
    case 8:
      out.bytes = take(varint());
      break;
    case 9: {
      const auto head = byte();
      const auto count = head >> 4 == 15 ? varint() : head >> 4;
      for (std::size_t i = 0; i < count; ++i)
        out.parts[static_cast<int>(i)] = value(head & 15U);
      break;
    }
    case 12:
      return structure();
    default:
      throw std::runtime_error{"an unknown type of Thrift"};
    }
    return out;
  }

  std::string_view left_;
};

/// The end of a file.
inline thrift_value footer_of(std::string_view file) {
  byte_scan length{file.substr(file.size() - 8)};
  const auto size = length.little(4);
  byte_scan footer{file.substr(file.size() - 8 - size)};
  return footer.structure();
}

struct page_bytes {
  thrift_value head;
  std::string body; // uncompressed
};

inline page_bytes page_at(std::string_view file, std::int64_t offset) {
  byte_scan from{file.substr(static_cast<std::size_t>(offset))};
  page_bytes out{from.structure(), {}};
  out.body.resize(static_cast<std::size_t>(out.head[2].number));
  const auto packed = from.take(static_cast<std::size_t>(out.head[3].number));
  const auto size = ZSTD_decompress(out.body.data(), out.body.size(), packed.data(), packed.size());
  if (size != out.body.size())
    throw std::runtime_error{"a page does not unpack"};
  return out;
}

/// Values of the hybrid of runs and packed bits.
inline std::vector<std::uint32_t>
hybrid_of(std::string_view bytes, std::size_t count, unsigned bits) {
  std::vector<std::uint32_t> out;
  byte_scan from{bytes};
  while (out.size() < count) {
    const auto head = from.varint();
    if ((head & 1U) == 0) {
      out.insert(out.end(), head >> 1U, static_cast<std::uint32_t>(from.little((bits + 7) / 8)));
      continue;
    }
    const auto packed = from.take((head >> 1U) * bits);
    for (std::size_t i = 0; i < (head >> 1U) * 8; ++i) {
      std::uint32_t value = 0;
      for (unsigned bit = 0; bit < bits; ++bit) {
        const auto at = i * bits + bit;
        value |= (static_cast<std::uint8_t>(packed[at / 8]) >> at % 8 & 1U) << bit;
      }
      out.push_back(value);
    }
  }
  out.resize(count);
  return out;
}

} // namespace furrow::tests
