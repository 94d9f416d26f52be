/// A batch of frames as columns: the one form of a batch in the spool, on the wire, in actors and in the database.
///
/// Shape: `headers` is a dictionary. Frame i has the header headers[header_index[i]], the time time_base_us +
///   time_offset_us[i] and the payload slots[i], a little-endian number padded with zeros. A payload above eight bytes
///   is in `long_payload`, and its slot is the offset there. The order is the order of arrival.
/// Units: microseconds.
/// Errors: `push` and `append` return false for frames that do not fit this block; the caller starts another block.
/// Threads: a plain value.
/// Limits: frames_max frames, headers_max headers, long_payload_bytes_max; every time offset fits 32 bits (36 minutes).
#pragma once

#include "can/frame/frame.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace furrow::can {

class frame_block {
public:
  static constexpr std::size_t frames_max = 65'536;
  static constexpr std::size_t headers_max = 32'768; // an index fits PostgreSQL's smallint
  static constexpr std::size_t long_payload_bytes_max = 1U << 20U;

  std::int64_t time_base_us = 0;
  std::vector<std::uint64_t> headers;
  std::vector<std::uint16_t> header_index;
  std::vector<std::int32_t> time_offset_us;
  std::vector<std::uint64_t> slots;
  std::vector<std::uint8_t> long_payload;

  [[nodiscard]] std::size_t size() const { return slots.size(); }
  [[nodiscard]] bool empty() const { return slots.empty(); }
  [[nodiscard]] frame_header header(std::size_t i) const { return {headers[header_index[i]]}; }
  [[nodiscard]] std::int64_t time_us(std::size_t i) const {
    return time_base_us + time_offset_us[i];
  }
  /// The frame as a view into this block; valid until the block changes. Little-endian hosts only (asserted).
  [[nodiscard]] frame_view operator[](std::size_t i) const;
  /// Earliest and latest time; {0, 0} of an empty block.
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> time_range_us() const;
  /// Memory of the columns, in bytes.
  [[nodiscard]] std::size_t bytes() const;

  /// Adds a frame with header.payload_bytes() bytes of payload. False at a limit; the block is then unchanged.
  [[nodiscard]] bool push(std::int64_t time_us, frame_header header, const std::uint8_t* payload);
  /// Adds frames [first, first + count) of another block. False, and unchanged, when they do not all fit.
  [[nodiscard]] bool append(const frame_block& other, std::size_t first, std::size_t count);
  /// Removes the frames; keeps the memory.
  void clear();

  /// Checks columns from outside: equal lengths, indices and offsets in range, limits kept. Does not check each header
  /// (`fault_of` does).
  [[nodiscard]] const char* structural_fault() const; // nullptr when valid

private:
  [[nodiscard]] std::optional<std::uint16_t> intern(std::uint64_t header);
  /// A small open-addressing index over `headers`; rebuilt after columns were filled from outside.
  void reindex();
  std::vector<std::uint16_t> buckets_; // index + 1, 0 = free; power of two
  std::size_t indexed_ = 0;            // number of `headers` in buckets_
  std::uint16_t last_ = 0;             // the header of the last push: buses repeat their headers
};

} // namespace furrow::can
