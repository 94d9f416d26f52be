/// Folders, spools and frames for the tests of the gateway, named as the story tells them.
#pragma once

#include "can/logs/candump.hpp"
#include "proto/wire.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tools/furrow-edge/spool/spool.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

namespace furrow::tests {

/// `count` frames whose identifiers are first, first + 1 ...: a frame tells its number.
inline can::frame_block numbered_frames(std::uint64_t first, std::size_t count) {
  can::frame_block block;
  for (std::size_t i = 0; i < count; ++i) {
    const auto id = static_cast<std::uint32_t>(first + i);
    REQUIRE(block.push(static_cast<std::int64_t>(first + i) * 1'000,
                       can::pack({.id = id & 0x1FFFFFFFU, .extended = true}), nullptr));
  }
  return block;
}

/// The same frames as a candump log.
inline std::string
numbered_log(std::uint64_t first, std::uint64_t count, const std::string& interface = "can0") {
  constexpr std::uint64_t chunk = 20'000; // largest number of different headers in a block
  std::string text;
  for (std::uint64_t at = 0; at < count; at += chunk) {
    const auto block = numbered_frames(first + at, std::min(chunk, count - at));
    for (std::size_t i = 0; i < block.size(); ++i)
      can::append_candump(text, block[i], interface);
  }
  return text;
}

inline edge::encoded_group encoded(const proto::item_group& group) {
  return {static_cast<std::uint32_t>(proto::item_count(group)), proto::encode_items(group)};
}

inline proto::item_group decoded(const edge::item_block& block) {
  auto group = proto::decode_items(
    {reinterpret_cast<const std::uint8_t*>(block.bytes->data()), block.bytes->size()});
  REQUIRE_MESSAGE(group, (group ? std::string{} : group.error().detail));
  REQUIRE(proto::item_count(*group) == block.count);
  return std::move(*group);
}

/// Some blocks from `from` on.
inline std::vector<edge::item_block> blocks_from(edge::item_store& store, std::uint64_t from) {
  auto blocks = store.read(from, 1U << 20U, 64);
  REQUIRE(blocks);
  REQUIRE_FALSE(blocks->empty());
  return std::move(*blocks);
}

} // namespace furrow::tests
