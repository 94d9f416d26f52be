#include "can/frame/frame_block.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace furrow::can {

static_assert(std::endian::native == std::endian::little, "slots are read in place as bytes");

namespace {

bool is_long(frame_header header) {
  return header.payload_bytes() > 8;
}

std::size_t bucket_of(std::uint64_t header, std::size_t buckets) {
  return static_cast<std::size_t>((header * 0x9E3779B97F4A7C15U) >> 32U) & (buckets - 1);
}

bool fits_offset(std::int64_t delta) {
  return delta >= std::numeric_limits<std::int32_t>::min()
         && delta <= std::numeric_limits<std::int32_t>::max();
}

/// b - a, or nothing when it overflows: times come from outside.
std::optional<std::int64_t> difference(std::int64_t b, std::int64_t a) {
  std::int64_t out = 0;
  if (__builtin_sub_overflow(b, a, &out))
    return std::nullopt;
  return out;
}

} // namespace

frame_view frame_block::operator[](std::size_t i) const {
  const auto head = header(i);
  const auto* in_place = reinterpret_cast<const std::uint8_t*>(&slots[i]);
  return {time_us(i), head, is_long(head) ? long_payload.data() + slots[i] : in_place};
}

std::pair<std::int64_t, std::int64_t> frame_block::time_range_us() const {
  if (empty())
    return {0, 0};
  const auto [low, high] = std::minmax_element(time_offset_us.begin(), time_offset_us.end());
  return {time_base_us + *low, time_base_us + *high};
}

std::size_t frame_block::bytes() const {
  return headers.capacity() * 8 + header_index.capacity() * 2 + time_offset_us.capacity() * 4
         + slots.capacity() * 8 + long_payload.capacity() + buckets_.capacity() * 2;
}

bool frame_block::push(std::int64_t time_us, frame_header header, const std::uint8_t* payload) {
  if (size() >= frames_max)
    return false;
  const auto delta = empty() ? 0 : difference(time_us, time_base_us);
  if (!delta || !fits_offset(*delta))
    return false;
  const auto bytes = header.payload_bytes();
  if (bytes > 8 && long_payload.size() + bytes > long_payload_bytes_max)
    return false;
  const auto index = intern(header.bits);
  if (!index)
    return false;
  std::uint64_t slot = 0;
  if (bytes > 8) {
    slot = long_payload.size();
    long_payload.insert(long_payload.end(), payload, payload + bytes);
  } else if (bytes > 0) {
    std::memcpy(&slot, payload, bytes);
  }
  if (empty())
    time_base_us = time_us;
  header_index.push_back(*index);
  time_offset_us.push_back(static_cast<std::int32_t>(*delta));
  slots.push_back(slot);
  return true;
}

bool frame_block::append(const frame_block& other, std::size_t first, std::size_t count) {
  if (count == 0)
    return true;
  if (size() + count > frames_max)
    return false;
  const auto base = empty() ? other.time_us(first) : time_base_us;
  const auto shift = difference(other.time_base_us, base);
  if (!shift)
    return false;
  const auto from = other.time_offset_us.begin() + static_cast<std::ptrdiff_t>(first);
  const auto [low, high] = std::minmax_element(from, from + static_cast<std::ptrdiff_t>(count));
  // With |shift| above 34 bits no 32-bit offset can reach the range again.
  constexpr auto far = std::int64_t{1} << 34U;
  if (*shift > far || *shift < -far || !fits_offset(*shift + *low) || !fits_offset(*shift + *high))
    return false;
  std::size_t long_bytes = 0;
  if (!other.long_payload.empty())
    for (std::size_t i = first; i < first + count; ++i)
      if (is_long(other.header(i)))
        long_bytes += other.header(i).payload_bytes();
  if (long_payload.size() + long_bytes > long_payload_bytes_max)
    return false;
  std::vector<std::uint16_t> remap(other.headers.size(), std::numeric_limits<std::uint16_t>::max());
  const auto headers_before = headers.size();
  for (std::size_t i = first; i < first + count; ++i) {
    auto& to = remap[other.header_index[i]];
    if (to != std::numeric_limits<std::uint16_t>::max())
      continue;
    const auto index = intern(other.headers[other.header_index[i]]);
    if (!index) {
      headers.resize(headers_before); // nothing refers to them yet
      reindex();
      return false;
    }
    to = *index;
  }
  if (empty())
    time_base_us = base;
  for (std::size_t i = first; i < first + count; ++i) {
    header_index.push_back(remap[other.header_index[i]]);
    time_offset_us.push_back(static_cast<std::int32_t>(*shift + other.time_offset_us[i]));
  }
  if (long_bytes == 0) {
    slots.insert(slots.end(), other.slots.begin() + static_cast<std::ptrdiff_t>(first),
                 other.slots.begin() + static_cast<std::ptrdiff_t>(first + count));
    return true;
  }
  for (std::size_t i = first; i < first + count; ++i) {
    if (!is_long(other.header(i))) {
      slots.push_back(other.slots[i]);
      continue;
    }
    const auto payload = other[i].payload();
    slots.push_back(long_payload.size());
    long_payload.insert(long_payload.end(), payload.begin(), payload.end());
  }
  return true;
}

void frame_block::clear() {
  headers.clear();
  header_index.clear();
  time_offset_us.clear();
  slots.clear();
  long_payload.clear();
  buckets_.assign(buckets_.size(), 0);
  indexed_ = 0;
  last_ = 0;
}

const char* frame_block::structural_fault() const {
  if (header_index.size() != size() || time_offset_us.size() != size())
    return "columns of different lengths";
  if (size() > frames_max)
    return "too many frames for a block";
  if (headers.size() > headers_max)
    return "too many headers for a block";
  if (long_payload.size() > long_payload_bytes_max)
    return "too much long payload for a block";
  std::uint16_t index_max = 0;
  for (const auto index : header_index)
    index_max = std::max(index_max, index);
  if (!empty() && index_max >= headers.size())
    return "a header index outside the dictionary";
  const auto [low, high] = std::minmax_element(time_offset_us.begin(), time_offset_us.end());
  if (!empty()) {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(time_base_us, *low, &sum)
        || __builtin_add_overflow(time_base_us, *high, &sum))
      return "a time that exceeds 64 bits";
  }
  const auto any_long = std::any_of(headers.begin(), headers.end(),
                                    [](std::uint64_t bits) { return is_long(frame_header{bits}); });
  if (!any_long)
    return nullptr;
  for (std::size_t i = 0; i < size(); ++i) {
    const auto bytes = header(i).payload_bytes();
    if (bytes > 8 && (slots[i] > long_payload.size() || long_payload.size() - slots[i] < bytes))
      return "a long payload outside its column";
  }
  return nullptr;
}

std::optional<std::uint16_t> frame_block::intern(std::uint64_t header) {
  if (indexed_ != headers.size())
    reindex();
  if (last_ < headers.size() && headers[last_] == header)
    return last_;
  if ((headers.size() + 1) * 2 > buckets_.size())
    reindex();
  auto at = bucket_of(header, buckets_.size());
  for (; buckets_[at] != 0; at = (at + 1) & (buckets_.size() - 1))
    if (headers[buckets_[at] - 1U] == header)
      return last_ = static_cast<std::uint16_t>(buckets_[at] - 1U);
  if (headers.size() >= headers_max)
    return std::nullopt;
  headers.push_back(header);
  buckets_[at] = static_cast<std::uint16_t>(headers.size());
  indexed_ = headers.size();
  return last_ = static_cast<std::uint16_t>(headers.size() - 1);
}

void frame_block::reindex() {
  buckets_.assign(std::max<std::size_t>(32, std::bit_ceil(headers.size() * 4)), 0);
  for (std::size_t i = 0; i < headers.size(); ++i) {
    auto at = bucket_of(headers[i], buckets_.size());
    while (buckets_[at] != 0)
      at = (at + 1) & (buckets_.size() - 1);
    buckets_[at] = static_cast<std::uint16_t>(i + 1);
  }
  indexed_ = headers.size();
}

} // namespace furrow::can
