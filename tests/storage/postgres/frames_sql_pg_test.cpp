// The SQL that people write against a PostgreSQL store.
#include "can/frame/identifier.hpp"
#include "tests/storage/postgres/sealing_bed.hpp"

#include <algorithm>
#include <optional>
#include <random>
#include <stdexcept>

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

constexpr std::int64_t frames_sql_base_us = 1'700'000'000'000'000;

std::string hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const auto byte : bytes) {
    out += digits[byte >> 4U];
    out += digits[byte & 0xFU];
  }
  return out;
}

/// A frame as the function shows it: microseconds, bus, can_id, extended, dlc, payload, seq.
std::vector<std::string> row_of(const can::frame_view& frame, std::uint64_t seq) {
  const auto header = frame.header;
  const bool raw_dlc = header.kind() == can::frame_kind::classic && header.nibble() > 0;
  return {std::to_string(frame.time_us),
          std::to_string(header.bus()),
          std::to_string(header.id() | (header.error() ? can::frame_header::error_flag : 0U)),
          header.extended() ? "t" : "f",
          std::to_string(raw_dlc ? header.nibble() : header.length()),
          hex(frame.payload()),
          std::to_string(seq)};
}

/// What is asked of frames(); no value: without a limit, of any identifier, of any group.
struct frames_question {
  std::optional<std::int64_t> from_us;
  std::optional<std::int64_t> to_us;
  std::optional<std::uint32_t> can_id;
  std::optional<std::uint32_t> pgn;

  [[nodiscard]] bool wants(const can::frame_view& frame) const {
    const auto header = frame.header;
    const auto shown = header.id() | (header.error() ? can::frame_header::error_flag : 0U);
    return (!from_us || frame.time_us >= *from_us) && (!to_us || frame.time_us <= *to_us)
           && (!can_id || shown == *can_id)
           && (!pgn || (header.extended() && !header.error() && can::pgn_of(header.id()) == *pgn));
  }
  [[nodiscard]] std::string arguments() const {
    const auto time = [](const std::optional<std::int64_t>& us, const char* none) {
      return us ? "timestamptz 'epoch' + " + std::to_string(*us) + " * interval '1 us'"
                : std::string{none};
    };
    return time(from_us, "'-infinity'") + ", " + time(to_us, "'infinity'")
           + (can_id ? ", can_id => " + std::to_string(*can_id) : "")
           + (pgn ? ", pgn => " + std::to_string(*pgn) : "");
  }
};

/// Frames of a few identifiers at a steady pace, with jitter, and sometimes a clock that steps.
can::frame_block steady_block(unsigned seed, std::size_t count, std::int64_t time_us) {
  std::mt19937 random{seed};
  can::frame_block block;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t payload = (std::uint64_t{random()} << 32U) | random();
    const auto which = static_cast<std::uint32_t>(i % 10 == 0 ? random() % 4 : i % 3);
    const auto id = 0x0CF00400U + which * 0x100U;
    REQUIRE(block.push(time_us + static_cast<std::int64_t>(random() % 900),
                       can::pack({.id = id, .extended = true, .length = 8}),
                       reinterpret_cast<const std::uint8_t*>(&payload)));
    time_us += random() % 500 == 0 ? -200'000 : 1'000;
  }
  return block;
}

const std::string all_columns = "select (extract(epoch from time) * 1000000)::bigint, bus, can_id, "
                                "extended, dlc, encode(payload, 'hex'), seq ";

} // namespace

TEST_CASE("frames(): shows every kind of frame unchanged, in any requested order") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  const auto first = mixed_block(1, 400);
  const auto second = mixed_block(2, 300, frames_sql_base_us + 900'000);
  REQUIRE(append(*lane, {append_of(claimed, 0, first), append_of(claimed, 400, second)}));
  const auto rows = shared_cluster().exec(
    all_columns + "from furrow.frames('T1', '-infinity', 'infinity') order by seq", bed.name());
  REQUIRE(rows.size() == 700);
  for (std::size_t i = 0; i < 400; ++i)
    CHECK(rows[i] == row_of(first[i], i + 1));
  for (std::size_t i = 0; i < 300; ++i)
    CHECK(rows[400 + i] == row_of(second[i], 401 + i));
}

TEST_CASE("frames(): filters by time (both ends included), identifier and parameter group") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  can::frame_block block;
  const std::uint8_t payload[8] = {1, 2, 3, 4, 5, 6, 7, 0xF8};
  const auto push = [&](std::int64_t offset, const can::header_parts& parts) {
    REQUIRE(block.push(frames_sql_base_us + offset, can::pack(parts), payload));
  };
  push(0, {.id = 0x0CF00400, .extended = true, .length = 8}); // EEC1, PDU2, from 0x00
  push(1, {.id = 0x0CF00431, .extended = true, .length = 8}); // EEC1 from 0x31
  push(2, {.id = 0x18EF2110, .extended = true, .length = 8}); // proprietary A, PDU1, to 0x21
  push(3, {.id = 0x18EF2210, .extended = true, .length = 8}); // the same group, to 0x22
  push(4, {.id = 0x400, .length = 8});                        // standard: in no group
  push(5, {.id = 0x0CF00400, .extended = true, .remote = true, .length = 8});
  push(6, {.id = 0x19F80110, .extended = true, .length = 8}); // 129025, data page 1
  push(7, {.id = 4, .error = true, .length = 8});
  REQUIRE(append(*lane, {append_of(claimed, 0, block)}));
  const auto seqs = [&](const std::string& arguments) {
    return bed.value(
      "select coalesce(string_agg(seq::text, ',' order by seq), '') from furrow.frames('T1', "
      + arguments + ")");
  };
  const std::string ever = "'-infinity', 'infinity'";
  CHECK(seqs(ever + ", pgn => 61444") == "1,2,6");
  CHECK(seqs(ever + ", pgn => 61184") == "3,4");
  CHECK(seqs(ever + ", pgn => 129025") == "7");
  CHECK(seqs(ever + ", can_id => x'0CF00431'::bigint") == "2");
  CHECK(seqs(ever + ", can_id => 1024") == "5");
  CHECK(seqs(ever + ", can_id => 4").empty()); // an error frame is not the data frame 4
  CHECK(seqs(ever + ", can_id => x'20000004'::bigint") == "8");
  CHECK(seqs(ever + ", x'0CF00431'::bigint, 61444") == "2");
  CHECK(seqs(ever + ", 1, 61444").empty());
  const auto at = [](int offset) {
    return "to_timestamp(1700000000) + interval '" + std::to_string(offset) + " us'";
  };
  CHECK(seqs(at(2) + ", " + at(4)) == "3,4,5");
  CHECK(seqs(at(7) + ", 'infinity'") == "8");
  CHECK(seqs("'-infinity', " + at(-1)).empty());
  CHECK(bed.value("select payload = '\\x01020304050607f8' and dlc = 8 from furrow.frames('T1', "
                  + ever + ") where seq = 1")
        == "t");
  CHECK(bed.value("select payload = '' and dlc = 8 from furrow.frames('T1', " + ever
                  + ") where seq = 6")
        == "t");
}

TEST_CASE(
  "frames(): gives the same from both tiers, at any border of time and for any identifier") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  std::mt19937 random{22};
  std::vector<can::frame_block> all;
  std::int64_t time_us = frames_sql_base_us;
  for (unsigned number = 0; number < 8; ++number) {
    all.push_back(number % 2 == 0 ? mixed_block(number, 1 + random() % 900, time_us)
                                  : steady_block(number, 1'500, time_us));
    time_us += 1'300'000;
  }
  // Times that seconds as float8 do not hold to the microsecond, and times before 1970.
  all.push_back(mixed_block(8, 60, 6'000'000'000'000'001));
  all.push_back(steady_block(9, 300, -1'000'000'000'001));
  const auto expect = [&](std::size_t blocks) {
    for (int round = 0; round < 60; ++round) {
      const auto& near = all[random() % blocks];
      const auto some_time = [&]() -> std::optional<std::int64_t> {
        if (random() % 5 == 0)
          return std::nullopt;
        return near.time_us(random() % near.size()) + static_cast<std::int64_t>(random() % 3) - 1;
      };
      const auto header = near.header(random() % near.size());
      frames_question question{some_time(), some_time(), {}, {}};
      if (random() % 10 != 0 && question.from_us && question.to_us
          && *question.from_us > *question.to_us)
        std::swap(question.from_us, question.to_us);
      if (round % 3 == 1)
        question.can_id = header.id() | (header.error() ? can::frame_header::error_flag : 0U);
      if (round % 3 == 2)
        question.pgn = can::pgn_of(header.id());
      std::vector<std::vector<std::string>> expected;
      std::uint64_t seq = 0;
      for (std::size_t block = 0; block < blocks; ++block)
        for (std::size_t i = 0; i < all[block].size(); ++i)
          if (++seq; question.wants(all[block][i]))
            expected.push_back(row_of(all[block][i], seq));
      const auto arguments = question.arguments();
      CAPTURE(arguments);
      const auto rows = shared_cluster().exec(
        all_columns + "from furrow.frames('T1', " + arguments + ") order by seq", bed.name());
      CHECK(std::ranges::equal(rows, expected));
    }
  };
  const auto append = [&](std::size_t first, std::size_t last) {
    append_blocks(*store, "T1", 1,
                  {all.begin() + static_cast<std::ptrdiff_t>(first),
                   all.begin() + static_cast<std::ptrdiff_t>(last)});
  };
  append(0, 5);
  expect(5); // fresh
  must(seal(*store));
  expect(5); // sealed
  append(5, all.size());
  expect(all.size()); // both
  must(seal(*store));
  CHECK(bed.value("select count(*) from can_block") == "0");
  expect(all.size());
}

TEST_CASE("frames(): numbers a part of a sealed segment, however far its frames lie apart") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  std::vector<can::frame_block> blocks(90);
  const std::uint8_t payload[8] = {};
  std::int64_t time_us = frames_sql_base_us;
  for (std::int64_t i = 0; i < 90'000; ++i) // one frame in 300 is engine speed
    REQUIRE(blocks[static_cast<std::size_t>(i / 1'000)].push(
      time_us += 1'000,
      can::pack({.id = i % 300 == 7 ? 0x0CF00400U : 0x0CF00300U, .extended = true, .length = 8}),
      payload));
  append_blocks(*store, "T1", 1, blocks);
  must(seal(*store));
  CHECK(bed.value("select max(seq_planes) from can_segment") == "2");
  CHECK(
    bed.value(
      "select count(*) || ' ' || min(seq) || ' ' || max(seq) || ' ' || min(seq % 300) || ' ' || "
      "max(seq % 300) from furrow.frames('T1', to_timestamp(1700000050), "
      "to_timestamp(1700000080), pgn => 61444)")
    == "100 50108 79808 8 8");
}

TEST_CASE("frames(): accepts farm/name, and rejects an ambiguous name") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  const auto lane = store->open_appender("w0");
  for (const auto* farm : {"north", "south"}) {
    const auto made = must(answer_of<std::vector<claim_outcome>>([&](auto done) {
      store->claim({{farm, "T1", stream_id_of(1), {}, {{1, 1}}}}, done);
    }));
    REQUIRE(append(*lane, {append_of(made[0].claim, 0, mixed_block(1, farm[0] == 'n' ? 3 : 4))}));
  }
  const auto count = [&](const std::string& name) {
    return bed.value("select count(*) from furrow.frames('" + name + "', '-infinity', 'infinity')");
  };
  CHECK(count("north/T1") == "3");
  CHECK(count("south/T1") == "4");
  CHECK_THROWS_WITH_AS(count("T1"), doctest::Contains("more than one farm"), std::runtime_error);
  CHECK_THROWS_WITH_AS(count("T2"), doctest::Contains("no equipment T2"), std::runtime_error);
}

TEST_CASE("frames(): finds a block by any of its times, however far its clock jumps") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  can::frame_block block;
  const std::uint8_t payload[8] = {};
  const auto header = can::pack({.id = 1, .length = 8});
  for (const std::int64_t offset : {0LL, -2'147'483'648LL, 2'147'483'647LL})
    REQUIRE(block.push(frames_sql_base_us + offset, header, payload));
  REQUIRE(append(*lane, {append_of(claimed, 0, block)}));
  for (const std::int64_t offset : {0LL, -2'147'483'648LL, 2'147'483'647LL}) {
    const auto at = "(timestamptz 'epoch' + " + std::to_string(frames_sql_base_us + offset)
                    + " * interval '1 us')";
    CHECK(bed.value("select count(*) from furrow.frames('T1', " + at + ", " + at + ")") == "1");
    CHECK(
      read_all(*store, {"", "T1", frames_sql_base_us + offset, frames_sql_base_us + offset}).size()
      == 1);
  }
}

TEST_CASE(
  "frames(): reads only the blocks of the time, and unpacks only those with the identifier") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  const auto lane = store->open_appender("w0");
  const std::uint8_t payload[8] = {};
  for (unsigned machine = 0; machine < 4; ++machine) {
    const auto claimed = claim(*store, request_for("T" + std::to_string(machine), machine)).claim;
    append_batch batch;
    for (std::uint64_t i = 0; i < 1'000; ++i) { // a block of ten frames each hour
      can::frame_block block;
      for (int frame = 0; frame < 10; ++frame)
        REQUIRE(block.push(
          frames_sql_base_us + static_cast<std::int64_t>(i) * 3'600'000'000 + frame,
          can::pack(
            {.id = i % 100 == 0 ? 0x0CF00400U : 0x0CF00300U, .extended = true, .length = 8}),
          payload));
      batch.push_back(append_of(claimed, i * 10, block));
    }
    REQUIRE(append(*lane, batch));
  }
  bed.tamper("analyze can_block");
  const auto plan = [&](const std::string& rest) {
    std::string text;
    for (const auto& row : shared_cluster().exec("explain (analyze, costs off, timing off, summary "
                                                 "off) select * from furrow.frames('T2', "
                                                   + rest,
                                                 bed.name()))
      text.append(row[0]).append("\n");
    return text;
  };
  const auto day =
    plan("to_timestamp(1700000000), to_timestamp(1700000000) + interval '23 hours')");
  CAPTURE(day);
  CHECK(day.find("can_block_equipment_time")
        != std::string::npos); // the planner inlines the function
  CHECK(day.find("Function Scan on frames") == std::string::npos);
  CHECK(day.find("on can_block b (actual rows=24 loops=1)") != std::string::npos);
  const auto engine = plan("'-infinity', 'infinity', pgn => 61444)");
  CAPTURE(engine);
  CHECK(engine.find("ProjectSet (actual rows=10 loops=10)") != std::string::npos);
}

TEST_CASE(
  "postgres: isolates a frame that the table rejects, with its bytes and the server's message") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  bed.tamper(
    "alter table can_block add constraint no_666 check (not (666::bigint = any (payload)))");
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  auto block = mixed_block(1, 500);
  const std::uint64_t bad = 666;
  REQUIRE(block.push(frames_sql_base_us, can::pack({.id = 7, .length = 8}),
                     reinterpret_cast<const std::uint8_t*>(&bad)));
  REQUIRE(block.append(mixed_block(2, 400), 0, 400));
  const auto outcome = must(
    append(*lane, {append_of(claimed, 0, block), append_of(claimed, 901, mixed_block(3, 99))}));
  CHECK(outcome.quarantined == 1);
  CHECK(bed.value("select seq || ' ' || encode(bytes, 'hex') from quarantine")
        == "501 00401e18240a0600"
           "0700000000080000"
           "9a02000000000000");
  CHECK(bed.value("select reason from quarantine").find("no_666") != std::string::npos);
  const auto rows = ledger(*store, "T1");
  CHECK(rows[0].stored == 1'000);
  CHECK(rows[0].lost == 0);
  CHECK(rows[0].doubled == 0);
  CHECK(bed.value("select count(*) from furrow.frames('T1', '-infinity', 'infinity')") == "999");
  const auto runs = read_all(*store, {"", "T1", std::nullopt, std::nullopt});
  can::frame_block together;
  for (const auto& run : runs)
    REQUIRE(together.append(run.block, 0, run.block.size()));
  for (std::size_t i = 0; i < 500; ++i) // the halves contain the long payloads
    CHECK(hex(together[i].payload()) == hex(block[i].payload()));
}
