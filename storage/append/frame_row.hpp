/// A slice of a block as one row of can_block: the columns both databases write.
///
/// Threads: a plain value; its spans live as long as the slice's block and `scratch`.
#pragma once

#include "storage/append/append_plan.hpp"

#include <cstdint>
#include <span>

namespace furrow::storage {

struct frame_row {
  stream_claim claim;
  std::uint64_t seq_first = 0;
  std::int64_t time_first_us = 0;
  std::int64_t time_last_us = 0;
  std::int64_t time_base_us = 0;
  std::span<const std::uint64_t> headers;
  std::span<const std::uint16_t> header_index;
  std::span<const std::int32_t> time_offset_us;
  std::span<const std::uint64_t> slots;
  std::span<const std::uint8_t> long_payload;
};

/// A part of a block with long payloads is copied to `scratch` first, with its own dictionary and
/// long payload.
[[nodiscard]] frame_row row_of(const frame_slice& slice, can::frame_block& scratch);

} // namespace furrow::storage
