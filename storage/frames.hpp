/// The frames of a machine, read back.
///
/// Shape: a page holds blocks of one stream, in order of number; `next` begins the next page.
/// Units: microseconds since 1970.
/// Errors, threads: as storage/store.hpp; not_found for a machine that does not exist, or whose name two farms have.
#pragma once

#include "can/frame/frame_block.hpp"
#include "can/frame/stream.hpp"
#include "storage/errc.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace furrow::storage {

struct frame_run {
  std::uint64_t seq_first = 0;
  can::frame_block block;
};

struct frames_query {
  std::string farm; // empty: any farm; a name that stands in two farms is then an error
  std::string equipment;
  std::optional<std::int64_t> from_us; // both ends included
  std::optional<std::int64_t> to_us;
};

/// Where the next page begins; a default one begins at the oldest stream's first block.
struct frames_cursor {
  std::int32_t stream = 0;
  std::uint64_t seq = 0; // blocks after this number
};

struct frames_page {
  /// Blocks that overlap the time asked for, in order of stream and seq; the caller drops frames outside it.
  std::vector<frame_run> runs;
  std::vector<can::bus_name> buses; // of the stream that this page is of (a page never spans two)
  can::stream_id stream_id{};       // that stream
  std::optional<frames_cursor> next;
};

class frame_store {
public:
  virtual ~frame_store() = default;

  virtual void read_frames(frames_query query, frames_cursor cursor, handler<frames_page> done) = 0;
};

} // namespace furrow::storage
