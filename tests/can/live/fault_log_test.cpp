// Symptom: an ECU sends DM1 once a second while a fault is active, and nobody could ask afterwards which faults there were.
#include "can/live/fault_log.hpp"
#include "can/text/civil_time.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace furrow;

namespace {

using can::second_us;
constexpr std::int64_t noon_us = 1'700'000'040 * second_us; // the beginning of a minute

/// A log that is fed message by message; each is the next item.
struct fed_log {
  can::fault_log log;
  std::uint64_t seq = 0;

  void hear(std::uint32_t pgn,
            std::uint8_t source,
            std::vector<std::uint8_t> data,
            std::int64_t second) {
    can::assembled_message message;
    message.time_us = noon_us + second * second_us;
    message.source = source;
    message.pgn = pgn;
    message.data = data;
    log.update(message, ++seq);
  }
  /// The water temperature of SPN 110 FMI 0 with this count, under an amber lamp.
  void hot(std::int64_t second, std::uint8_t count = 1, std::uint8_t source = 0) {
    hear(can::pgn_dm1, source, {0x04, 0xFF, 110, 0, 0, count, 0xFF, 0xFF}, second);
  }
  void healthy(std::int64_t second, std::uint8_t source = 0) {
    hear(can::pgn_dm1, source, {0x00, 0xFF, 0, 0, 0, 0, 0xFF, 0xFF}, second);
  }
  void claim(std::uint8_t source, std::uint8_t identity, std::int64_t second) {
    hear(can::pgn_address_claimed, source, {identity, 0, 0, 0, 0, 0, 0, 0xA0}, second);
  }
  std::vector<can::fault_row> take() { return log.take(); }
};

std::int64_t at(std::int64_t second) {
  return noon_us + second * second_us;
}

} // namespace

TEST_CASE("fault log: a fault that is sent every second is one row, given once a minute") {
  fed_log fed;
  std::size_t given = 0;
  for (std::int64_t second = 0; second < 3'600; ++second) {
    fed.hot(second);
    given += fed.take().size();
  }
  CHECK(given == 60);
  fed.healthy(3'600);
  const auto rows = fed.take();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].first_seq == 1);
  CHECK(rows[0].spn == 110);
  CHECK(rows[0].fmi == 0);
  CHECK(rows[0].first_us == at(0));
  CHECK(rows[0].last_us == at(3'599)); // exact, once it is cleared
  CHECK(rows[0].cleared_us == at(3'600));
  CHECK(rows[0].appearances == 1);
  CHECK(rows[0].occurrences == 1);
  CHECK(rows[0].lamp == "amber");
  CHECK(!rows[0].name);
}

TEST_CASE("fault log: the count of the control unit is followed, and 127 does not count") {
  fed_log fed;
  fed.hot(0, 127);
  CHECK(!fed.take().at(0).occurrences);
  fed.hot(1, 3);
  CHECK(fed.take().at(0).occurrences == 3);
  fed.hot(2, 127);
  CHECK(fed.take().empty());
  fed.hot(3, 4);
  CHECK(fed.take().at(0).occurrences == 4);
}

TEST_CASE("fault log: a fault that comes back within a minute continues its row") {
  fed_log fed;
  for (std::int64_t second = 0; second < 50; second += 2) { // a loose contact
    fed.hot(second);
    fed.healthy(second + 1);
  }
  auto rows = fed.take();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].appearances == 25);
  CHECK(rows[0].cleared_us == at(49));
  fed.hot(110);
  rows = fed.take();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].first_us == at(110));
  CHECK(rows[0].appearances == 1);
  CHECK(!rows[0].cleared_us);
}

TEST_CASE("fault log: only a message of the same sender clears a fault") {
  fed_log fed;
  fed.hot(0, 1, 0);
  fed.hot(0, 1, 3);
  static_cast<void>(fed.take());
  fed.healthy(1, 3);
  const auto rows = fed.take();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].source == 3);
  fed.hear(can::pgn_dm1, 0, {0x00, 0xFF, 0, 0}, 2); // no DM1: too short
  CHECK(fed.take().empty());
}

TEST_CASE(
  "fault log: a row has the NAME that claims the address, and ends when the NAME leaves it") {
  fed_log fed;
  fed.hot(0, 1, 5);
  CHECK(!fed.take().at(0).name);
  fed.claim(5, 7, 1); // heard late: the row stays the same
  auto rows = fed.take();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].first_seq == 1);
  REQUIRE(rows[0].name);
  CHECK(rows[0].name->identity() == 7);
  CHECK(!rows[0].cleared_us);
  fed.claim(5, 7, 2);
  CHECK(fed.take().empty());
  fed.claim(5, 9, 3); // another control unit takes the address
  rows = fed.take();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].cleared_us == at(3));
  fed.hot(4, 1, 5);
  rows = fed.take();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].name->identity() == 9);
  fed.claim(6, 9, 5); // it moves
  CHECK(fed.take().at(0).cleared_us == at(5));
}

TEST_CASE("fault log: keeps at most its limit, counts the others, and survives saving") {
  fed_log fed;
  std::vector<std::uint8_t> list{0x04, 0xFF};
  for (unsigned i = 0; i < 445; ++i)
    list.insert(list.end(),
                {static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8U), 1, 1});
  for (std::uint8_t source = 0; source < 3; ++source)
    fed.hear(can::pgn_dm1, source, list, source);
  CHECK(fed.log.not_kept() == 3 * 445 - can::fault_log::faults_max);
  CHECK(fed.take().size() == can::fault_log::faults_max);
  can::state_writer out;
  fed.log.save(out);
  const auto saved = out.take();
  CHECK(saved.size() < 90U << 10U);
  can::state_reader from{saved};
  can::fault_log again;
  again.restore(from);
  CHECK(!from.failed());
  CHECK(from.empty());
  can::state_writer twice;
  again.save(twice);
  CHECK(twice.take() == saved);
  for (std::size_t cut = 0; cut < saved.size(); cut += 997) {
    can::state_reader part{std::span{saved}.first(cut)};
    can::fault_log broken;
    broken.restore(part);
    CHECK(part.failed());
  }
}
