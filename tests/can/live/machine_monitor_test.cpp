#include "can/frame/identifier.hpp"
#include "can/live/machine_monitor.hpp"
#include "can/live/quantity_table.hpp"
#include "tests/support/data.hpp"
#include "tests/support/frames.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

namespace {

using namespace furrow::can;
using furrow::tests::quoted_frame;

void feed(machine_monitor& machine, std::string_view frame, std::int64_t time_us) {
  machine.update(quoted_frame{frame, time_us}.view());
}

} // namespace

TEST_CASE(
  "machine monitor: an ISOBUS log gives ECUs, faults, and values as the implement describes them") {
  const auto path = furrow::tests::data_file("isobus/agisostack-1.candump.log");
  if (!path)
    return;
  machine_monitor machine;
  std::size_t changes = 0;
  furrow::tests::for_each_frame(furrow::tests::read_file(*path), [&](const frame_view& frame) {
    machine.update(frame);
    changes += machine.fault_changes().size();
  });
  CHECK(machine.ecus().ecus().size() == 4);
  CHECK(changes == 1 + 1 + 20 + 22 + 22 + 22);
  CHECK(machine.faults().active() == 0);
  REQUIRE(machine.description_of(0, 131) != nullptr);
  CHECK(machine.description_of(0, 131)->device.designator == "AgIsoStack++ UnitTest");
  bool volume = false;
  bool sections = false;
  bool rate = false;
  for (const auto& one : machine.process_values()) {
    const auto shown = machine.present(one);
    REQUIRE(shown);
    if (one.data.ddi == 72) {
      volume = true;
      CHECK(shown->name == "Tank Volume");
      CHECK(shown->element == "Product");
      CHECK(shown->value == doctest::Approx(3785));
      CHECK(shown->unit == "L");
    }
    if (one.data.ddi == 290) {
      sections = true;
      CHECK(shown->name == "Setpoint Work State 1-16");
      CHECK(shown->element == "Boom");
      CHECK(one.source == 247); // the task controller's, in the words of the implement
    }
    if (one.data.ddi == 1) {
      rate = true;
      CHECK(shown->unit == "L/ha");
      CHECK(shown->value
            == doctest::Approx(one.data.value * 0.001)); // its own scale; the DDI's is mm3/m2
    }
  }
  CHECK(volume);
  CHECK(sections);
  CHECK(rate);
  CHECK(machine.live().position);
  CHECK(machine.live().gnss);
  CHECK(machine.values_not_kept() == 0);
  CHECK(machine.pools_not_kept() == 0);
}

TEST_CASE("machine monitor: a value that no implement described has the name and unit of its DDI") {
  machine_monitor machine;
  feed(machine, "1CCBF783#3300540040420F00", 5); // mass per area yield, 1,000,000 mg/m2
  feed(machine, "1CCBF783#3300FFFF01000000", 6); // an unknown DDI
  feed(machine, "1CCBF783#3200540000000000", 7); // a request has no value
  const auto values = machine.process_values();
  REQUIRE(values.size() == 2);
  const auto shown = machine.present(values[0]);
  REQUIRE(shown);
  CHECK(shown->name == "mass per area yield");
  CHECK(shown->value == 1e6);
  CHECK(shown->unit == "mg/m²");
  CHECK(values[0].time_us == 5);
  CHECK_FALSE(machine.present(values[1]));
}

TEST_CASE("machine monitor: a commanded address comes as a broadcast of nine bytes") {
  machine_monitor machine;
  feed(machine, "18EEFF80#0200E0AF00840CA0", 0);
  feed(machine, "1CECFF26#20090002FFD8FE00", 1000);
  feed(machine, "1CEBFF26#010200E0AF00840C", 60'000);
  feed(machine, "1CEBFF26#02A085FFFFFFFFFF", 120'000);
  REQUIRE(machine.ecus().ecus().size() == 1);
  CHECK(machine.ecus().ecus()[0].commanded_address == 0x85);
  feed(machine, "18EEFF85#0200E0AF00840CA0", 200'000);
  CHECK(machine.ecus().name_of(0, 0x85)->identity() == 2);
}

TEST_CASE(
  "machine monitor: invented variables and descriptions use bounded memory and are counted") {
  machine_monitor machine;
  for (int i = 0; i < 6000; ++i) {
    const auto low = static_cast<std::uint8_t>(i);
    const auto high = static_cast<std::uint8_t>(i >> 8);
    feed(machine,
         "1CCBF783#3300" + furrow::tests::hex_of({&low, 1}) + furrow::tests::hex_of({&high, 1})
           + "01000000",
         i);
  }
  CHECK(machine.process_values().size() == machine_monitor::values_max);
  CHECK(machine.values_not_kept() == 6000 - machine_monitor::values_max);

  std::vector<std::uint8_t> junk(machine_monitor::pool_bytes_max + 2, 0x61);
  assembled_message message;
  message.pgn = pgn_process_data;
  message.data = junk;
  machine.update(message); // too large
  message.data = message.data.first(100);
  machine.update(message); // no object pool
  CHECK(machine.pools_not_kept() == 2);
}

TEST_CASE("machine monitor: every PGN that a live state reads reaches it") {
  std::set<std::uint32_t> read;
  for (std::uint32_t pgn = 0; pgn <= 0x1FFFF; ++pgn) {
    if (is_pdu1(pgn) && (pgn & 0xFFU) != 0)
      continue;
    live_state live;
    for (const std::uint8_t fill : {1, 0x7C}) // positions: one of these is on Earth
      for (const std::uint8_t low : {0, 1}) { // instances and places: one of these is read
        std::vector<std::uint8_t> data(8, fill);
        data.at(0) = data.at(2) = low;
        data.at(7) = fill == 1 ? low : fill;
        const auto header =
          pack({.id = build_j1939({6, pgn, 1, 255}), .extended = true, .length = 8});
        live.update(frame_view{1, header, data.data()});
      }
    bool any = false;
    for_each_quantity(
      live, [&](const char*, const char*, const auto& one) { any = any || one.has_value(); });
    if (any)
      read.insert(pgn);
  }
  std::set<std::uint32_t> stated(live_pgns.begin(), live_pgns.end());
  CHECK(stated.size() == live_pgns.size());
  CHECK(stated.erase(129029) == 1); // longer than a frame
  for (const auto pgn : read)
    CHECK_MESSAGE(stated.contains(pgn), pgn << " is read and not stated");
  for (const auto pgn : stated)
    CHECK_MESSAGE(read.contains(pgn), pgn << " is stated and not read");
}

TEST_CASE("machine monitor: blocks of any size give the same result as single frames, even for a "
          "pool across blocks") {
  const auto path = furrow::tests::data_file("isobus/agisostack-1.candump.log");
  if (!path)
    return;
  const auto log = furrow::tests::read_file(*path);
  machine_monitor by_frame;
  machine_monitor by_block;
  frame_block block;
  std::size_t size = 1;
  std::size_t appeared = 0;
  const auto pass_on = [&] {
    by_block.update(block, 0);
    for (const auto& change : by_block.fault_changes())
      appeared += change.event == fault_event::appeared ? 1 : 0;
    block.clear();
    size = size % 37 + 1;
  };
  furrow::tests::for_each_frame(log, [&](const frame_view& frame) {
    by_frame.update(frame);
    REQUIRE(block.push(frame.time_us, frame.header, frame.data));
    if (block.size() == size)
      pass_on();
  });
  pass_on();
  CHECK(appeared == 1 + 1 + 20 + 22);
  const auto want = by_frame.report();
  const auto have = by_block.report();
  CHECK(have.ecus.size() == 4);
  CHECK(have.faults.size() == want.faults.size());
  REQUIRE(have.cleared.size() == 44);
  CHECK(have.cleared.back().cleared_us == want.cleared.back().cleared_us);
  REQUIRE(have.implements.size() == want.implements.size());
  REQUIRE(have.implements.size() == 1); // set points of the task controller belong to the implement
  REQUIRE(have.implements[0].description);
  CHECK(have.implements[0].address == 131);
  CHECK(have.implements[0].name);
  REQUIRE(have.implements[0].values.size() == want.implements[0].values.size());
  CHECK(by_block.live().last_frame_us == by_frame.live().last_frame_us);
  std::vector<std::int64_t> times;
  for_each_quantity(by_frame.live(), [&](const char*, const char*, const auto& one) {
    times.push_back(one ? one->time_us : 0);
  });
  std::size_t at = 0;
  for_each_quantity(by_block.live(), [&](const char* name, const char*, const auto& one) {
    CHECK_MESSAGE(times[at++] == (one ? one->time_us : 0), name);
  });
}

TEST_CASE("machine monitor: reads a block from its middle on, and skips an invalid frame") {
  machine_monitor machine;
  frame_block block;
  const quoted_frame slow{"0CF00400#FFFFFF0010FFFFFF", 1'000}; // 512 rpm
  const quoted_frame fast{"0CF00400#FFFFFF0020FFFFFF", 2'000}; // 1,024 rpm
  REQUIRE(block.push(1'000, slow.header, slow.data.data()));
  REQUIRE(block.push(2'000, fast.header, fast.data.data()));
  REQUIRE(block.push(3'000, {fast.header.bits | std::uint64_t{1} << 60U}, fast.data.data()));
  machine.update(block, 1);
  REQUIRE(machine.live().engine_speed_rpm);
  CHECK(machine.live().engine_speed_rpm->value == 1'024);
  CHECK(machine.live().last_frame_us == 2'000);
  machine.update(block, 3); // nothing of it
  CHECK(machine.live().last_frame_us == 2'000);
}

TEST_CASE(
  "machine monitor: values of an implement are removed when another ECU takes its address") {
  const auto path = furrow::tests::data_file("isobus/agisostack-1.candump.log");
  if (!path)
    return;
  machine_monitor machine;
  std::int64_t end_us = 0;
  furrow::tests::for_each_frame(furrow::tests::read_file(*path), [&](const frame_view& frame) {
    machine.update(frame);
    end_us = frame.time_us;
  });
  const auto name = machine.ecus().name_of(0, 131);
  REQUIRE(name);
  REQUIRE(machine.description_of(0, 131) != nullptr);
  const auto claim = [&](iso_name who, std::uint8_t address) {
    end_us += 1'000'000;
    std::vector<std::uint8_t> data(8);
    for (unsigned i = 0; i < 8; ++i)
      data[i] = static_cast<std::uint8_t>(who.bits >> (8 * i));
    const auto header = pack(
      {.id = build_j1939({6, pgn_address_claimed, address, 255}), .extended = true, .length = 8});
    machine.update(frame_view{end_us, header, data.data()});
  };
  claim(*name, 140); // it moves, and its description with it
  CHECK(machine.description_of(0, 131) == nullptr);
  CHECK(machine.description_of(0, 140) != nullptr);
  for (const auto& one : machine.process_values())
    CHECK(one.source != 131);
  claim({name->bits - 1}, 140); // a lower NAME takes the place
  CHECK(machine.description_of(0, 140) == nullptr);
}
