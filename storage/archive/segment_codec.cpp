#include "storage/archive/segment_codec.hpp"

#include "can/frame/identifier.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <unordered_map>

namespace furrow::storage {

namespace {

constexpr std::size_t anchor_frames = 128;
/// PostgreSQL does not compress rows below 2 kB. A header with fewer frames than fill such a row shares a segment with
/// others.
constexpr std::size_t row_bytes_min = 2'200;
constexpr std::size_t shared_headers_max = 256; // an index fits in a byte
constexpr std::uint8_t time_planes_max = 5;
constexpr std::uint64_t seq_gap_max = 0x7FFF'FFFF; // SQL adds them up as int

/// A frame by its block and index.
struct item_place {
  std::uint32_t run;
  std::uint32_t frame;
};

using places = std::vector<item_place>;
using runs_ref = std::span<const frame_run>;

std::uint64_t seq_of(runs_ref runs, item_place at) {
  return runs[at.run].seq_first + at.frame;
}
std::int64_t time_of(runs_ref runs, item_place at) {
  return runs[at.run].block.time_us(at.frame);
}

std::uint8_t bytes_of(std::uint64_t value) {
  std::uint8_t bytes = 1;
  while (value > 0xFF) {
    value >>= 8U;
    ++bytes;
  }
  return bytes;
}

void put_planes(std::string& data, const std::vector<std::uint64_t>& values, unsigned planes) {
  for (unsigned plane = 0; plane < planes; ++plane)
    for (const auto value : values)
      data += static_cast<char>(value >> 8 * plane & 0xFFU);
}

std::int64_t median_step(const std::vector<std::int64_t>& times) {
  if (times.size() < 2)
    return 0;
  std::vector<std::int64_t> steps(times.size() - 1);
  for (std::size_t i = 0; i < steps.size(); ++i)
    steps[i] = times[i + 1] - times[i];
  const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  std::nth_element(steps.begin(), middle, steps.end());
  return *middle;
}

/// Computes anchors and values for this step; answers the largest value.
std::uint64_t
lay_times(segment& out, const std::vector<std::int64_t>& times, std::vector<std::uint64_t>& late) {
  out.anchors_us.clear();
  std::uint64_t largest = 0;
  for (std::size_t first = 0; first < times.size(); first += anchor_frames) {
    const auto last = std::min(first + anchor_frames, times.size());
    const auto from_line = [&](std::size_t i) {
      return times[i] - out.time_base_us - static_cast<std::int64_t>(i - first) * out.time_step_us;
    };
    auto anchor = from_line(first);
    for (auto i = first; i < last; ++i)
      anchor = std::min(anchor, from_line(i));
    for (auto i = first; i < last; ++i) {
      late[i] = static_cast<std::uint64_t>(from_line(i) - anchor);
      largest = std::max(largest, late[i]);
    }
    out.anchors_us.push_back(anchor);
  }
  return largest;
}

void put_times(segment& out, const std::vector<std::int64_t>& times) {
  const auto [low, high] = std::minmax_element(times.begin(), times.end());
  out.time_first_us = *low;
  out.time_last_us = *high;
  out.time_base_us = times.front();
  out.time_step_us = median_step(times);
  std::vector<std::uint64_t> late(times.size());
  auto largest = lay_times(out, times, late);
  if (bytes_of(largest) > time_planes_max) { // only a long step exceeds it; without a step the
    out.time_step_us = 0;                    // span is the limit
    largest = lay_times(out, times, late);
  }
  out.time_planes = bytes_of(largest);
  put_planes(out.data, late, out.time_planes);
}

void put_seqs(segment& out, runs_ref runs, std::span<const item_place> frames) {
  std::vector<std::uint64_t> gaps(frames.size());
  std::uint64_t largest = 0;
  for (std::size_t i = 1; i < frames.size(); ++i) {
    gaps[i] = seq_of(runs, frames[i]) - seq_of(runs, frames[i - 1]) - 1;
    largest = std::max(largest, gaps[i]);
  }
  out.seq_base = seq_of(runs, frames.front());
  out.seq_planes = bytes_of(largest);
  put_planes(out.data, gaps, out.seq_planes);
}

void put_payloads(segment& out, runs_ref runs, std::span<const item_place> frames) {
  const auto begin = out.data.size();
  out.data.resize(begin + frames.size() * out.payload_planes, '\0');
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const auto payload = runs[frames[i].run].block[frames[i].frame].payload();
    for (std::size_t byte = 0; byte < payload.size(); ++byte)
      out.data[begin + byte * frames.size() + i] = static_cast<char>(payload[byte]);
  }
}

/// Frames in order of seq, of these headers; `index_of` only when there are several.
segment make_segment(runs_ref runs,
                     std::vector<std::uint64_t> headers,
                     std::span<const item_place> frames,
                     const std::vector<std::uint8_t>& indices) {
  segment out;
  out.frames = static_cast<std::uint32_t>(frames.size());
  std::size_t payload = 0;
  for (const auto bits : headers)
    payload = std::max(payload, can::frame_header{bits}.payload_bytes());
  out.payload_planes = static_cast<std::uint16_t>(payload);
  if (headers.size() == 1)
    out.channel = channel_of({headers.front()});
  else
    out.data.assign(indices.begin(), indices.end());
  out.headers = std::move(headers);
  std::vector<std::int64_t> times(frames.size());
  for (std::size_t i = 0; i < frames.size(); ++i)
    times[i] = time_of(runs, frames[i]);
  put_times(out, times);
  put_seqs(out, runs, frames);
  put_payloads(out, runs, frames);
  return out;
}

/// Rare headers share segments, in order of seq.
void add_shared(sealed_chunk& out,
                runs_ref runs,
                std::span<const std::pair<std::uint64_t, const places*>> rare) {
  struct entry {
    item_place at;
    std::uint8_t index;
  };
  for (std::size_t first = 0; first < rare.size(); first += shared_headers_max) {
    const auto part = rare.subspan(first, std::min(shared_headers_max, rare.size() - first));
    std::vector<entry> entries;
    std::vector<std::uint64_t> headers;
    for (std::size_t i = 0; i < part.size(); ++i) {
      headers.push_back(part[i].first);
      for (const auto& at : *part[i].second)
        entries.push_back({at, static_cast<std::uint8_t>(i)});
    }
    std::sort(entries.begin(), entries.end(), [](const entry& a, const entry& b) {
      return a.at.run != b.at.run ? a.at.run < b.at.run : a.at.frame < b.at.frame;
    });
    places frames;
    std::vector<std::uint8_t> indices;
    for (const auto& one : entries) {
      frames.push_back(one.at);
      indices.push_back(one.index);
    }
    out.segments.push_back(make_segment(runs, std::move(headers), frames, indices));
  }
}

/// Frames of one header, in order of seq; the headers in order of their first frame.
using frames_by_header = std::vector<std::pair<std::uint64_t, places>>;

/// Times may lie further apart than a signed number says.
bool lie_apart(std::int64_t first_us, std::int64_t last_us, std::int64_t span_us) {
  return static_cast<std::uint64_t>(last_us) - static_cast<std::uint64_t>(first_us)
         > static_cast<std::uint64_t>(span_us);
}

bool is_wide(std::int64_t first_us, std::int64_t last_us) {
  return lie_apart(first_us, last_us, segment_span_us);
}

struct time_range {
  std::int64_t low;
  std::int64_t high;
};

time_range range_of(const frame_run& run) {
  const auto [low, high] = run.block.time_range_us();
  return {low, high};
}

time_range joined(time_range a, time_range b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

/// Whether a chunk of these times takes the block without a stretch more.
bool holds(time_range seen, const frame_run& run) {
  const auto range = range_of(run);
  const auto both = joined(seen, range);
  return (seen.low <= range.low && range.high <= seen.high)
         || !lie_apart(both.low, both.high, chunk_span_us);
}

/// Whether the clock, which has left these times, is soon back at them: then it jumps, and has not just gone on.
bool comes_back(time_range seen, runs_ref next) {
  constexpr std::size_t soon = 64;
  next = next.first(std::min(soon, next.size()));
  return std::any_of(next.begin(), next.end(),
                     [&](const frame_run& run) { return holds(seen, run); });
}

/// Where stretches of at most segment_span_us begin, so that every frame lies in one: usually one, for a clock that jumps
/// as many as it has been at.
std::vector<std::int64_t> stretch_starts(runs_ref runs, bool wide) {
  std::vector<std::int64_t> times;
  if (!wide)
    return {std::numeric_limits<std::int64_t>::min()};
  for (const auto& run : runs)
    for (std::size_t i = 0; i < run.block.size(); ++i)
      times.push_back(run.block.time_us(i));
  std::sort(times.begin(), times.end());
  std::vector<std::int64_t> starts{times.front()};
  for (const auto time : times)
    if (is_wide(starts.back(), time))
      starts.push_back(time);
  return starts;
}

/// The frames of each stretch of time, by header.
std::vector<frames_by_header> stretches_of(runs_ref runs, bool wide) {
  const auto starts = stretch_starts(runs, wide);
  std::vector<frames_by_header> out(starts.size());
  std::vector<std::unordered_map<std::uint64_t, std::size_t>> slots(starts.size());
  for (std::uint32_t run = 0; run < runs.size(); ++run)
    for (std::uint32_t frame = 0; frame < runs[run].block.size(); ++frame) {
      const auto after =
        std::upper_bound(starts.begin(), starts.end(), runs[run].block.time_us(frame));
      const auto stretch = static_cast<std::size_t>(after - starts.begin() - 1);
      const auto bits = runs[run].block.header(frame).bits;
      const auto [slot, added] = slots[stretch].try_emplace(bits, out[stretch].size());
      if (added)
        out[stretch].emplace_back(bits, places{});
      out[stretch][slot->second].second.push_back({run, frame});
    }
  return out;
}

void add_stretch(sealed_chunk& out, runs_ref runs, const frames_by_header& by_header) {
  std::vector<std::pair<std::uint64_t, const places*>> rare;
  for (const auto& [bits, frames] : by_header) {
    const auto payload = can::frame_header{bits}.payload_bytes();
    if (payload <= 8 && frames.size() * (payload + 3) < row_bytes_min)
      rare.emplace_back(bits, &frames);
    else
      out.segments.push_back(make_segment(runs, {bits}, frames, {}));
  }
  if (!rare.empty())
    add_shared(out, runs, rare);
}

/// One segment under the eye of a reader.
struct reading {
  const segment* from = nullptr;
  std::size_t at = 0; // the next frame
  std::uint64_t seq = 0;
  std::size_t time_at = 0;
  std::size_t seq_at = 0;
  std::size_t payload_at = 0;

  [[nodiscard]] std::uint64_t value(std::size_t begin, unsigned planes) const {
    std::uint64_t out = 0;
    for (unsigned plane = 0; plane < planes; ++plane)
      out |= std::uint64_t{static_cast<std::uint8_t>(
               from->data[begin + std::size_t{plane} * from->frames + at])}
             << 8 * plane;
    return out;
  }
  [[nodiscard]] std::int64_t time_us() const {
    return from->time_base_us + from->anchors_us[at / anchor_frames]
           + static_cast<std::int64_t>(at % anchor_frames) * from->time_step_us
           + static_cast<std::int64_t>(value(time_at, from->time_planes));
  }
  [[nodiscard]] can::frame_header header() const {
    return {from->headers.size() == 1 ? from->headers.front() : from->headers[value(0, 1)]};
  }
};

bool is_sound(const segment& one) {
  const auto planes = std::size_t{one.time_planes} + one.seq_planes + one.payload_planes
                      + (one.headers.size() > 1 ? 1U : 0U);
  if (one.frames == 0 || one.headers.empty() || one.headers.size() > shared_headers_max
      || one.time_planes < 1 || one.time_planes > time_planes_max || one.seq_planes < 1
      || one.seq_planes > 4 || one.data.size() != planes * one.frames
      || one.anchors_us.size() != (one.frames + anchor_frames - 1) / anchor_frames)
    return false;
  for (const auto bits : one.headers)
    if (can::fault_of({bits}) != can::frame_fault::none
        || can::frame_header{bits}.payload_bytes() > one.payload_planes)
      return false;
  if (one.headers.size() > 1)
    for (std::size_t i = 0; i < one.frames; ++i)
      if (static_cast<std::uint8_t>(one.data[i]) >= one.headers.size())
        return false;
  return true;
}

reading begin_reading(const segment& one) {
  reading out;
  out.from = &one;
  out.time_at = one.headers.size() > 1 ? one.frames : 0;
  out.seq_at = out.time_at + std::size_t{one.time_planes} * one.frames;
  out.payload_at = out.seq_at + std::size_t{one.seq_planes} * one.frames;
  out.seq = one.seq_base;
  return out;
}

/// Where a frame of a chunk stands in its segment.
struct numbered_frame {
  std::uint64_t seq;
  std::uint32_t segment;
  std::uint32_t frame;
};

bool push(std::vector<frame_run>& out,
          std::uint64_t seq,
          std::int64_t time_us,
          can::frame_header header,
          const std::uint8_t* payload) {
  const bool follows = !out.empty() && out.back().seq_first + out.back().block.size() == seq;
  if (follows && out.back().block.push(time_us, header, payload))
    return true;
  auto& run = out.emplace_back();
  run.seq_first = seq;
  return run.block.push(time_us, header, payload);
}

} // namespace

std::int32_t channel_of(can::frame_header header) {
  if (header.error())
    return channel_error;
  return header.extended() ? static_cast<std::int32_t>(can::pgn_of(header.id()))
                           : channel_standard + static_cast<std::int32_t>(header.id() & 0x7FFU);
}

std::size_t chunk_runs(std::span<const frame_run> runs) {
  std::size_t frames = 0;
  std::size_t long_bytes = 0;
  time_range seen = range_of(runs.front());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto& block = runs[i].block;
    const bool leaves = !holds(seen, runs[i])
                        && (frames >= chunk_frames_min || !comes_back(seen, runs.subspan(i + 1)));
    frames += block.size();
    long_bytes += block.long_payload.size();
    if (i > 0
        && (leaves || frames > chunk_frames_max || long_bytes > chunk_long_bytes_max
            || runs[i].seq_first + block.size() - runs.front().seq_first > seq_gap_max))
      return i;
    seen = joined(seen, range_of(runs[i]));
  }
  return runs.size();
}

sealed_chunk seal(std::span<const frame_run> runs) {
  sealed_chunk out;
  std::tie(out.time_first_us, out.time_last_us) = runs.front().block.time_range_us();
  for (const auto& run : runs) {
    const auto& block = run.block;
    const auto [low, high] = block.time_range_us();
    out.time_first_us = std::min(out.time_first_us, low);
    out.time_last_us = std::max(out.time_last_us, high);
    out.frames += block.size();
    if (!out.runs.empty() && out.runs.back().first + out.runs.back().second == run.seq_first)
      out.runs.back().second += block.size();
    else
      out.runs.emplace_back(run.seq_first, block.size());
  }
  out.seq_first = runs.front().seq_first;
  out.seq_last = runs.back().seq_first + runs.back().block.size() - 1;
  const auto stretches = stretches_of(runs, is_wide(out.time_first_us, out.time_last_us));
  out.wide = stretches.size() > 1;
  for (const auto& stretch : stretches)
    add_stretch(out, runs, stretch);
  return out;
}

bool unseal(std::span<const segment> segments, std::uint64_t after, std::vector<frame_run>& out) {
  std::vector<numbered_frame> order;
  for (std::uint32_t i = 0; i < segments.size(); ++i) {
    if (!is_sound(segments[i]))
      return false;
    auto now = begin_reading(segments[i]);
    for (; now.at < segments[i].frames; ++now.at) {
      now.seq += now.value(now.seq_at, segments[i].seq_planes) + (now.at > 0 ? 1 : 0);
      if (now.seq > after)
        order.push_back({now.seq, i, static_cast<std::uint32_t>(now.at)});
    }
  }
  std::sort(order.begin(), order.end(),
            [](const numbered_frame& a, const numbered_frame& b) { return a.seq < b.seq; });
  std::vector<std::uint8_t> payload(can::xl_bytes_max);
  for (const auto& one : order) {
    const auto& from = segments[one.segment];
    auto now = begin_reading(from);
    now.at = one.frame;
    const auto header = now.header();
    for (std::size_t byte = 0; byte < header.payload_bytes(); ++byte)
      payload[byte] =
        static_cast<std::uint8_t>(from.data[now.payload_at + byte * from.frames + now.at]);
    if (!push(out, one.seq, now.time_us(), header, payload.data()))
      return false;
  }
  return true;
}

} // namespace furrow::storage
