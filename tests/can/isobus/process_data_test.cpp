#include "can/isobus/ddi.hpp"
#include "can/isobus/ddop.hpp"
#include "can/isobus/process_data.hpp"
#include "tests/support/frames.hpp"

#include <doctest/doctest.h>

#include <cmath>

namespace {

using namespace furrow::can;
using furrow::tests::bytes_of;

std::vector<std::uint8_t> letters(std::string_view part) {
  return {part.begin(), part.end()};
}

/// A pool with one device in the form of version 3, and the given objects after it.
std::vector<std::uint8_t> pool_with(const std::vector<std::uint8_t>& rest) {
  auto out = letters("DVC");
  for (const auto byte : bytes_of("0000"
                                  "03414243"
                                  "0131"
                                  "0200E0AF00840CA0"
                                  "00"
                                  "41424344454647"
                                  "656E50005555FF"))
    out.push_back(byte);
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

} // namespace

TEST_CASE("process data: command, element, DDI and a signed value") {
  const auto volume = parse_process_data(bytes_of("330048004EC13900"));
  REQUIRE(volume);
  CHECK(volume->command == process_command::value);
  CHECK(volume->element == 3);
  CHECK(volume->ddi == 72);
  CHECK(volume->value == 3785038);
  CHECK(volume->carries_value());
  const auto below_zero = parse_process_data(bytes_of("FAFF3300FFFFFFFF"));
  CHECK(below_zero->command == process_command::set_and_acknowledge);
  CHECK(below_zero->element == 4095);
  CHECK(below_zero->value == -1);
  const auto acknowledged = parse_process_data(bytes_of("3D000100040AFFFF"));
  CHECK(acknowledged->command == process_command::acknowledge);
  CHECK(acknowledged->acknowledged_errors() == 4);
  CHECK(acknowledged->acknowledged_command() == 10);
  CHECK_FALSE(acknowledged->carries_value());
  CHECK_FALSE(parse_process_data(bytes_of("33004800")));
  CHECK_FALSE(object_pool_of(bytes_of("3300480000000000")));
}

TEST_CASE("process data: each element and DDI is a signal with a name") {
  CHECK(signal_name({5, 6}) == "PD.element_5.ddi_6");
  CHECK(parse_process_signal("PD.element_5.ddi_6") == process_key{5, 6});
  CHECK(parse_process_signal(signal_name({4095, 65535})) == process_key{4095, 65535});
  for (const auto* name : {"PD.process_value", "PD.element_4096.ddi_1", "PD.element_1.ddi_65536",
                           "PD.element_.ddi_1", "PD.element_1.ddi_1 ", "PD.element_1", ""})
    CHECK_FALSE(parse_process_signal(name));
}

TEST_CASE("ddi: yield, moisture, rates and section states have name, unit and scale") {
  const auto is = [](std::uint16_t ddi, std::string_view name, std::string_view unit,
                     double scale) {
    const auto one = find_ddi(ddi);
    REQUIRE(one);
    CHECK(one->name() == name);
    CHECK(one->unit == unit);
    CHECK(one->scale == scale);
  };
  is(1, "setpoint volume per area application rate", "mm³/m²", 0.01);
  is(7, "actual mass per area application rate", "mg/m²", 1);
  is(50, "maximum count per time application rate", "1/s", 0.001);
  is(72, "actual volume content", "ml", 1);
  is(84, "mass per area yield", "mg/m²", 1);
  is(90, "yield total mass", "kg", 1);
  is(99, "crop moisture", "ppm", 1);
  is(141, "actual work state", "", 1);
  is(161, "actual condensed work state 1-16", "", 1);
  is(176, "actual condensed work state 241-256", "", 1);
  is(290, "setpoint condensed work state 1-16", "", 1);
  is(542, "setpoint PTO speed", "r/min", 0.0001);
  is(592, "default volume per area application rate", "ml/m²", 0.1);
  CHECK_FALSE(find_ddi(0));
  CHECK_FALSE(find_ddi(152));
  CHECK_FALSE(find_ddi(65535));
  int known = 0;
  for (int ddi = 0; ddi <= 65535; ++ddi)
    known += find_ddi(static_cast<std::uint16_t>(ddi)) ? 1 : 0;
  CHECK(known == 486);
}

TEST_CASE("ddi: section states are two bits each, for any sign of the number") {
  const auto value = static_cast<std::int32_t>(0xC0000024);
  CHECK(section_state(value, 0) == work_state::off);
  CHECK(section_state(value, 1) == work_state::on);
  CHECK(section_state(value, 2) == work_state::error);
  CHECK(section_state(value, 15) == work_state::not_installed);
}

TEST_CASE("ddop: a pool of version 4 has one more label") {
  auto rest = bytes_of("03616263");
  for (const auto byte : letters("DVP"))
    rest.push_back(byte);
  for (const auto byte : bytes_of("0100"
                                  "0A000000"
                                  "0000003F"
                                  "02"
                                  "026D6D"))
    rest.push_back(byte);
  const auto pool = parse_ddop(pool_with(rest));
  REQUIRE(pool);
  CHECK(pool->device.designator == "ABC");
  CHECK(pool->device.software_version == "1");
  CHECK(to_string(pool->device.name) == "A00C8400AFE00002");
  CHECK(pool->device.structure_label == "ABCDEFG");
  CHECK(pool->device.extended_structure_label == "abc");
  REQUIRE(pool->presentations.size() == 1);
  CHECK(pool->presentations[0].present(-4) == 3.0);
  CHECK(pool->presentations[0].unit == "mm");
}

TEST_CASE("ddop: errors name their position") {
  const auto code_of = [](const std::vector<std::uint8_t>& rest) {
    return parse_ddop(pool_with(rest)).code();
  };
  CHECK(code_of({}) == ddop_errc::none);
  CHECK(code_of(letters("DXX\x01\x02")) == ddop_errc::unknown_object);
  CHECK(code_of(letters("DPD")) == ddop_errc::truncated);
  auto doubled = letters("DVP");
  for (const auto byte : bytes_of("0000"
                                  "00000000"
                                  "00000000"
                                  "00"
                                  "00"))
    doubled.push_back(byte);
  CHECK(code_of(doubled) == ddop_errc::doubled_id); // the device has id 0
  auto long_text = letters("DPD");
  for (const auto byte : bytes_of("0100"
                                  "0000"
                                  "00"
                                  "00"
                                  "FF"))
    long_text.push_back(byte);
  CHECK(code_of(long_text) == ddop_errc::too_long);
  auto many = letters("DET");
  for (const auto byte : bytes_of("0100"
                                  "01"
                                  "00"
                                  "0000"
                                  "0000"
                                  "FFFF"))
    many.push_back(byte);
  CHECK(code_of(many) == ddop_errc::truncated); // 65,535 references announced, none there
  CHECK(parse_ddop({}).code() == ddop_errc::no_device);
  CHECK(parse_ddop(std::vector<std::uint8_t>(ddop_bytes_max + 1)).code() == ddop_errc::too_long);
  CHECK(parse_ddop(pool_with(letters("DXX\x01\x02"))).error().detail
        == "object at byte 34: unknown tag: ISO 11783-10 has no such object");
}

TEST_CASE("ddop: every truncated pool is rejected or valid, and never read beyond its end") {
  auto rest = letters("DPD");
  for (const auto byte : bytes_of("0100"
                                  "4800"
                                  "03"
                                  "09"
                                  "0154"
                                  "FFFF"))
    rest.push_back(byte);
  const auto whole = pool_with(rest);
  int sound = 0;
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    const std::vector<std::uint8_t> cut{whole.begin(),
                                        whole.begin() + static_cast<std::ptrdiff_t>(length)};
    sound += parse_ddop(cut) ? 1 : 0;
  }
  CHECK(sound == 2); // the device alone, and the whole
}
