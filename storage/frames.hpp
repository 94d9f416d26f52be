/// Reads the frames of a machine.
///
/// Shape: a page holds blocks of one stream, in order of number; `next` is where the next page begins.
/// Units: microseconds since 1970.
/// Errors, threads: as storage/store.hpp; not_found for an unknown machine, or a name that exists in two farms.
#pragma once

#include "can/frame/frame_block.hpp"
#include "can/frame/stream.hpp"
#include "storage/errc.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace furrow::storage {

struct frame_run {
  std::uint64_t seq_first = 0;
  can::frame_block block;
};

struct frames_query {
  std::string farm; // empty: any farm; a name that exists in two farms is then an error
  std::string equipment;
  std::optional<std::int64_t> from_us; // both ends included
  std::optional<std::int64_t> to_us;
};

/// Where the next page begins; the default is the oldest stream's first block.
struct frames_cursor {
  std::int32_t stream = 0;
  std::uint64_t seq = 0; // blocks after this number
};

struct frames_page {
  /// Blocks that overlap the requested time, in order of stream and seq; the caller drops frames outside it.
  std::vector<frame_run> runs;
  std::vector<can::bus_name> buses; // of the stream of this page (a page holds one stream)
  can::stream_id stream_id{};       // the stream of this page
  std::optional<frames_cursor> next;
};

inline constexpr std::size_t newest_frames_max = 10'000;

/// One frame.
struct stored_frame {
  can::stream_id stream_id{};
  std::uint64_t seq = 0;
  std::int64_t time_us = 0;
  can::frame_header header;
  std::string payload;
  std::string bus; // its name; empty when the gateway sent no name
};

/// Collects the newest frames of a machine: from each stream those with the highest numbers, then the latest of all.
class newest_gatherer {
public:
  explicit newest_gatherer(std::size_t count) : count_{count} {}

  /// The pages of one stream, in order of number; then call end_stream().
  void add(const frames_page& page) {
    for (const auto& run : page.runs)
      for (std::size_t i = 0; i < run.block.size(); ++i) {
        const auto frame = run.block[i];
        const auto payload = frame.payload();
        auto& kept = stream_.emplace_back();
        kept = {page.stream_id,
                run.seq_first + i,
                frame.time_us,
                frame.header,
                std::string{payload.begin(), payload.end()},
                {}};
        for (const auto& bus : page.buses)
          if (bus.bus == frame.header.bus())
            kept.bus = bus.name;
        if (stream_.size() > count_)
          stream_.pop_front();
      }
  }
  void end_stream() {
    std::move(stream_.begin(), stream_.end(), std::back_inserter(all_));
    stream_.clear();
  }
  /// In order of time, the latest last.
  [[nodiscard]] std::vector<stored_frame> take() {
    std::stable_sort(all_.begin(), all_.end(),
                     [](const auto& a, const auto& b) { return a.time_us < b.time_us; });
    if (all_.size() > count_)
      all_.erase(all_.begin(), all_.end() - static_cast<std::ptrdiff_t>(count_));
    return std::move(all_);
  }

private:
  std::size_t count_;
  std::deque<stored_frame> stream_;
  std::vector<stored_frame> all_;
};

class frame_store {
public:
  virtual ~frame_store() = default;

  virtual void read_frames(frames_query query, frames_cursor cursor, handler<frames_page> done) = 0;
  /// The newest frames of a machine, at most `count` (1 to newest_frames_max), the latest last.
  virtual void newest_frames(std::string farm,
                             std::string equipment,
                             std::size_t count,
                             handler<std::vector<stored_frame>> done) = 0;
};

} // namespace furrow::storage
