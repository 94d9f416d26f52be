/// What differs between two DBC files.
#include "can/dbc/difference.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace {

const std::string tank_dbc = "BO_ 256 TANK: 2 X\n SG_ level : 0|8@1+ (1,0) [0|0] \"l\" X\n"
                             " SG_ flow : 8|8@1+ (1,0) [0|0] \"\" X\n";
const std::string pump_dbc = "BO_ 257 PUMP: 1 X\n SG_ speed : 0|8@1+ (1,0) [0|0] \"rpm\" X\n";

} // namespace

TEST_CASE("dbc diff: names messages, signals and properties that differ") {
  using furrow::can::dbc_mode;
  const auto read = [](const std::string& text) {
    return *furrow::can::parse_dbc(text, "x.dbc", dbc_mode::lenient);
  };
  const auto before = read(tank_dbc);
  CHECK(furrow::can::differences(before, before).empty());
  const auto after =
    read("BO_ 256 TANK: 2 X\n SG_ level : 0|8@1+ (0.5,0) [0|0] \"gal\" X\n" + pump_dbc);
  const auto found = furrow::can::differences(before, after);
  const auto has = [&](const std::string& object, const std::string& property,
                       const std::string& from, const std::string& to) {
    return std::any_of(found.begin(), found.end(), [&](const auto& one) {
      return one.object == object && one.property == property && one.before == from
             && one.after == to;
    });
  };
  CHECK(found.size() == 4);
  CHECK(has("TANK.level", "factor", "1", "0.5"));
  CHECK(has("TANK.level", "unit", "l", "gal"));
  CHECK(has("TANK.flow", "signal", "bit 8, 8 bits, factor 1", ""));
  CHECK(has("PUMP", "message", "", "PUMP, id 257, 1 signals"));
}

TEST_CASE("dbc diff: gives at most the wanted number of rows") {
  const auto read = [](const std::string& text) {
    return *furrow::can::parse_dbc(text, "x.dbc", furrow::can::dbc_mode::lenient);
  };
  const auto before = read(tank_dbc);
  const auto after = read(pump_dbc);
  CHECK(furrow::can::differences(before, after).size() == 2);
  CHECK(furrow::can::differences(before, after, 1).size() == 1);
  CHECK(furrow::can::differences(before, after, 0).empty());
}
