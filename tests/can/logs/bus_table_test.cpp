#include "can/logs/bus_table.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace furrow::can;

TEST_CASE("bus table: interfaces get numbers in the order in which they appear") {
  bus_table buses;
  CHECK(buses.bus_of("can1") == 0);
  CHECK(buses.bus_of("can0") == 1);
  CHECK(buses.bus_of("can1") == 0);
  CHECK(buses.name_of(1) == "can0");
  CHECK(buses.name_of(2).empty());
  CHECK(buses.names() == std::vector<bus_name>{{0, "can1"}, {1, "can0"}});
}

TEST_CASE("bus table: starts with the rows of a spool, and fills the gaps") {
  const std::vector<bus_name> known{{2, "can0"}, {0, "vcan0"}, {2, "other"}, {7, "can0"}};
  bus_table buses{known};
  CHECK(buses.bus_of("can0") == 2);
  CHECK(buses.bus_of("vcan0") == 0);
  CHECK(buses.bus_of("can9") == 1);
  CHECK(buses.bus_of("can8") == 3);
  CHECK(buses.names().size() == 4);
}

TEST_CASE("bus table: rejects the 257th interface and invalid names") {
  bus_table buses;
  for (int i = 0; i < 256; ++i)
    REQUIRE(buses.bus_of("can" + std::to_string(i)) == i);
  CHECK_FALSE(buses.bus_of("can256"));
  CHECK(buses.bus_of("can255") == 255);
  CHECK(std::string{bus_table::refusal("can256")}.find("256") != std::string::npos);
  CHECK_FALSE(buses.bus_of(""));
  CHECK_FALSE(buses.bus_of(std::string(65, 'x')));
  CHECK_FALSE(buses.bus_of("can 0"));
  CHECK_FALSE(buses.bus_of("c\xC3\xA4n"));
  CHECK(std::string{bus_table::refusal("can 0")}.find("64") != std::string::npos);
}
