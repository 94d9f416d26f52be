#include "can/live/live_state.hpp"
#include "tests/support/data.hpp"
#include "tests/support/frames.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace furrow::can;

using furrow::tests::quoted_frame;

void feed(live_state& state, std::string_view frame, std::int64_t time_us = 0) {
  state.update(quoted_frame{frame, time_us}.view());
}

/// Calls `each(state)` after every frame of a log.
template <class F>
live_state replay(const std::string& log, F each) {
  live_state state;
  furrow::tests::for_each_frame(log, [&](const frame_view& frame) {
    state.update(frame);
    each(state);
  });
  return state;
}

constexpr double kmh = 1 / 3.6;

} // namespace

TEST_CASE("live_state: the log of a John Deere 5055E gives the values of its gauges") {
  const auto path = furrow::tests::data_file("j1939/jd5055e/tractoronSitUp.candump.log");
  if (!path)
    return;
  double rpm_max = 0;
  double fuel_rate_max = 0;
  const auto state = replay(furrow::tests::read_file(*path), [&](const live_state& now) {
    if (now.engine_speed_rpm)
      rpm_max = std::max(rpm_max, now.engine_speed_rpm->value);
    if (now.fuel_rate_lph)
      fuel_rate_max = std::max(fuel_rate_max, now.fuel_rate_lph->value);
  });
  CHECK(rpm_max == 1014.5);
  CHECK(fuel_rate_max == doctest::Approx(6.1));
  REQUIRE(state.engine_speed_rpm);
  CHECK(state.engine_speed_rpm->value == 0); // stalled at the end, which is not "absent"
  CHECK(state.engine_speed_rpm->pgn == 61444);
  CHECK(state.engine_speed_rpm->source == 0);
  CHECK(state.engine_speed_rpm->time_us == 1547753692853054);
  CHECK(state.last_frame_us == 1547753692853054);
  REQUIRE(state.coolant_temperature_c);
  CHECK(state.coolant_temperature_c->value == 36);
  REQUIRE(state.wheel_speed_mps);
  CHECK(state.wheel_speed_mps->value == 0);
  CHECK(state.wheel_speed_mps->pgn == 65265);
  REQUIRE(state.rear_pto_rpm);
  CHECK(state.rear_pto_rpm->value == 0);
  CHECK_FALSE(state.ground_speed_mps); // GBSD is sent, all of it "not available"
  CHECK_FALSE(state.fuel_level_pct);   // so is DD1
  CHECK_FALSE(state.rear_hitch_pct);
  CHECK_FALSE(state.position);
}

TEST_CASE("live_state: coolant temperatures of the other two logs") {
  for (const auto& [log, coolant] :
       {std::pair{"idle10sec", 34}, {"transmission1and2and3InGear", 43}}) {
    const auto path =
      furrow::tests::data_file(std::string{"j1939/jd5055e/"} + log + ".candump.log");
    if (!path)
      return;
    const auto state = replay(furrow::tests::read_file(*path), [](const live_state&) {});
    REQUIRE(state.coolant_temperature_c);
    CHECK(state.coolant_temperature_c->value == coolant);
  }
}

TEST_CASE("live_state: the log of an oscilloscope gives engine speeds from 899.5 to 1681.25 rpm") {
  const auto path = furrow::tests::data_file("j1939/jd5055e/keysight-rev_up_down.csv");
  if (!path)
    return;
  std::istringstream lines{furrow::tests::read_file(*path)};
  live_state state;
  double low = std::numeric_limits<double>::max();
  double high = 0;
  for (std::string line; std::getline(lines, line);) {
    // ,213.0ms,Serial1,0CF00400,Data,8,F0 FF 7D ...,26DB,
    const auto id = line.find("CF00400,Data,8,");
    if (id == std::string::npos)
      continue;
    auto data = line.substr(id + 15, 23);
    std::erase(data, ' ');
    feed(state, "0CF00400#" + data);
    if (state.engine_speed_rpm) {
      low = std::min(low, state.engine_speed_rpm->value);
      high = std::max(high, state.engine_speed_rpm->value);
    }
  }
  CHECK(low == 899.5);
  CHECK(high == 1681.25);
}

TEST_CASE("live_state: every value is read from its position with its scale") {
  live_state state;
  feed(state, "0CF00400#FFFFFF4027FFFFFF", 1);
  CHECK(state.engine_speed_rpm->value == 0x2740 * 0.125);
  feed(state, "0CFE48F0#E803FFFFFFFFFFFF", 2);
  CHECK(state.wheel_speed_mps->value == doctest::Approx(1.0));
  CHECK(state.wheel_speed_mps->source == 0xF0);
  feed(state, "0CFE49F0#D007FFFFFFFFFFFF", 3);
  CHECK(state.ground_speed_mps->value == doctest::Approx(2.0));
  feed(state, "18FEF200#C800FFFFFFFFFFFF", 4);
  CHECK(state.fuel_rate_lph->value == doctest::Approx(10.0));
  feed(state, "18FEFC00#FF7DFFFFFFFFFFFF", 5);
  CHECK(state.fuel_level_pct->value == doctest::Approx(50.0));
  feed(state, "18FEEE00#78FFFFFFFFFFFFFF", 6);
  CHECK(state.coolant_temperature_c->value == 80);
  feed(state, "18FE4300#E010FFFFFFFFFFFF", 7);
  CHECK(state.rear_pto_rpm->value == 540);
  feed(state, "18FE45F0#FAFFFFFFFFFFFFFF", 8);
  CHECK(state.rear_hitch_pct->value == doctest::Approx(100.0));
  // A position that AgIsoStack++ sent and its own receiver read as 45.34501 / 11.95402.
  feed(state, "09F8011C#7419071BE8092007", 9);
  CHECK(state.position->value.latitude_deg == doctest::Approx(45.34501).epsilon(1e-12));
  CHECK(state.position->value.longitude_deg == doctest::Approx(11.95402).epsilon(1e-12));
  CHECK(state.position->pgn == 129025);
}

TEST_CASE("live_state: not available, error, a short frame, and remote, error and FD frames change "
          "nothing") {
  live_state state;
  feed(state, "0CF00400#FFFFFF4027FFFFFF", 1);
  for (const auto* frame :
       {"0CF00400#FFFFFFFFFFFFFFFF", "0CF00400#FFFFFF00FEFFFFFF", "0CF00400#FFFFFF00FBFFFFFF",
        "0CF00400#FFFFFF40", "0CF00400#", "400#FFFFFF0000FFFFFF"}) {
    CAPTURE(frame);
    feed(state, frame, 2);
    CHECK(state.engine_speed_rpm->value == 1256);
    CHECK(state.engine_speed_rpm->time_us == 1);
    CHECK(state.last_frame_us == 2);
  }
  const std::uint8_t data[8] = {};
  state.update({3, pack({.id = 0x0CF00400, .extended = true, .remote = true, .length = 8}), data});
  state.update({3, pack({.id = 0x0CF00400, .extended = true, .error = true, .length = 8}), data});
  state.update(
    {3, pack({.id = 0x0CF00400, .extended = true, .length = 8, .kind = frame_kind::fd}), data});
  CHECK(state.engine_speed_rpm->time_us == 1);
}

TEST_CASE(
  "live_state: J1939 and NMEA 2000 have different rules for raw values that are not values") {
  live_state state;
  feed(state, "19F8011C#FFFFFF7F38072007");
  feed(state, "19F8011C#FEFFFF7F38072007");
  feed(state, "19F8011C#F42B071BFDFFFF7F");
  feed(state, "19F8011C#00000040F42B071B"); // 107 degrees north
  feed(state, "18FEF31C#FFFFFFFF00000000");
  feed(state, "18FEF31C#00000000FF00000B"); // 210 degrees south
  CHECK_FALSE(state.position);
  feed(state, "19F8011C#FFFFFFFF00FEFFFF"); // J1939 would call both "not available"
  REQUIRE(state.position);
  CHECK(state.position->value.latitude_deg == doctest::Approx(-1e-7));
}

TEST_CASE("live_state: the better source is used until it falls silent, even if the clock steps") {
  live_state state;
  feed(state, "18FEF100#FF000AFFFFFFFFFF", 0); // CCVS 10 km/h
  CHECK(state.wheel_speed_mps->value == doctest::Approx(10 * kmh));
  feed(state, "0CFE48F0#E803FFFFFFFFFFFF", 10); // WBSD 1 m/s
  feed(state, "18FEF100#FF000AFFFFFFFFFF", 20);
  CHECK(state.wheel_speed_mps->pgn == 65096);
  feed(state, "18FEF100#FF000AFFFFFFFFFF", 10 + live_state::source_hold_us);
  CHECK(state.wheel_speed_mps->pgn == 65096);
  feed(state, "18FEF100#FF000AFFFFFFFFFF", 11 + live_state::source_hold_us);
  CHECK(state.wheel_speed_mps->pgn == 65265);
  // The clock steps far back: a value "from the future" does not block the other source.
  feed(state, "0CFE48F0#E803FFFFFFFFFFFF", std::numeric_limits<std::int64_t>::max());
  feed(state, "18FEF100#FF000AFFFFFFFFFF", std::numeric_limits<std::int64_t>::min());
  CHECK(state.wheel_speed_mps->pgn == 65265);

  feed(state, "19F8011C#F42B071B38072007", 0);
  feed(state, "18FEF31C#0094357700943577", 1'000'000); // VP1: -10, -10
  CHECK(state.position->pgn == 129025);
  feed(state, "18FEF31C#0094357700943577", 4'000'000);
  CHECK(state.position->pgn == 65267);
  CHECK(state.position->value.latitude_deg == doctest::Approx(-10));
}

TEST_CASE("live_state: the front of the tractor, the engine's hours and fluids, the battery") {
  live_state state;
  feed(state, "18FE44F0#401FFFFFFFFFFFFF");
  CHECK(state.front_pto_rpm->value == 1000);
  feed(state, "18FE46F0#7D7FFFFFFFFFFFFF");
  CHECK(state.front_hitch_pct->value == doctest::Approx(50));
  CHECK(state.front_hitch_in_work->value);
  feed(state, "18FE45F0#7D3FFFFFFFFFFFFF");
  CHECK_FALSE(state.rear_hitch_in_work->value);
  feed(state, "18FEE500#CC0A0000FFFFFFFF"); // 138.2 h, as the John Deere of the logs
  CHECK(state.engine_hours_h->value == doctest::Approx(138.2));
  feed(state, "18FEEF00#FFFFFF64FFFFFFFF");
  CHECK(state.oil_pressure_kpa->value == 400);
  feed(state, "18FEF700#FFFFFFFF1C01FFFF");
  CHECK(state.battery_v->value == doctest::Approx(14.2));
  feed(state, "18FEF500#FFFFFFA024FFFFFF");
  CHECK(state.ambient_temperature_c->value == doctest::Approx(20));
  feed(state, "18FEE900#FFFFFFFFE8030000");
  CHECK(state.total_fuel_l->value == 500);
  feed(state, "0CF00300#FFFF32FFFFFFFFFF");
  CHECK(state.engine_load_pct->value == 50);
}

TEST_CASE("live_state: the mode follows from recent values of engine, speed, PTO and hitch") {
  live_state state;
  CHECK(state.mode_at(0) == operating_mode::unknown);
  feed(state, "0CF00400#FFFFFF0000FFFFFF");
  CHECK(state.mode_at(0) == operating_mode::off);
  feed(state, "0CF00400#FFFFFF4027FFFFFF");
  CHECK(state.mode_at(0) == operating_mode::idle);
  feed(state, "0CFE48F0#E803FFFFFFFFFFFF");
  CHECK(state.mode_at(0) == operating_mode::moving);
  feed(state, "18FE45F0#7D7FFFFFFFFFFFFF");
  CHECK(state.mode_at(0) == operating_mode::working);
  feed(state, "18FE45F0#7D3FFFFFFFFFFFFF");
  feed(state, "18FE4300#E010FFFFFFFFFFFF"); // 540 rpm
  CHECK(state.mode_at(0) == operating_mode::working);
  CHECK(state.mode_at(live_state::mode_hold_us) == operating_mode::working);
  CHECK(state.mode_at(live_state::mode_hold_us + 1) == operating_mode::unknown);
}

TEST_CASE("live_state: packets of a long message are not read as messages") {
  live_state state;
  feed(state, "0DF8051C#0000000000000000"); // the first frame of a GNSS position
  CHECK_FALSE(state.position);
  CHECK_FALSE(state.gnss);
}
