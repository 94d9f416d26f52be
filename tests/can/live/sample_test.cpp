// The newest frames of a machine are shown before the frames between: the view never goes back when those come.
#include "can/live/machine_monitor.hpp"
#include "tests/support/frames.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace furrow;
using namespace furrow::can;
using furrow::tests::quoted_frame;

namespace {

constexpr std::int64_t one_second = 1'000'000;
constexpr std::int64_t hour = 3'600 * one_second;

// EEC1 of the engine: 1,000, 1,500 and 2,000 rpm.
constexpr const char* rpm_1000 = "0CF00400#FFFFFF401FFFFFFF";
constexpr const char* rpm_1500 = "0CF00400#FFFFFFE02EFFFFFF";
constexpr const char* rpm_2000 = "0CF00400#FFFFFF803EFFFFFF";
// ET1: coolant 80 and 90 degrees.
constexpr const char* coolant_80 = "18FEEE00#78FFFFFFFFFFFFFF";
constexpr const char* coolant_90 = "18FEEE00#82FFFFFFFFFFFFFF";
// DM1 of the engine: no fault; SPN 190 FMI 2; SPN 100 FMI 1.
constexpr const char* no_fault = "18FECA00#00FF00000000FFFF";
constexpr const char* speed_erratic = "18FECA00#04FFBE000201FFFF";
constexpr const char* oil_low = "18FECA00#10FF64000101FFFF";
// DM1 with both, as a broadcast of ten bytes.
const std::vector<std::string> both_faults{"1CECFF00#200A0002FFCAFE00", "1CEBFF00#0114FFBE00020164",
                                           "1CEBFF00#02000101FFFFFFFF"};

frame_block block_of(const std::vector<std::pair<std::int64_t, std::string>>& frames) {
  frame_block block;
  for (const auto& [time_us, text] : frames) {
    const quoted_frame frame{text, time_us};
    REQUIRE(block.push(time_us, frame.header, frame.data.data()));
  }
  return block;
}

struct machine {
  machine_monitor monitor;

  void comes(std::int64_t time_us, const std::string& frame, bool late = false) {
    monitor.update(block_of({{time_us, frame}}), 0, late);
  }
  void comes_late(std::int64_t time_us, const std::string& frame) { comes(time_us, frame, true); }
  void sampled(const std::vector<std::pair<std::int64_t, std::string>>& frames) {
    monitor.sample(block_of(frames));
  }
  [[nodiscard]] double rpm() const {
    return monitor.live().engine_speed_rpm ? monitor.live().engine_speed_rpm->value : -1;
  }
  [[nodiscard]] std::vector<std::uint32_t> active_spns() const {
    std::vector<std::uint32_t> out;
    for (const auto& one : monitor.faults().faults())
      if (one.list == fault_list::active)
        out.push_back(one.code.spn);
    return out;
  }
};

using spns = std::vector<std::uint32_t>;

} // namespace

TEST_CASE("sample: a value from the newest frame stays when older frames come") {
  machine m;
  m.comes(one_second, rpm_1000);
  m.sampled({{2 * hour, rpm_2000}});
  CHECK(m.rpm() == 2'000);
  m.comes_late(hour, rpm_1500);
  CHECK(m.rpm() == 2'000);
  CHECK(m.monitor.live().engine_speed_rpm->time_us == 2 * hour);
  CHECK(m.monitor.live().last_frame_us == 2 * hour);
  m.comes_late(2 * hour, rpm_2000); // the same frame, in its turn
  CHECK(m.rpm() == 2'000);
  m.comes(2 * hour + one_second, rpm_1500);
  CHECK(m.rpm() == 1'500);
}

TEST_CASE("sample: what no sample has is shown from the late frames") {
  machine m;
  m.sampled({{2 * hour, rpm_2000}});
  m.comes_late(hour, coolant_80);
  REQUIRE(m.monitor.live().coolant_temperature_c);
  CHECK(m.monitor.live().coolant_temperature_c->value == 80);
  m.comes_late(hour + one_second, coolant_90);
  CHECK(m.monitor.live().coolant_temperature_c->value == 90);
  CHECK(m.monitor.live().last_frame_us == 2 * hour);
}

TEST_CASE("sample: a clock that stepped back is followed once the backlog has come") {
  machine m;
  m.comes(2 * hour, rpm_1000);
  m.comes(hour, rpm_1500); // not late: the clock was set
  CHECK(m.rpm() == 1'500);
  m.sampled({{hour + one_second, rpm_2000}});
  CHECK(m.rpm() == 2'000);
}

TEST_CASE("sample: a fault that a sample shows is not cleared by an older list") {
  machine m;
  m.comes(one_second, no_fault);
  m.sampled({{2 * hour, speed_erratic}});
  CHECK(m.active_spns() == spns{190});
  m.comes_late(hour, no_fault);
  CHECK(m.active_spns() == spns{190});
  CHECK(m.monitor.cleared().empty());
  m.comes_late(hour + one_second, oil_low);
  CHECK(m.active_spns() == spns{190});
  m.comes(3 * hour, no_fault);
  CHECK(m.active_spns().empty());
  CHECK(m.monitor.cleared().size() == 1);
}

TEST_CASE("sample: a fault that is over by the sample is not raised by an older list") {
  machine m;
  m.comes(one_second, speed_erratic);
  m.sampled({{2 * hour, no_fault}});
  CHECK(m.active_spns().empty());
  m.comes_late(hour, speed_erratic);
  CHECK(m.active_spns().empty());
  m.comes_late(hour, "18FECA0B#04FFBE000201FFFF"); // of another control unit, which no sample has
  CHECK(m.active_spns() == spns{190});
}

TEST_CASE("sample: a list of several faults is read, in the middle of one of the backlog") {
  machine m;
  m.comes_late(hour, both_faults[0]);
  m.comes_late(hour + 50'000, both_faults[1]);
  m.sampled({{2 * hour, "1CECFF0B#200A0002FFCAFE00"},
             {2 * hour + 50'000, "1CEBFF0B#0114FFBE00020164"},
             {2 * hour + 100'000, "1CEBFF0B#02000101FFFFFFFF"}});
  CHECK(m.active_spns() == spns{190, 100});
  CHECK(m.monitor.faults().faults()[0].source == 0x0B);
  m.comes_late(hour + 100'000, both_faults[2]);
  CHECK(m.active_spns().size() == 4);
}

TEST_CASE("sample: process data and address claims of a later time stay") {
  machine m;
  m.sampled({{2 * hour, "18EEFF83#0000E0FF008200A0"},
             {2 * hour, "1CCBF783#3300540040420F00"}}); // 1,000,000
  m.comes_late(hour, "1CCBF783#3300540041420F00");
  REQUIRE(m.monitor.process_values().size() == 1);
  CHECK(m.monitor.process_values()[0].data.value == 1'000'000);
  REQUIRE(m.monitor.ecus().ecus().size() == 1);
  // An hour ago another control unit had this address.
  m.comes_late(hour, "18EEFF83#0100E0FF008200A0");
  REQUIRE(m.monitor.ecus().ecus().size() == 1);
  CHECK(m.monitor.ecus().ecus()[0].last_claim_us == 2 * hour);
  CHECK(m.monitor.process_values().size() == 1);
  // One with an address of its own is new.
  m.comes_late(hour, "18EEFF84#0100E0FF008200A0");
  CHECK(m.monitor.ecus().ecus().size() == 2);
}
