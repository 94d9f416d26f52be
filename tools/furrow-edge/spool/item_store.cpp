#include "tools/furrow-edge/spool/item_store.hpp"

#include "proto/wire.hpp"

#include <algorithm>

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

} // namespace furrow::edge
