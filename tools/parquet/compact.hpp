/// Writes Thrift's compact protocol: what the headers of pages and the end of a Parquet file are written in.
///
/// Shape: a struct is `begin`, its fields in rising order of their numbers, `end`. A list's elements follow its header.
/// Threads: a plain value; appends to a string of the caller.
/// Source: thrift/doc/specs/thrift-compact-protocol.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::parquet {

/// Seven bits a byte, the lowest first.
inline void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U)
    out += static_cast<char>((value & 0x7FU) | 0x80U);
  out += static_cast<char>(value);
}

enum class compact_type : std::uint8_t { i32 = 5, i64 = 6, binary = 8, list = 9, structure = 12 };

class compact_writer {
public:
  explicit compact_writer(std::string& out) : out_{out} { begin(); }

  /// A struct that is an element of a list, or the outermost one.
  void begin() { last_.push_back(0); }
  /// A struct that is a field.
  void begin(int field) {
    head(field, static_cast<std::uint8_t>(compact_type::structure));
    begin();
  }
  void end() {
    out_ += '\0';
    last_.pop_back();
  }
  void i32(int field, std::int32_t value) {
    head(field, static_cast<std::uint8_t>(compact_type::i32));
    number(value);
  }
  void i64(int field, std::int64_t value) {
    head(field, static_cast<std::uint8_t>(compact_type::i64));
    number(value);
  }
  void flag(int field, bool value) { head(field, value ? 1 : 2); }
  void binary(int field, std::string_view value) {
    head(field, static_cast<std::uint8_t>(compact_type::binary));
    binary(value);
  }
  void list(int field, compact_type of, std::size_t count) {
    head(field, static_cast<std::uint8_t>(compact_type::list));
    const auto type = static_cast<std::uint8_t>(of);
    constexpr std::size_t short_max = 14;
    out_ += static_cast<char>((count <= short_max ? count << 4U : 0xF0U) | type);
    if (count > short_max)
      append_varint(out_, count);
  }
  /// Elements of a list.
  void number(std::int64_t value) {
    append_varint(out_, static_cast<std::uint64_t>(value) << 1U
                          ^ static_cast<std::uint64_t>(value >> 63));
  }
  void binary(std::string_view value) {
    append_varint(out_, value.size());
    out_ += value;
  }

private:
  void head(int field, std::uint8_t type) {
    const int step = field - last_.back();
    last_.back() = field;
    if (step >= 1 && step <= 15) {
      out_ += static_cast<char>(step << 4 | type);
      return;
    }
    out_ += static_cast<char>(type);
    number(field);
  }

  std::string& out_;
  std::vector<int> last_; // the last field of each struct that is open
};

} // namespace furrow::parquet
