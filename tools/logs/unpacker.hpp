/// Unpacks gzip and zstd, piece by piece.
///
/// Shape: the first four bytes of the input say how it is packed. Several packed parts may follow each other.
/// Errors: `damaged` if the bytes cannot be unpacked.
/// Threads: a plain value.
/// Limits: zstd may need up to window_bytes_max of memory; an input that needs more is damaged for us.
/// Source: RFC 1952 (gzip), RFC 8878 (zstd).
#pragma once

#include "tools/logs/errc.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace furrow::logs {

enum class packing : std::uint8_t { none = 0, gzip = 1, zstd = 2 };

class unpacker {
public:
  static constexpr std::size_t head_bytes = 4;
  static constexpr std::size_t window_bytes_max = 128U << 20U;

  [[nodiscard]] static packing packing_of(std::string_view head);
  /// `how` is not `none`.
  explicit unpacker(packing how);
  ~unpacker();
  unpacker(const unpacker&) = delete;
  unpacker& operator=(const unpacker&) = delete;

  /// Unpacks into `out`, and removes from `in` what was used; returns the number of bytes. 0: it needs more input.
  [[nodiscard]] result<std::size_t> unpack(std::string_view& in, std::span<char> out);
  /// Whether the input may end here.
  [[nodiscard]] bool complete() const;

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace furrow::logs
