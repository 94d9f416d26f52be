#include "can/frame/name.hpp"
#include "tests/can/frame/name_row.hpp"
#include "tests/support/frames.hpp"
#include "tests/support/jsonl.hpp"

#include <doctest/doctest.h>

using namespace furrow::can;
using furrow::tests::bytes_of;

TEST_CASE("name: all nine fields of the NAMEs of real buses") {
  const auto path = furrow::tests::data_file("j1939/name_vectors.jsonl");
  if (!path)
    return;
  int rows = 0;
  furrow::tests::for_each_json_line(*path, [&](const nlohmann::json& row) {
    ++rows;
    const auto name = parse_name(bytes_of(row["data"].get<std::string>()));
    REQUIRE(name);
    CHECK(to_string(*name) == row["name"]);
    furrow::tests::check_name_fields(*name, row);
  });
  CHECK(rows == 17);
}

TEST_CASE("name: a payload that is not eight bytes is not a NAME") {
  CHECK_FALSE(parse_name({}));
  CHECK_FALSE(parse_name(bytes_of("0200E0AF00840C")));
  CHECK_FALSE(parse_name(bytes_of("0200E0AF00840CA000")));
}

TEST_CASE("name: the words of a Krone forage harvester and a sprayer") {
  const iso_name krone{0xA01284000DE0C3FF}; // isobus-name-resolver-ts of Krone explains it
  CHECK(krone.device_class() == 9);
  CHECK(krone.manufacturer() == 111);
  CHECK(krone.identity() == 50175);
  CHECK(krone.function() == 132);
  CHECK(industry_group_word(krone) == "agriculture and forestry");
  CHECK(device_class_word(krone) == "forage harvester");
  CHECK(function_word(krone) == "machine control");
  const iso_name tractor_engine{0x2002340004300000 | 0x33}; // industry group 2, function 52
  CHECK(function_word(tractor_engine).empty());             // not in the table: shown as a number
  CHECK(function_word(iso_name{0}) == "engine");
  CHECK(device_class_word(iso_name{0}).empty());
}
