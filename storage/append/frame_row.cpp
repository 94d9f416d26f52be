#include "storage/append/frame_row.hpp"

#include <algorithm>

namespace furrow::storage {

frame_row row_of(const frame_slice& slice, can::frame_block& scratch) {
  const auto* block = slice.block;
  auto first = slice.first;
  if (slice.count != block->size() && !block->long_payload.empty()) {
    scratch.clear();
    if (scratch.append(*block, first, slice.count)) { // always true: a slice of a valid block
      block = &scratch;
      first = 0;
    }
  }
  frame_row row;
  row.claim = slice.claim;
  row.seq_first = slice.seq_first;
  row.time_base_us = block->time_base_us;
  row.headers = block->headers;
  row.header_index = std::span{block->header_index}.subspan(first, slice.count);
  row.time_offset_us = std::span{block->time_offset_us}.subspan(first, slice.count);
  row.slots = std::span{block->slots}.subspan(first, slice.count);
  row.long_payload = block->long_payload;
  const auto [low, high] =
    std::minmax_element(row.time_offset_us.begin(), row.time_offset_us.end());
  row.time_first_us = row.time_base_us + *low;
  row.time_last_us = row.time_base_us + *high;
  return row;
}

} // namespace furrow::storage
