#include "can/machine_monitor.hpp"
#include "tests/support/data.hpp"
#include "tests/support/frames.hpp"

#include <doctest/doctest.h>

#include <string>

namespace {

using namespace furrow::can;
using furrow::tests::quoted_frame;

void feed(machine_monitor& machine, std::string_view frame, std::int64_t time_us) {
  machine.update(quoted_frame{frame, time_us}.view());
}

} // namespace

TEST_CASE(
  "machine monitor: an ISOBUS log gives ECUs, faults, and values in the implement's own words") {
  const auto path = furrow::tests::data_file("isobus/agisostack-1.candump.log");
  if (!path)
    return;
  machine_monitor machine;
  std::size_t messages = 0;
  std::size_t changes = 0;
  furrow::tests::for_each_frame(furrow::tests::read_file(*path), [&](const frame_view& frame) {
    messages += machine.update(frame) ? 1 : 0;
    changes += machine.take_fault_changes().size();
  });
  CHECK(messages > 5'000);
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
  feed(machine, "1CCBF783#3300FFFF01000000", 6); // a DDI that nobody knows
  feed(machine, "1CCBF783#3200540000000000", 7); // a request is no value
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
  "machine monitor: made-up variables and descriptions cost bounded memory and are counted") {
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
