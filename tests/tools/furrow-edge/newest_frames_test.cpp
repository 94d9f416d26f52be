// What a gateway knows of the newest frame of each identifier.
#include "tests/support/frames.hpp"
#include "tools/furrow-edge/spool/newest_frames.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

using namespace furrow;
using namespace furrow::edge;
using furrow::tests::quoted_frame;

namespace {

constexpr std::int64_t start_us = 1'700'000'000'000'000;
constexpr std::size_t much = 1U << 20U;

struct picking_gateway {
  frame_picker picker;
  newest_frames table;
  std::int64_t now_us = start_us;
  std::uint64_t place = 0;

  /// Frames of one block, 1 ms apart.
  void saves(const std::vector<std::string>& frames, std::uint8_t bus = 0) {
    can::frame_block block;
    for (const auto& text : frames) {
      const quoted_frame frame{text, now_us += 1'000, bus};
      REQUIRE(block.push(frame.time_us, frame.header, frame.data.data()));
    }
    picker.look(block);
    place += frames.size();
    table.put(picker, place);
    picker.clear();
  }
  /// A sample, as text.
  std::vector<std::string> takes(std::uint64_t from = 1, std::size_t bytes = much) {
    const auto block = table.take(from, bytes);
    std::vector<std::string> out;
    for (std::size_t i = 0; i < block.size(); ++i) {
      char id[9];
      std::snprintf(id, sizeof id, block[i].header.extended() ? "%08X" : "%03X",
                    block[i].header.id());
      out.push_back(std::string{id} + "#" + tests::hex_of(block[i].payload()));
    }
    return out;
  }
};

using texts = std::vector<std::string>;

const texts engine{"0CF00400#FFFFFF401FFFFFFF", "0CF00400#FFFFFF803EFFFFFF"};
const texts fault_pair{"1CECFF00#200A0002FFCAFE00", "1CEBFF00#0114FFBE00020164",
                       "1CEBFF00#02000101FFFFFFFF"};

} // namespace

TEST_CASE("newest frames: the last frame of each identifier, in order of time, each once") {
  picking_gateway g;
  g.saves({engine[0], "18FEEE00#78FFFFFFFFFFFFFF", engine[1], "123#0102"});
  CHECK(g.takes() == texts{"18FEEE00#78FFFFFFFFFFFFFF", engine[1], "123#0102"});
  CHECK(g.takes().empty());
  g.saves({engine[0]});
  CHECK(g.takes() == texts{engine[0]});
  g.table.begin(); // a new connection
  CHECK(g.takes().size() == 3);
}

TEST_CASE("newest frames: what was sent in its batch is not sent as a sample") {
  picking_gateway g;
  g.saves({engine[0], "123#0102"});
  g.saves({"18FEEE00#78FFFFFFFFFFFFFF"});
  CHECK(g.takes(3) == texts{"18FEEE00#78FFFFFFFFFFFFFF"});
  CHECK(g.takes(4).empty());
}

TEST_CASE("newest frames: buses, process data and instances are told apart") {
  picking_gateway g;
  g.saves({engine[0]}, 0);
  g.saves({engine[1]}, 1);
  CHECK(g.takes().size() == 2);
  g.saves({"1CCBF783#3300540040420F00", "1CCBF783#3300550001000000", "1CCBF783#3300540041420F00"});
  CHECK(g.takes() == texts{"1CCBF783#3300550001000000", "1CCBF783#3300540041420F00"});
  // 130312: temperature of the sea (0) and of the air (1)
  g.saves({"15FD0823#0100007D71FFFFFF", "15FD0823#0101017E71FFFFFF", "15FD0823#0200007F71FFFFFF"});
  CHECK(g.takes() == texts{"15FD0823#0101017E71FFFFFF", "15FD0823#0200007F71FFFFFF"});
}

TEST_CASE("newest frames: a broadcast is whole, or left out") {
  picking_gateway g;
  g.saves({fault_pair[0], fault_pair[1]});
  CHECK(g.takes().empty());
  g.saves({engine[0]});
  g.saves({fault_pair[2]});
  CHECK(g.takes() == texts{fault_pair[0], fault_pair[1], engine[0], fault_pair[2]});
  g.saves({fault_pair[0], fault_pair[2], fault_pair[1]}); // a packet was lost
  CHECK(g.takes().empty());
  g.saves({fault_pair[0], fault_pair[1], fault_pair[1], fault_pair[2]}); // a bridge repeats one
  CHECK(g.takes() == fault_pair);
  // A broadcast that the live view does not read, and one to a single receiver.
  g.saves({"1CECFF00#200A0002FFEBFE00", fault_pair[1], fault_pair[2], "1CECF700#100A0002FFCAFE00",
           "1CEBF700#0114FFBE00020164"});
  CHECK(g.takes().empty());
}

TEST_CASE("newest frames: a fast packet that the live view reads is whole, or left out") {
  picking_gateway g;
  const texts position{"0DF80523#202B010203040506", "0DF80523#210708090A0B0C0D",
                       "0DF80523#220E0F1011121314", "0DF80523#2315161718191A1B",
                       "0DF80523#241C1D1E1F202122", "0DF80523#2523242526272829",
                       "0DF80523#262A2BFFFFFFFFFF"};
  g.saves(position);
  CHECK(g.takes() == position);
  g.saves({position[0], position[1], position[3]});
  CHECK(g.takes().empty());
  g.saves({"0DF01423#200E010203040506", "0DF01423#210708090A0B0C0D"}); // 126996: product
  CHECK(g.takes().empty());
}

TEST_CASE("newest frames: FD, XL, remote and error frames are left out") {
  picking_gateway g;
  can::frame_block block;
  const std::uint8_t payload[64]{};
  REQUIRE(block.push(1, can::pack({.id = 1, .length = 64, .kind = can::frame_kind::fd}), payload));
  REQUIRE(block.push(1, can::pack({.id = 1, .remote = true, .length = 8}), payload));
  REQUIRE(block.push(1, can::pack({.id = 1, .error = true, .length = 8}), payload));
  g.picker.look(block);
  g.table.put(g.picker, 3);
  CHECK(g.takes().empty());
}

TEST_CASE("newest frames: with little room, what the live view reads goes first, in turns") {
  picking_gateway g;
  texts others;
  for (unsigned id = 0; id < 100; ++id) {
    char text[16];
    std::snprintf(text, sizeof text, "%03X#01", id);
    others.emplace_back(text);
  }
  others.push_back(engine[0]);
  g.saves(others);
  constexpr std::size_t room_for_ten = 220;
  auto some = g.takes(1, room_for_ten);
  REQUIRE(some.size() == 10);
  CHECK(std::count(some.begin(), some.end(), engine[0]) == 1);
  std::size_t all = some.size();
  for (int i = 0; i < 10; ++i) {
    g.saves({"000#02"}); // one that changes all the time takes no turn of others
    all += g.takes(1, room_for_ten).size();
  }
  CHECK(all >= 101);
  CHECK(g.takes().size() <= 1);
}

TEST_CASE("newest frames: a time that is far from the newest one is left out") {
  picking_gateway g;
  g.saves({"123#01"});
  g.now_us += 2 * newest_frames::apart_max_us;
  g.saves({"124#01"});
  CHECK(g.takes() == texts{"124#01"});
  g.now_us = -1;
  g.saves({"125#01"});
  CHECK(g.takes() == texts{"125#01"});
}

TEST_CASE("newest frames: a table that is full begins anew, and stays within its limit") {
  picking_gateway g;
  for (std::uint32_t id = 0; id < 3 * newest_frames::identifiers_max; ++id) {
    can::frame_block block;
    const std::uint8_t payload[8]{};
    REQUIRE(block.push(start_us, can::pack({.id = id, .extended = true, .length = 8}), payload));
    g.picker.look(block);
    g.table.put(g.picker, ++g.place);
    g.picker.clear();
    CHECK(g.table.size() <= newest_frames::identifiers_max);
  }
  CHECK(g.table.size() > 0);
  // Senders of broadcasts that never end.
  for (std::uint32_t sender = 0; sender < 1'000; ++sender) {
    char text[32];
    std::snprintf(text, sizeof text, "1CECFF%02X#20FF0025FFCAFE00", sender % 254);
    g.saves({text}, static_cast<std::uint8_t>(sender / 254));
  }
  g.saves(fault_pair, 9); // no room: left out
}

TEST_CASE("newest frames: the cost of a frame") {
  // 100 identifiers, in blocks of 4,096 (a log at full speed) and of one frame (a machine at 100 frames/s).
  for (const std::size_t frames : {std::size_t{4'096}, std::size_t{1}}) {
    can::frame_block block;
    const std::uint8_t payload[8]{1};
    for (std::size_t i = 0; i < frames; ++i)
      REQUIRE(
        block.push(start_us + static_cast<std::int64_t>(i),
                   can::pack({.id = 0x18FE0000 + static_cast<std::uint32_t>(i * 7 % 100) * 256,
                              .extended = true,
                              .length = 8}),
                   payload));
    picking_gateway g;
    const std::size_t rounds = 400'000 / frames + 1;
    const auto begun = std::clock();
    for (std::size_t i = 0; i < rounds; ++i) {
      g.picker.look(block);
      g.table.put(g.picker, g.place += frames);
      g.picker.clear();
    }
    const auto took =
      static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC; // of the processor
    const auto each = took * 1e9 / static_cast<double>(rounds * frames);
    MESSAGE("blocks of " << frames << " frames: " << each << " ns a frame");
    CHECK(each < 2'000);
  }
}
