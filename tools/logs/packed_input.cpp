#include "tools/logs/packed_input.hpp"

#include <algorithm>
#include <string_view>

namespace furrow::logs {

void packed_input::begin(packing how) {
  packing_ = how;
  if (how != packing::none)
    unpacker_ = std::make_unique<unpacker>(how);
}

/// Waits for the bytes that say how the input is packed.
got packed_input::sniff(const raw_reader& raw) {
  const auto have = raw_.size();
  raw_.resize(unpacker::head_bytes);
  std::size_t count = 0;
  const auto how = raw(std::span{raw_}.subspan(have), count);
  raw_.resize(have + count);
  if (how == got::broken || (how != got::end && raw_.size() < unpacker::head_bytes))
    return how == got::bytes ? got::nothing_yet : how;
  begin(unpacker::packing_of({raw_.data(), raw_.size()}));
  return got::bytes;
}

got packed_input::read(std::span<char> into, std::size_t& count, const raw_reader& raw) {
  count = 0;
  if (!packing_)
    if (const auto how = sniff(raw); how != got::bytes)
      return how;
  if (unpacker_ != nullptr)
    return read_unpacked(into, count, raw);
  if (raw_begin_ == raw_.size())
    return raw(into, count);
  count = std::min(into.size(), raw_.size() - raw_begin_);
  std::copy_n(raw_.data() + raw_begin_, count, into.data());
  raw_begin_ += count;
  return got::bytes;
}

got packed_input::read_unpacked(std::span<char> into, std::size_t& count, const raw_reader& raw) {
  for (;;) {
    std::string_view in{raw_.data() + raw_begin_, raw_.size() - raw_begin_};
    const auto made = unpacker_->unpack(in, into);
    if (!made) {
      trouble_ = made.error().detail;
      return got::broken;
    }
    raw_begin_ = raw_.size() - in.size();
    if (*made != 0) {
      count = *made;
      return got::bytes;
    }
    raw_.resize(chunk_bytes);
    raw_begin_ = 0;
    std::size_t arrived = 0;
    const auto how = raw(raw_, arrived);
    raw_.resize(arrived);
    if (how == got::end && !unpacker_->complete()) {
      trouble_ = "it ends in the middle of its packed data";
      return got::broken;
    }
    if (how != got::bytes)
      return how;
  }
}

} // namespace furrow::logs
