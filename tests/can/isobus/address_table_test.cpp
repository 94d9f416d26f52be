#include "can/isobus/address_table.hpp"
#include "tests/support/data.hpp"
#include "tests/support/frames.hpp"

#include <doctest/doctest.h>

#include <set>

namespace {

using namespace furrow::can;
using furrow::tests::bytes_of;
using furrow::tests::quoted_frame;

constexpr std::int64_t second = 1'000'000;
constexpr iso_name low{0xA0008200AFE00014};  // the task controller of the ISOBUS log
constexpr iso_name high{0xA00C8400AFE00002}; // its sprayer

std::string wire(iso_name name) {
  std::string out;
  for (int i = 0; i < 8; ++i) {
    const auto byte = static_cast<std::uint8_t>(name.bits >> (8 * i));
    out += furrow::tests::hex_of({&byte, 1});
  }
  return out;
}

bool claim(address_table& table,
           std::uint8_t address,
           iso_name name,
           std::int64_t time_us,
           std::uint8_t bus = 0) {
  quoted_frame frame{"18EEFF00#" + wire(name), time_us, bus};
  frame.header.bits |= address;
  return table.update(frame.view());
}

} // namespace

TEST_CASE(
  "address table: the ECUs of a John Deere 5055E share an identity number and stay distinct") {
  const auto path = furrow::tests::data_file("j1939/jd5055e/idle10sec.candump.log");
  if (!path)
    return;
  address_table table;
  furrow::tests::for_each_frame(furrow::tests::read_file(*path),
                                [&](const frame_view& frame) { table.update(frame); });
  std::set<int> addresses;
  for (const auto& one : table.ecus()) {
    CHECK(one.name.manufacturer() == 33);
    REQUIRE(one.address);
    addresses.insert(*one.address);
    CHECK(table.name_of(0, *one.address) == one.name);
  }
  CHECK(addresses == std::set<int>{0, 3, 6, 23, 71});
  const auto at_71 = table.name_of(0, 71);
  const auto at_6 = table.name_of(0, 6);
  CHECK(at_71->identity() == at_6->identity());
  CHECK(at_71->function() != at_6->function());
  CHECK(table.counts().contentions == 0);
  CHECK(table.spans().size() == 5);
}

TEST_CASE("address table: a lower NAME takes the address at once, the loser moves on") {
  address_table table;
  REQUIRE(low < high);
  CHECK(claim(table, 0x80, high, 1 * second));
  CHECK_FALSE(claim(table, 0x80, high, 2 * second)); // the same claim again, on request
  CHECK(claim(table, 0x80, low, 3 * second));
  CHECK(table.name_of(0, 0x80) == low);
  CHECK_FALSE(table.ecus()[0].address);
  CHECK(claim(table, 0x81, high, 4 * second));
  CHECK(table.name_of(0, 0x81) == high);
  CHECK(table.counts().contentions == 1);
  // The owner of the address at a time.
  CHECK_FALSE(table.name_of(0, 0x80, second - 1));
  CHECK(table.name_of(0, 0x80, 1 * second) == high);
  CHECK(table.name_of(0, 0x80, 3 * second - 1) == high);
  CHECK(table.name_of(0, 0x80, 3 * second) == low);
  CHECK(table.name_of(0, 0x81, 100 * second) == high);
  CHECK_FALSE(table.name_of(0, 0x81, 3 * second));
}

TEST_CASE("address table: a higher NAME gets the address only when the holder stays silent") {
  address_table table;
  claim(table, 0x80, low, 1 * second);
  claim(table, 0x80, high, 2 * second);
  CHECK(table.name_of(0, 0x80) == low);
  claim(table, 0x80, low, 2 * second + 1000); // defends it
  table.settle(10 * second);
  CHECK(table.name_of(0, 0x80) == low);
  CHECK(table.name_of(0, 0x80, 10 * second) == low);

  claim(table, 0x80, high, 20 * second); // meanwhile the holder was unplugged
  CHECK(table.name_of(0, 0x80, 20 * second + 1000) == low);
  CHECK(table.name_of(0, 0x80, 21 * second) == high); // even before the next frame
  claim(table, 0x10, iso_name{1}, 21 * second);       // any later claim settles it
  CHECK(table.name_of(0, 0x80) == high);
  CHECK_FALSE(table.ecus()[0].address);
  CHECK(table.spans().back().until_us == address_table::lasting);
}

TEST_CASE("address table: an ECU that cannot claim, or claims elsewhere, leaves its address") {
  address_table table;
  claim(table, 0x80, low, 1 * second);
  CHECK(claim(table, 0x90, low, 2 * second));
  CHECK_FALSE(table.name_of(0, 0x80));
  CHECK(table.name_of(0, 0x90) == low);
  CHECK(claim(table, 254, low, 3 * second));
  CHECK_FALSE(table.name_of(0, 0x90));
  CHECK_FALSE(table.name_of(0, 254));
  REQUIRE(table.ecus().size() == 1);
  CHECK(table.ecus()[0].cannot_claim);
  CHECK(table.counts().cannot_claims == 1);
  CHECK(claim(table, 0x91, low, 4 * second));
  CHECK_FALSE(table.ecus()[0].cannot_claim);
  CHECK(table.spans().size() == 3);
}

TEST_CASE("address table: a commanded address is remembered until the ECU has moved") {
  address_table table;
  claim(table, 0x80, low, 1 * second);
  table.command(0, bytes_of(wire(low) + "85"));
  CHECK(table.name_of(0, 0x80) == low); // commanded, not yet moved
  CHECK(table.ecus()[0].commanded_address == 0x85);
  claim(table, 0x85, low, 2 * second);
  CHECK(table.name_of(0, 0x85) == low);
  CHECK_FALSE(table.ecus()[0].commanded_address);
  table.command(0, bytes_of(wire(low)));
  table.command(0, bytes_of(wire(low) + "FE"));
  CHECK(table.counts().commands == 1);
  CHECK(table.counts().malformed == 2);
}

TEST_CASE("address table: each bus has its own addresses") {
  address_table table;
  claim(table, 0x80, low, 1 * second, 0);
  claim(table, 0x80, high, 1 * second, 1);
  CHECK(table.name_of(0, 0x80) == low);
  CHECK(table.name_of(1, 0x80) == high);
  CHECK(table.counts().contentions == 0);
}

TEST_CASE("address table: frames other than address claims change nothing") {
  address_table table;
  CHECK_FALSE(table.update(quoted_frame{"18EEFF80#0200E0AF"}.view()));
  CHECK_FALSE(table.update(quoted_frame{"18EEFFFF#0200E0AF00840CA0"}.view()));
  CHECK_FALSE(table.update(quoted_frame{"0CF00400#FFFFFF4027FFFFFF"}.view()));
  CHECK_FALSE(table.update(quoted_frame{"6EE#0200E0AF00840CA0"}.view()));
  CHECK(table.ecus().empty());
  CHECK(table.counts().malformed == 2);
}

TEST_CASE("address table: a flood of invented NAMEs uses bounded memory and is counted") {
  address_table table;
  claim(table, 0x10, iso_name{1}, 0);
  constexpr std::uint64_t flood = 20'000;
  for (std::uint64_t i = 0; i < flood; ++i)
    claim(table, static_cast<std::uint8_t>(i % 254), iso_name{0x1000'0000 - i},
          static_cast<std::int64_t>(i));
  CHECK(table.ecus().size() == address_table::ecus_max);
  CHECK(table.spans().size() <= address_table::spans_max + address_table::ecus_max);
  CHECK(table.counts().ecus_forgotten == flood + 1 - address_table::ecus_max);
  CHECK(table.counts().spans_forgotten > 0);
}
