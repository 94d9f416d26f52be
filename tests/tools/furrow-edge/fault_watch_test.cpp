// Which frames the gateway sends at once because they say something new about active faults.
#include "tools/furrow-edge/source/fault_watch.hpp"

#include <doctest/doctest.h>

#include <array>
#include <vector>

using namespace furrow;
using furrow::edge::fault_watch;

namespace {

using payload = std::array<std::uint8_t, 8>;

// DM1 of an engine (source 0): no fault; SPN 190 FMI 2 seen once and twice; SPN 100 FMI 1.
constexpr payload no_fault{0x00, 0xFF, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr payload speed_erratic{0x04, 0xFF, 0xBE, 0x00, 0x02, 0x01, 0xFF, 0xFF};
constexpr payload speed_erratic_again{0x04, 0xFF, 0xBE, 0x00, 0x02, 0x02, 0xFF, 0xFF};
constexpr payload oil_low{0x10, 0xFF, 0x64, 0x00, 0x01, 0x01, 0xFF, 0xFF};
// TP.CM BAM: 10 bytes in 2 packets of PGN 65226; of PGN 65227.
constexpr payload two_faults{32, 10, 0, 2, 0xFF, 0xCA, 0xFE, 0x00};
constexpr payload two_old_faults{32, 10, 0, 2, 0xFF, 0xCB, 0xFE, 0x00};

can::frame_block frames(std::uint32_t id, const std::vector<payload>& payloads) {
  can::frame_block block;
  for (const auto& one : payloads)
    REQUIRE(block.push(1, can::pack({.id = id, .extended = true, .length = 8}), one.data()));
  return block;
}

constexpr std::uint32_t dm1 = 0x18FECA00;
constexpr std::uint32_t dm1_of_brakes = 0x18FECA0B;
constexpr std::uint32_t announcement = 0x1CECFF00;

} // namespace

TEST_CASE("fault watch: a fault that becomes active is urgent once") {
  fault_watch watch;
  CHECK_FALSE(watch.look(frames(dm1, {no_fault})));
  CHECK(watch.look(frames(dm1, {no_fault, speed_erratic})));
  CHECK_FALSE(watch.look(frames(dm1, {speed_erratic, speed_erratic_again})));
  CHECK(watch.look(frames(dm1, {oil_low})));
  CHECK_FALSE(watch.look(frames(dm1, {no_fault}))); // a fault that clears can wait
  CHECK(watch.look(frames(dm1, {oil_low})));
}

TEST_CASE("fault watch: senders are told apart, and other frames are not looked at") {
  fault_watch watch;
  CHECK(watch.look(frames(dm1, {oil_low})));
  CHECK(watch.look(frames(dm1_of_brakes, {oil_low})));
  CHECK_FALSE(watch.look(frames(0x0CF00400, {oil_low})));
  can::frame_block short_one;
  REQUIRE(short_one.push(1, can::pack({.id = dm1, .extended = true, .length = 3}), oil_low.data()));
  CHECK_FALSE(watch.look(short_one));
  CHECK_FALSE(watch.look({}));
}

TEST_CASE(
  "fault watch: the announcement of several active faults is urgent, of old ones it is not") {
  fault_watch watch;
  CHECK_FALSE(watch.look(frames(announcement, {two_old_faults})));
  CHECK(watch.look(frames(announcement, {two_faults})));
  CHECK_FALSE(watch.look(frames(announcement, {two_faults, two_old_faults})));
}

TEST_CASE("fault watch: no more senders are kept than the limit") {
  fault_watch watch;
  std::size_t urgent = 0;
  for (std::uint8_t bus = 0; bus < 4; ++bus)
    for (std::uint32_t source = 0; source < 254; ++source) {
      can::frame_block block;
      REQUIRE(block.push(
        1, can::pack({.id = 0x18FECA00 | source, .extended = true, .bus = bus, .length = 8}),
        oil_low.data()));
      urgent += watch.look(block) ? 1 : 0;
    }
  CHECK(urgent == fault_watch::senders_max);
}
