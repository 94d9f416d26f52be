#include "can/frame/identifier.hpp"
#include "tests/support/data.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>

using namespace furrow::can;
using furrow::tests::data_file;
using furrow::tests::read_file;

TEST_CASE("identifier: PDU1 has a destination and a PGN that ends in zero, PDU2 is for everyone") {
  // ISO 11783-7 process data from a task controller (247) to an implement (128)
  static_assert(parse_j1939(0x0CCB80F7) == j1939_id{3, 51968, 0xF7, 0x80});
  // EEC1 of an engine
  static_assert(parse_j1939(0x0CF00400) == j1939_id{3, 61444, 0, 255});
  // NMEA 2000 position, data page 1
  static_assert(parse_j1939(0x09F8017F) == j1939_id{2, 129025, 0x7F, 255});
  // extended data page
  static_assert(pgn_of(0x1AF00100) == 0x2F001);
  static_assert(is_pdu1(0x2EF00) && !is_pdu1(0x2F001));
  CHECK(parse_j1939(0x98EAFF26).pgn == 59904); // with SocketCAN's flag
}

TEST_CASE("identifier: the parts of any identifier build it again") {
  std::uint32_t id = 1;
  for (int i = 0; i < 100'000; ++i) {
    id = id * 1664525U + 1013904223U;
    REQUIRE(build_j1939(parse_j1939(id & 0x1FFFFFFF)) == (id & 0x1FFFFFFF));
  }
}

TEST_CASE("identifier: parts that are too wide do not affect other parts") {
  CHECK(build_j1939({255, 0xFFFFFFFF, 0x12, 0x34}) == 0x1FFFFF12);
  CHECK(build_j1939({6, 59904 + 7, 0x12, 0x34}) == 0x18EA3412);
}

TEST_CASE("identifier: every frame of a real tractor reads as in its owners' decoder") {
  for (const auto* name : {"idle10sec", "tractoronSitUp", "transmission1and2and3InGear"}) {
    const auto log = data_file(std::string{"j1939/jd5055e/"} + name + ".candump.log");
    const auto csv = data_file(std::string{"j1939/jd5055e/"} + name + ".csv");
    if (!log || !csv)
      return;
    std::istringstream frames{read_file(*log)};
    std::istringstream rows{read_file(*csv)};
    std::string row;
    std::getline(rows, row); // names of the columns
    std::size_t compared = 0;
    for (std::string frame; std::getline(frames, frame) && std::getline(rows, row); ++compared) {
      const auto hash = frame.find('#');
      REQUIRE(hash != std::string::npos);
      const auto parts =
        parse_j1939(static_cast<std::uint32_t>(std::stoul(frame.substr(hash - 8, 8), nullptr, 16)));
      std::istringstream cells{row};
      std::string number;
      std::string time;
      char comma = 0;
      unsigned pgn = 0;
      unsigned priority = 0;
      unsigned source = 0;
      unsigned destination = 0;
      std::getline(cells, number, ',');
      std::getline(cells, time, ',');
      cells >> pgn >> comma >> priority >> comma >> source >> comma >> destination;
      REQUIRE(cells);
      CAPTURE(row);
      REQUIRE(parts.pgn == pgn);
      REQUIRE(parts.priority == priority);
      REQUIRE(parts.source == source);
      REQUIRE(parts.destination == destination);
    }
    CHECK(compared > 5'000);
  }
}
