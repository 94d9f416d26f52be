#include "tools/furrow-edge/spool/item_store.hpp"

#include "proto/wire.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

namespace furrow::edge {

result<encoded_group>
items_after(std::string_view group_bytes, std::uint64_t skip, std::uint64_t count_max) {
  auto group = proto::decode_items(
    {reinterpret_cast<const std::uint8_t*>(group_bytes.data()), group_bytes.size()});
  if (!group || proto::item_count(*group) <= skip)
    return failure{errc::damaged, "a block of the spool does not hold the items that it should"};
  const auto count = std::min<std::uint64_t>(count_max, proto::item_count(*group) - skip);
  if (const auto* records = std::get_if<std::vector<can::record>>(&*group)) {
    const auto first = records->begin() + static_cast<std::ptrdiff_t>(skip);
    group = proto::item_group{
      std::vector<can::record>{first, first + static_cast<std::ptrdiff_t>(count)}};
  } else if (auto* gone = std::get_if<can::gone_items>(&*group)) {
    gone->count = count;
  } else {
    can::frame_block part;
    if (!part.append(std::get<can::frame_block>(*group), skip, count))
      return failure{errc::damaged, "a block of the spool cannot be divided"};
    group = proto::item_group{std::move(part)};
  }
  return encoded_group{static_cast<std::uint32_t>(count), proto::encode_items(*group)};
}

namespace {

constexpr std::size_t small_bytes = 8U << 10U; // of a block that is joined with others
constexpr std::size_t joined_bytes = 128U << 10U;

/// Blocks of frames that become one.
class joined_block {
public:
  [[nodiscard]] bool add(const item_block& next) {
    if (next.bytes->size() > small_bytes || proto::holds_records(*next.bytes))
      return false;
    auto group = proto::decode_items(
      {reinterpret_cast<const std::uint8_t*>(next.bytes->data()), next.bytes->size()});
    auto* const frames = group ? std::get_if<can::frame_block>(&*group) : nullptr;
    if (frames == nullptr || frames->size() != next.count || frames_.bytes() > joined_bytes)
      return false; // a damaged block stays as it is: the node says what is wrong with it
    if (frames_.empty())
      frames_ = std::move(*frames);
    else if (!frames_.append(*frames, 0, frames->size()))
      return false;
    if (parts_++ == 0)
      first_ = next;
    return true;
  }
  void end(std::vector<item_block>& to) {
    if (parts_ == 1) {
      to.push_back(std::move(first_));
    } else if (parts_ > 1) {
      const auto count = static_cast<std::uint32_t>(frames_.size());
      const proto::item_group group{std::move(frames_)};
      to.push_back(
        {first_.seq_first, count, std::make_shared<const std::string>(proto::encode_items(group))});
    }
    frames_ = {};
    parts_ = 0;
  }

private:
  can::frame_block frames_;
  item_block first_;
  std::size_t parts_ = 0;
};

} // namespace

void join_small(std::vector<item_block>& blocks, std::size_t blocks_max) {
  std::vector<item_block> made;
  joined_block open;
  for (const auto& block : blocks) {
    if (made.size() >= blocks_max)
      break;
    if (open.add(block))
      continue;
    open.end(made);
    if (!open.add(block))
      made.push_back(block);
  }
  open.end(made);
  if (made.size() > blocks_max)
    made.resize(blocks_max);
  blocks = std::move(made);
}

} // namespace furrow::edge
