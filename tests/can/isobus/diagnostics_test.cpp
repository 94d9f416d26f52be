#include "can/isobus/diagnostics.hpp"
#include "tests/support/frames.hpp"

#include <doctest/doctest.h>

#include <string_view>

namespace {

using namespace furrow::can;
using furrow::tests::bytes_of;

/// Passes one DM message of a sender to the table, and returns the changes.
std::vector<fault_change> send(fault_table& table,
                               std::string_view hex,
                               std::int64_t time_us = 0,
                               std::uint8_t source = 0,
                               std::uint32_t pgn = pgn_dm1) {
  const auto data = bytes_of(hex);
  assembled_message message;
  message.time_us = time_us;
  message.source = source;
  message.pgn = pgn;
  message.data = data;
  std::vector<fault_change> changes;
  CHECK(table.update(message, changes));
  return changes;
}

} // namespace

TEST_CASE("diagnostics: lamps, SPN, FMI and count are read as J1939-73 defines") {
  const auto data = bytes_of("04FFBE000201FFFF"); // an implement: engine speed erratic, amber lamp
  const auto dm = dm_view::parse(data);
  REQUIRE(dm);
  const auto lamps = dm->lamps();
  CHECK(lamps.protect == lamp{lamp_state::off, lamp_flash::steady});
  CHECK(lamps.amber_warning == lamp{lamp_state::on, lamp_flash::steady});
  CHECK(lamps.red_stop == lamp{lamp_state::off, lamp_flash::steady});
  CHECK(lamps.malfunction == lamp{lamp_state::off, lamp_flash::steady});
  CHECK(dm->places() == 1);
  const auto code = (*dm)[0];
  REQUIRE(code);
  CHECK(code->spn == 190);
  CHECK(code->fmi == 2);
  CHECK(code->occurrences == 1);
  CHECK_FALSE(code->conversion_method);

  const auto two = bytes_of("14DFBE0002FFFFFFFF01");
  const auto both = dm_view::parse(two);
  REQUIRE(both);
  CHECK(both->lamps().red_stop == lamp{lamp_state::on, lamp_flash::fast});
  CHECK_FALSE((*both)[0]->occurrences); // 127: it does not count
  CHECK((*both)[0]->conversion_method);
  CHECK((*both)[1]->spn == 524287);
  CHECK((*both)[1]->fmi == 31);
  CHECK((*both)[1]->occurrences == 1);
}

TEST_CASE("diagnostics: zeros and ones both mean no fault") {
  for (const auto* hex : {"00FF00000000FFFF", "FFFFFFFFFFFFFFFF", "00FF00000000"}) {
    const auto data = bytes_of(hex);
    const auto dm = dm_view::parse(data);
    REQUIRE(dm);
    CHECK_FALSE((*dm)[0]);
  }
}

TEST_CASE("diagnostics: a payload that ends inside a fault is not a DM message") {
  fault_table table;
  for (const auto* hex : {"", "00", "00FF", "00FFBE0002", "00FFBE000201BE", "00FFBE000201BE0002"})
    CHECK(send(table, hex).empty());
  CHECK(table.malformed() == 6);
  CHECK(table.faults().empty());
}

TEST_CASE("diagnostics: faults of each sender appear, are counted, and clear") {
  fault_table table;
  auto changes = send(table, "04FFBE000201FFFF", 10, 0x83);
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].event == fault_event::appeared);
  CHECK(changes[0].fault.source == 0x83);
  CHECK(send(table, "04FFBE000201FFFF", 20, 0x83).empty()); // sent again every second
  CHECK(table.faults()[0].since_us == 10);
  CHECK(table.faults()[0].last_us == 20);

  changes = send(table, "04FFBE000202FFFF", 30, 0x83);
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].event == fault_event::counted);
  CHECK(changes[0].fault.code.occurrences == 2);

  changes = send(table, "04FFBE000201FFFF", 40, 0x84); // the same fault of another ECU
  CHECK(changes.size() == 1);
  CHECK(table.active() == 2);

  changes = send(table, "14DF6E00100164000301", 50, 0x83); // two others in its place
  REQUIRE(changes.size() == 3);
  CHECK(changes[0].event == fault_event::appeared);
  CHECK(changes[0].fault.code.spn == 110);
  CHECK(changes[2].event == fault_event::cleared);
  CHECK(changes[2].fault.code.spn == 190);
  CHECK(changes[2].time_us == 50);

  changes = send(table, "00FF00000000FFFF", 60, 0x83);
  CHECK(changes.size() == 2);
  CHECK(table.active() == 1);
  CHECK(table.faults()[0].source == 0x84);
}

TEST_CASE("diagnostics: DM2 lists previous faults beside the active ones") {
  fault_table table;
  send(table, "04FFBE000201FFFF", 1, 0, pgn_dm1);
  const auto changes = send(table, "00FFBE000201FFFF", 2, 0, pgn_dm2);
  REQUIRE(changes.size() == 1);
  CHECK(changes[0].fault.list == fault_list::previous);
  CHECK(table.faults().size() == 2);
  CHECK(table.active() == 1);
  assembled_message other;
  other.pgn = 65228;
  std::vector<fault_change> none;
  CHECK_FALSE(table.update(other, none));
}

TEST_CASE("diagnostics: a flood of invented faults is bounded and counted") {
  fault_table table;
  std::string hex = "04FF";
  for (int i = 0; i < 400; ++i)
    hex += "00000101";
  for (int source = 0; source < 20; ++source) {
    for (std::size_t i = 0; i < 400; ++i) {
      const auto spn = static_cast<std::uint8_t>(i);
      const std::uint8_t high = i < 256 ? 0 : 1;
      hex.replace(4 + i * 8, 4,
                  furrow::tests::hex_of({&spn, 1}) + furrow::tests::hex_of({&high, 1}));
    }
    send(table, hex, source, static_cast<std::uint8_t>(source));
  }
  CHECK(table.faults().size() == fault_table::faults_max);
  CHECK(table.not_kept() == std::size_t{20} * 400 - fault_table::faults_max);
}
