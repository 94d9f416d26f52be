#include "can/frame/frame_block.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <random>

using namespace furrow::can;

namespace {

frame_header classic(std::uint32_t id, std::uint16_t length) {
  return pack({.id = id, .extended = true, .length = length});
}

struct made {
  std::int64_t time_us;
  frame_header header;
  std::vector<std::uint8_t> payload;
};

std::vector<made> random_frames(unsigned seed, std::size_t count) {
  std::mt19937 random{seed};
  std::vector<made> frames;
  std::int64_t time = 1'547'753'403'715'009;
  for (std::size_t i = 0; i < count; ++i) {
    time += static_cast<int>(random() % 4'000) - 500; // clock steps back now and then
    made frame{time, {}, {}};
    const bool fd = random() % 5 == 0;
    const std::uint16_t length = fd ? 64 : static_cast<std::uint16_t>(random() % 9);
    frame.header = pack({.id = static_cast<std::uint32_t>(random() % 40),
                         .extended = true,
                         .remote = !fd && random() % 9 == 0,
                         .length = length,
                         .kind = fd ? frame_kind::fd : frame_kind::classic});
    frame.payload.resize(frame.header.payload_bytes());
    for (auto& byte : frame.payload)
      byte = static_cast<std::uint8_t>(random());
    frames.push_back(std::move(frame));
  }
  return frames;
}

void check_same(const frame_block& block, std::size_t at, const made& frame) {
  const auto view = block[at];
  REQUIRE(view.time_us == frame.time_us);
  REQUIRE(view.header == frame.header);
  REQUIRE(view.payload().size() == frame.payload.size());
  REQUIRE(std::equal(frame.payload.begin(), frame.payload.end(), view.payload().begin()));
}

} // namespace

TEST_CASE("frame header: unpacks what was packed, and detects invalid headers") {
  const auto header = pack({.id = 0x18FEF100,
                            .extended = true,
                            .bus = 3,
                            .length = 8,
                            .nibble = 0xF,
                            .direction = frame_direction::sent});
  CHECK(header.id() == 0x18FEF100);
  CHECK(header.socketcan_id() == 0x98FEF100);
  CHECK(header.bus() == 3);
  CHECK(header.length() == 8);
  CHECK(header.direction() == frame_direction::sent);
  CHECK(fault_of(header) == frame_fault::none);
  CHECK(fault_of(classic(1, 9)) == frame_fault::length);
  CHECK(fault_of(pack({.id = 0x800, .length = 1})) == frame_fault::identifier);
  CHECK(fault_of({header.bits | 1ULL << 62U}) == frame_fault::reserved_bits);
  CHECK(fault_of(pack({.id = 1, .length = 7, .nibble = 9})) == frame_fault::raw_dlc);
  CHECK(fault_of(pack({.id = 1, .remote = true, .length = 8, .kind = frame_kind::fd}))
        == frame_fault::kind);
  CHECK(fault_of(pack({.id = 1, .length = 13, .kind = frame_kind::fd})) == frame_fault::length);
}

TEST_CASE("frame block: returns every frame, including FD payloads, equal times and clock steps") {
  const auto frames = random_frames(1, 5'000);
  frame_block block;
  for (const auto& frame : frames)
    REQUIRE(block.push(frame.time_us, frame.header, frame.payload.data()));
  REQUIRE(block.size() == frames.size());
  CHECK(block.structural_fault() == nullptr);
  for (std::size_t i = 0; i < frames.size(); ++i)
    check_same(block, i, frames[i]);
}

TEST_CASE("frame block: parts of other blocks append in order") {
  const auto frames = random_frames(2, 3'000);
  frame_block all;
  std::size_t at = 0;
  for (const std::size_t count : {1U, 7U, 900U, 2'092U}) {
    frame_block part;
    for (std::size_t i = at; i < at + count; ++i)
      REQUIRE(part.push(frames[i].time_us, frames[i].header, frames[i].payload.data()));
    REQUIRE(all.append(part, 0, count / 2));
    REQUIRE(all.append(part, count / 2, count - count / 2));
    at += count;
  }
  REQUIRE(all.size() == frames.size());
  CHECK(all.structural_fault() == nullptr);
  for (std::size_t i = 0; i < frames.size(); ++i)
    check_same(all, i, frames[i]);
}

TEST_CASE("frame block: rejects frames that do not fit, and stays unchanged") {
  frame_block block;
  const std::uint8_t payload[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  REQUIRE(block.push(0, classic(1, 8), payload));
  CHECK_FALSE(block.push(std::int64_t{1} << 31U, classic(1, 8), payload)); // 36 minutes on
  CHECK_FALSE(block.push(INT64_MIN, classic(1, 8), payload));
  frame_block far;
  REQUIRE(far.push(INT64_MAX, classic(2, 8), payload));
  CHECK_FALSE(block.append(far, 0, 1));
  CHECK(block.size() == 1);
  CHECK(block.headers.size() == 1);
  for (std::uint32_t id = 0; block.push(1, classic(id, 0), payload); ++id) {
  }
  CHECK(block.size() <= frame_block::headers_max + 1);
  CHECK(block.headers.size() == frame_block::headers_max);
}

TEST_CASE("frame block: contradicting columns from outside are named") {
  const std::uint8_t payload[64] = {};
  frame_block sound;
  REQUIRE(sound.push(5, classic(1, 8), payload));
  REQUIRE(sound.push(6, pack({.id = 1, .length = 64, .kind = frame_kind::fd}), payload));
  REQUIRE(sound.structural_fault() == nullptr);
  auto short_index = sound;
  short_index.header_index.pop_back();
  CHECK(short_index.structural_fault() != nullptr);
  auto wild_index = sound;
  wild_index.header_index[1] = 2;
  CHECK(wild_index.structural_fault() != nullptr);
  auto wild_offset = sound;
  wild_offset.slots[1] = ~std::uint64_t{0};
  CHECK(wild_offset.structural_fault() != nullptr);
  auto wild_time = sound;
  wild_time.time_base_us = INT64_MAX;
  CHECK(wild_time.structural_fault() != nullptr);
}
