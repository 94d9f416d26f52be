#include "can/live/machine_monitor.hpp"
#include "can/live/own_signals.hpp"
#include "can/live/stream_digest.hpp"
#include "tests/support/frames.hpp"

#include <doctest/doctest.h>

using namespace furrow;
using namespace furrow::tests;

namespace {

/// An 11-bit message, a J1939 message of 8 bytes and one of 10 bytes, which needs a transport protocol.
std::shared_ptr<const can::decode_plan> own_plan() {
  const auto file = can::parse_dbc("VERSION \"\"\n\nBU_: ECU\n\n"
                                   "BO_ 256 TANK: 8 ECU\n"
                                   " SG_ level : 0|8@1+ (0.5,0) [0|127] \"l\" ECU\n"
                                   " SG_ valve : 8|2@1+ (1,0) [0|3] \"\" ECU\n\n"
                                   "BO_ 2566848766 OWN_LONG: 10 ECU\n" // PGN 65280, any source
                                   " SG_ total : 64|16@1+ (1,0) [0|65535] \"kg\" ECU\n\n"
                                   "VAL_ 256 valve 1 \"open\" 0 \"shut\" ;\n",
                                   "own.dbc", can::dbc_mode::lenient);
  REQUIRE(file);
  const can::dbc_file* files[] = {&*file};
  auto plan = can::decode_plan::compile(files);
  REQUIRE(plan);
  return std::make_shared<const can::decode_plan>(std::move(*plan));
}

constexpr std::int64_t own_start = 1'588'310'400'000'000;

const std::vector<std::pair<std::string_view, std::int64_t>> own_frames{
  {"100#0A01000000000000", own_start},
  {"18ECFF05#200A0002FF00FF00", own_start + 1'000}, // BAM of 10 bytes, PGN 65280
  {"18EBFF05#0101020304050607", own_start + 2'000},
  {"18EBFF05#02083412FFFFFFFF", own_start + 3'000},
  {"100#1400000000000000", own_start + 4'000}};

} // namespace

TEST_CASE(
  "own signals: the last value of each, with unit and label, also of a message of several frames") {
  can::machine_monitor machine;
  machine.decode_with(own_plan());
  for (const auto& [text, time_us] : own_frames)
    machine.update(quoted_frame{text, time_us}.view());
  const auto values = machine.report().own_signals;
  REQUIRE(values.size() == 3);
  CHECK(values[0].name == "TANK.level");
  CHECK(values[0].value.physical == 10.0);
  CHECK(values[0].unit == "l");
  CHECK(values[0].time_us == own_start + 4'000);
  CHECK(values[1].label == "shut");
  CHECK(values[2].name == "OWN_LONG.total");
  CHECK(values[2].value.physical == 0x1234);
  machine.decode_with(nullptr);
  CHECK(machine.report().own_signals.empty());
}

// Symptom: ...613 was shown as ...616.
TEST_CASE("own signals: a whole number of 64 bits keeps all digits") {
  const auto file = can::parse_dbc("BO_ 256 BIG: 8 X\n SG_ serial : 0|64@1+ (1,0) [0|0] \"\" X\n"
                                   "BO_ 257 FLOAT: 8 X\n SG_ real : 0|64@1+ (1,0) [0|0] \"\" X\n"
                                   "SIG_VALTYPE_ 257 real : 2;\n",
                                   "own.dbc", can::dbc_mode::lenient);
  REQUIRE(file);
  const can::dbc_file* files[] = {&*file};
  auto plan = can::decode_plan::compile(files);
  REQUIRE(plan);
  can::own_signals own{std::make_shared<const can::decode_plan>(std::move(*plan))};
  own.update(quoted_frame{"101#000000000000F043", own_start}.view()); // 2^64 as a double
  own.update(quoted_frame{"100#FDFFFFFFFFFFFFFF", own_start}.view());
  auto values = own.values();
  REQUIRE(values.size() == 2);
  CHECK(values[0].whole == can::whole_number{false, 18446744073709551613U});
  CHECK_FALSE(values[1].whole);
  own.update(quoted_frame{"100#0500000000000000", own_start + 1'000}.view());
  values = own.values();
  CHECK(values[0].value.physical == 5.0);
  CHECK_FALSE(values[0].whole); // the double has all digits
}

TEST_CASE("own signals: a piece of a fast packet has no values, the whole message has") {
  const auto file = can::parse_dbc("VERSION \"\"\n\nBU_: ECU\n\n"
                                   "BO_ 2314338814 ENGINE: 26 ECU\n" // PGN 127489, any source
                                   " SG_ instance : 0|8@1+ (1,0) [0|250] \"\" ECU\n"
                                   " SG_ load : 192|8@1+ (1,0) [0|125] \"%\" ECU\n",
                                   "marine.dbc", can::dbc_mode::lenient);
  REQUIRE(file);
  const can::dbc_file* files[] = {&*file};
  auto plan = can::decode_plan::compile(files);
  REQUIRE(plan);
  can::own_signals own{std::make_shared<const can::decode_plan>(std::move(*plan))};
  for (const auto* text :
       {"09F20105#201A07FFFFFFFFFF", "09F20105#21FFFFFFFFFFFFFF", "09F20105#22FFFFFFFFFFFFFF"}) {
    own.update(quoted_frame{text, own_start}.view());
    CHECK(own.values().empty());
  }
  own.update(quoted_frame{"09F20105#23FFFFFFFF2AFFFF", own_start + 1'000}.view());
  const auto values = own.values();
  REQUIRE(values.size() == 2);
  CHECK(values[0].value.physical == 7.0);
  CHECK(values[1].value.physical == 42.0);
  CHECK(values[1].time_us == own_start + 1'000);
}

TEST_CASE("own signals: rollups take what the digest puts together") {
  can::stream_digest digest{own_plan(), {}};
  can::own_rollups own{own_plan()};
  digest.add(own);
  can::frame_block block;
  for (const auto& [text, time_us] : own_frames) {
    const quoted_frame frame{text, time_us};
    const auto view = frame.view();
    REQUIRE(block.push(view.time_us, view.header, view.payload().data()));
  }
  digest.take_frames(1, block, block.size());
  const auto rows = own.rows();
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].count == 2);
  CHECK(rows[0].min == 5.0);
  CHECK(rows[0].max == 10.0);
  CHECK(rows[2].last == 0x1234);
  CHECK(own.rows().empty());
}
