#include "storage/forward/forward_page.hpp"

#include "can/records/rejected_line.hpp"
#include "storage/append/quarantine.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace furrow::storage {

namespace {

constexpr std::size_t stored_head_bytes = 16;
constexpr std::size_t forwarded_body_max = 64U << 10U;
constexpr std::size_t frame_columns_bytes = 22; // of a frame, at most, without a long payload
constexpr std::uint64_t gone_group_max = std::uint64_t{1} << 31U;

/// A frame of quarantine also with a header that no frame has; absent when its bytes are not whole.
std::optional<can::frame_block> any_frame_of(const std::string& bytes) {
  if (bytes.size() < stored_head_bytes)
    return std::nullopt;
  std::int64_t time_us = 0;
  can::frame_header header;
  std::memcpy(&time_us, bytes.data(), sizeof time_us); // as quarantine_bytes writes: little-endian
  std::memcpy(&header.bits, bytes.data() + sizeof time_us, sizeof header.bits);
  can::frame_block block;
  if (header.payload_bytes() != bytes.size() - stored_head_bytes
      || !block.push(time_us, header,
                     reinterpret_cast<const std::uint8_t*>(bytes.data()) + stored_head_bytes)
      || block.structural_fault() != nullptr)
    return std::nullopt;
  return block;
}

/// How many frames from `first` on make one group.
std::size_t group_frames(const can::frame_block& block, std::size_t first, std::size_t end) {
  const auto most = std::min(end - first, forward_page_maker::group_frames_max);
  if (block.long_payload.empty())
    return most;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < most; ++i) {
    bytes += frame_columns_bytes + block.header(first + i).payload_bytes();
    if (bytes > forward_page_maker::group_bytes_max && i > 0)
      return i;
  }
  return most;
}

/// Frames [first, first + count) of a block, whose times may be too far apart for one block.
void put_part(forward_page& page,
              const can::frame_block& from,
              std::uint64_t seq,
              std::size_t first,
              std::size_t count) {
  can::frame_block part;
  if (part.append(from, first, count)) {
    page.groups.push_back({seq, std::move(part)});
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const auto frame = from[first + i];
    if (part.push(frame.time_us, frame.header, frame.data))
      continue;
    const auto held = part.size();
    page.groups.push_back({seq + i - held, std::exchange(part, {})});
    (void)part.push(frame.time_us, frame.header, frame.data); // an empty block takes any frame
  }
  const auto held = part.size();
  page.groups.push_back({seq + count - held, std::move(part)});
}

} // namespace

void forward_page_maker::add(frame_run run) {
  if (!run.block.empty())
    frames_.push_back(std::move(run));
}

void forward_page_maker::add(std::uint64_t seq, can::record record) {
  records_.push_back({seq, std::move(record)});
}

void forward_page_maker::add_quarantined(std::uint64_t seq,
                                         std::int64_t time_us,
                                         std::optional<std::uint16_t> kind,
                                         const std::string& reason,
                                         std::string bytes) {
  if (!kind) {
    if (auto block = any_frame_of(bytes))
      return add(frame_run{seq, std::move(*block)});
  } else if (*kind != can::record_kind_rejected_line && bytes.size() <= forwarded_body_max
             && is_text(bytes)) {
    return add(seq, can::record{time_us, *kind, std::move(bytes)});
  }
  add(seq, can::record{time_us, can::record_kind_rejected_line,
                       can::write_rejected_line(reason, bytes)});
}

void forward_page_maker::sort() {
  const auto by_first = [](const auto& a, const auto& b) { return a.seq_first < b.seq_first; };
  if (!std::is_sorted(frames_.begin(), frames_.end(), by_first))
    std::sort(frames_.begin(), frames_.end(), by_first);
  const auto by_seq = [](const auto& a, const auto& b) { return a.seq < b.seq; };
  std::sort(records_.begin(), records_.end(), by_seq);
  std::sort(gone_.begin(), gone_.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
}

std::vector<can::gone_range> forward_page_maker::holes() {
  sort();
  std::vector<can::gone_range> out;
  auto next = after_ + 1;
  const auto cover = [&](std::uint64_t first, std::uint64_t last) {
    if (first > next && next <= to_)
      out.push_back({next, std::min(first - 1, to_), can::gone_reason::missing});
    next = std::max(next, last + 1);
  };
  auto record = records_.begin();
  const auto records_before = [&](std::uint64_t seq) {
    for (; record != records_.end() && record->seq < seq; ++record)
      cover(record->seq, record->seq);
  };
  for (const auto& run : frames_) {
    records_before(run.seq_first);
    cover(run.seq_first, run.seq_first + run.block.size() - 1);
  }
  records_before(to_ + 1);
  if (next <= to_)
    out.push_back({next, to_, can::gone_reason::missing});
  return out;
}

void forward_page_maker::put_frames(forward_page& page,
                                    const frame_run& run,
                                    std::uint64_t from) const {
  auto first = static_cast<std::size_t>(from - run.seq_first);
  const auto end =
    static_cast<std::size_t>(std::min<std::uint64_t>(run.block.size(), to_ + 1 - run.seq_first));
  while (first < end) {
    const auto count = group_frames(run.block, first, end);
    put_part(page, run.block, run.seq_first + first, first, count);
    first += count;
  }
}

void forward_page_maker::put_record(forward_page& page, std::uint64_t seq, can::record record) {
  constexpr std::size_t record_head_bytes = 32;
  const auto bytes = record_head_bytes + record.body.size();
  auto* const last = page.groups.empty()
                       ? nullptr
                       : std::get_if<std::vector<can::record>>(&page.groups.back().items);
  if (last != nullptr && last->size() < group_records_max
      && group_bytes_ + bytes <= group_bytes_max) {
    last->push_back(std::move(record));
    group_bytes_ += bytes;
    return;
  }
  group_bytes_ = bytes;
  std::vector<can::record> group;
  group.push_back(std::move(record));
  page.groups.push_back({seq, std::move(group)});
}

/// Numbers that no table has, with the reasons that are known of them.
void forward_page_maker::put_gone(forward_page& page,
                                  std::uint64_t first,
                                  std::uint64_t last) const {
  const auto put = [&](std::uint64_t low, std::uint64_t high, can::gone_reason why) {
    for (; low <= high; low += gone_group_max)
      page.groups.push_back({low, can::gone_items{std::min(high - low + 1, gone_group_max), why}});
  };
  for (const auto& range : gone_) {
    if (range.last < first || range.first > last)
      continue;
    if (range.first > first)
      put(first, range.first - 1, can::gone_reason::missing);
    const auto end = std::min(range.last, last);
    put(std::max(first, range.first), end, range.why);
    first = end + 1;
    if (first > last)
      return;
  }
  put(first, last, can::gone_reason::missing);
}

forward_page forward_page_maker::finish() {
  sort();
  forward_page page;
  page.to = to_;
  auto next = after_ + 1;
  const auto reach = [&](std::uint64_t first) {
    if (first > next)
      put_gone(page, next, first - 1);
  };
  auto record = records_.begin();
  const auto records_before = [&](std::uint64_t seq) {
    for (; record != records_.end() && record->seq < seq; ++record) {
      if (record->seq < next || record->seq > to_)
        continue;
      reach(record->seq);
      put_record(page, record->seq, std::move(record->record));
      next = record->seq + 1;
    }
  };
  for (const auto& run : frames_) {
    records_before(run.seq_first);
    const auto last = std::min(run.seq_first + run.block.size() - 1, to_);
    if (last < next || run.seq_first > to_)
      continue;
    reach(run.seq_first);
    put_frames(page, run, std::max(next, run.seq_first));
    next = last + 1;
  }
  records_before(to_ + 1);
  reach(to_ + 1);
  return page;
}

} // namespace furrow::storage
