#include "can/frame/stream.hpp"
#include "tests/tools/furrow-edge/spool_story.hpp"

#include <csignal>

using namespace furrow;
using namespace furrow::edge;
using namespace furrow::tests;

TEST_CASE("spool: numbers items 1, 2, 3 ... over any number of openings") {
  spool_story s;
  s.reopen();
  CHECK(s.open_spool->last_seq() == 0);
  CHECK(s.open_spool->state().first_seq == 1);
  s.append(3);
  s.append(1);
  const auto id = s.open_spool->state().stream_id;
  s.reopen();
  s.append(4'096);
  CHECK(s.open_spool->state().stream_id == id);
  CHECK(s.open_spool->last_seq() == 4'100);
  const auto all = s.read_all(1);
  REQUIRE(all.size() == 4'100);
  for (std::size_t i = 0; i < all.size(); ++i)
    REQUIRE(all[i] == std::pair<std::uint64_t, std::uint64_t>{i + 1, i + 1});
}

TEST_CASE(
  "spool: a read from inside a block gives the whole block, a read above the last item nothing") {
  spool_story s;
  s.reopen();
  s.append(10);
  s.append(10);
  const auto blocks = s.open_spool->read(15, 1, 64);
  REQUIRE(blocks);
  REQUIRE(blocks->size() == 1);
  CHECK(blocks->front().seq_first == 11);
  CHECK(s.open_spool->read(1, 1U << 20U, 64)->size() == 2);
  CHECK(s.open_spool->read(1, 1U << 20U, 1)->size() == 1);
  CHECK(s.open_spool->read(21, 1U << 20U, 64)->empty());
}

TEST_CASE(
  "spool: killed at any moment, holds a prefix of what was written and continues its numbers") {
  // A copy of the files between two steps equals the files after a kill -9.
  spool_story s;
  s.reopen();
  std::vector<std::pair<std::string, std::uint64_t>> copies;
  source_row source;
  source.path = "a.log";
  source.size = 1'000;
  source.head_bytes = 10;
  for (int step = 0; step < 20; ++step) {
    source.offset = s.given + 7;
    REQUIRE(s.try_append(7, &source));
    copies.emplace_back("copy" + std::to_string(step), s.given);
    s.copy_to(copies.back().first);
  }
  // And a tail of the log of writes torn anywhere.
  const auto wal = std::filesystem::file_size(s.options.path + "-wal");
  for (std::uintmax_t cut = 0; cut < wal; cut += wal / 60 + 1) {
    copies.emplace_back("cut" + std::to_string(cut), 0);
    s.copy_to(copies.back().first);
    std::filesystem::resize_file(s.folder.file(copies.back().first) + "-wal", cut);
  }
  for (const auto& copy : copies) {
    const auto& name = copy.first;
    const auto expected = copy.second;
    spool_story after;
    after.options.path = s.folder.file(name);
    auto opened = spool::open(after.options, {});
    if (!opened && expected == 0)
      continue; // cut before the spool was made: SQLite's own file is there, the first transaction
                // not
    REQUIRE_MESSAGE(opened, name);
    after.open_spool = std::move(*opened);
    const auto last = after.open_spool->last_seq();
    if (expected != 0)
      CHECK(last == expected);
    CHECK(last % 7 == 0);
    if (const auto rows = after.open_spool->sources(); last != 0)
      CHECK(rows->front().offset == last); // the position is that of the frames, always
    CHECK(after.read_all(1).size() == last);
    after.given = last;
    after.append(5);
    CHECK(after.read_all(1).size() == last + 5);
  }
}

TEST_CASE("spool: keeps the digests of files until a node has claimed the stream") {
  spool_story s;
  s.reopen();
  CHECK(s.open_spool->kept_files()->empty());
  s.append(3);
  for (std::size_t number = 1; number <= spool::files_kept_max + 2; ++number) {
    const can::source_mark file{"digest" + std::to_string(number), "file.log"};
    REQUIRE(s.open_spool->keep_files(std::span{&file, 1}));
  }
  s.reopen();
  const auto kept = s.open_spool->kept_files();
  REQUIRE(kept->size() == spool::files_kept_max); // the newest
  CHECK(kept->front().digest == "digest16");
  CHECK(kept->back().digest == "digest3");

  SUBCASE("a claim ends it") {
    REQUIRE(s.open_spool->welcomed(1, s.open_spool->run()));
    CHECK(s.open_spool->kept_files()->empty());
  }
  SUBCASE("a move to a new stream ends it: the old one holds the files") {
    REQUIRE(s.open_spool->fork(2, 0));
    CHECK(s.open_spool->kept_files()->empty());
  }
  SUBCASE("a person ends it") {
    REQUIRE(s.open_spool->forget_files());
    CHECK(s.open_spool->kept_files()->empty());
  }
  s.reopen();
  CHECK(s.open_spool->kept_files()->empty());
  CHECK(s.read_all(1).size() >= 2);
}

TEST_CASE("spool: every opening is a run; of the runs that a node knows only the last is kept") {
  spool_story s;
  s.reopen();
  s.append(5);
  s.reopen();
  s.append(5);
  s.reopen();
  auto runs = s.open_spool->state().runs;
  REQUIRE(runs.size() == 3);
  CHECK(runs[0].first_seq == 1);
  CHECK(runs[1].first_seq == 6);
  CHECK(runs[2].first_seq == 11);
  CHECK(runs[0].run != runs[1].run);
  REQUIRE(s.open_spool->welcomed(1, runs[1].run));
  CHECK(s.open_spool->state().runs.size() == 2);
  s.reopen();
  auto later = s.open_spool->state().runs;
  REQUIRE(later.size() == 3);
  CHECK(later[0] == runs[1]);
  CHECK(later[1] == runs[2]);
  s.sql("with recursive n(i) as (select 1 union all select i + 1 from n where i < 300) "
        "insert into run (run, first_seq) select 1000 + i, 11 from n");
  for (int opening = 0; opening < 3; ++opening)
    s.reopen();
  later = s.open_spool->state().runs;
  CHECK(later.size() == spool::runs_kept_max);
  CHECK(later[0] == runs[1]); // the run that a node knows is kept
}

TEST_CASE("spool: two processes cannot open one spool, but inspecting an open spool works") {
  spool_story s;
  s.reopen();
  s.append(3);
  const auto second = spool::open(s.options, {});
  REQUIRE_FALSE(second);
  CHECK(second.code() == errc::locked);
  const auto seen = spool::inspect(s.options.path);
  REQUIRE(seen);
  CHECK(seen->state.last_seq == 3);
  CHECK(seen->state.stream_id == s.open_spool->state().stream_id);
  CHECK(spool::inspect(s.folder.file("none")).code() == errc::missing);
}

TEST_CASE("spool: rejects other files and foreign spools, and does not change them") {
  spool_story s;
  const auto text = s.folder.write("text", std::string(5'000, 'x'));
  CHECK(spool::open({.path = text, .equipment = "T1"}, {}).code() == errc::foreign);
  CHECK(std::filesystem::file_size(text) == 5'000);
  s.sql("create table other(x)");
  CHECK(spool::open(s.options, {}).code() == errc::foreign);
  s.sql("drop table other");
  s.reopen();
  s.sql("pragma user_version = 2");
  const auto newer = spool::open(s.options, {});
  CHECK(newer.code() == errc::foreign);
  s.sql("pragma user_version = 1");
  s.options.equipment = "T2";
  CHECK(spool::open(s.options, {}).code() == errc::foreign);
  CHECK(spool::open({.path = "/nowhere/at/all", .equipment = "T1"}, {}).code() == errc::io);
}

TEST_CASE("spool: keeps acked items for their time, then deletes them in small steps; never "
          "deletes un-acked items") {
  spool_story s;
  s.options.retain_time = std::chrono::seconds{60};
  s.reopen();
  for (int block = 0; block < 600; ++block)
    s.append(10);
  s.open_spool->acknowledge(5'000);
  s.maintain_until_quiet();
  CHECK(s.open_spool->state().first_seq == 1);
  CHECK(s.read_all(1).size() == 6'000); // a rewind finds all
  s.now += std::chrono::seconds{59};
  s.maintain_until_quiet();
  CHECK(s.open_spool->state().first_seq == 1);
  s.now += std::chrono::seconds{2};
  CHECK(*s.open_spool->maintain()); // not all at once
  s.maintain_until_quiet();
  CHECK(s.open_spool->state().first_seq == 5'001);
  CHECK(s.read_all(5'001).front() == std::pair<std::uint64_t, std::uint64_t>{5'001, 5'001});
  s.now += std::chrono::hours{100};
  s.maintain_until_quiet();
  CHECK(s.open_spool->state().first_seq == 5'001);
  s.reopen();
  CHECK(s.open_spool->acked_seq() == 5'000);
  CHECK(s.open_spool->state().first_seq == 5'001);
}

TEST_CASE(
  "spool: deletes acked items above the bytes to retain at once, but no partly acked block") {
  spool_story s;
  s.options.retain_bytes = 4'000;
  s.reopen();
  for (int block = 0; block < 100; ++block)
    s.append(10); // about 240 bytes each
  s.open_spool->acknowledge(905);
  s.maintain_until_quiet();
  const auto first = s.open_spool->state().first_seq;
  CHECK(first > 600);
  CHECK(first < 900);
  CHECK(first % 10 == 1);
  CHECK(spool::inspect(s.options.path)->bytes < 4'000 + 11 * 300);
  s.options.retain_bytes = 0;
  s.reopen();
  s.now += std::chrono::seconds{5};
  s.maintain_until_quiet();
  CHECK(s.open_spool->state().first_seq == 901);
}

TEST_CASE("spool: keeps items that a rewind has made un-acked again") {
  spool_story s;
  s.options.retain_time = std::chrono::seconds{60};
  s.reopen();
  s.append(10);
  s.append(10);
  s.open_spool->acknowledge(20);
  s.maintain_until_quiet();
  s.open_spool->rewind(11);
  CHECK(s.open_spool->acked_seq() == 10);
  s.now += std::chrono::seconds{30};
  s.maintain_until_quiet();
  s.now += std::chrono::hours{1};
  s.maintain_until_quiet();
  CHECK(s.open_spool->state().first_seq == 11);
  s.open_spool->rewind(15); // a rewind never makes un-acked items acked
  CHECK(s.open_spool->acked_seq() == 10);
}

TEST_CASE("spool: a copy that parted moves its own items to a new stream, numbered from 1") {
  spool_story s;
  s.reopen();
  s.append(10);
  s.append(10);
  s.append(10);
  const auto before = s.open_spool->state();
  s.open_spool->acknowledge(14);
  REQUIRE(s.open_spool->fork(15, 0)); // inside the second block
  for (int round = 0; round < 2; ++round) {
    const auto after = s.open_spool->state();
    CHECK(after.stream_id != before.stream_id);
    CHECK(after.first_seq == 1);
    CHECK(after.last_seq == 16);
    CHECK(after.acked_seq == 0);
    REQUIRE(after.runs.size() == 1U + round);
    CHECK(after.runs[0].first_seq == 1);
    CHECK(after.runs[0].run != before.runs[0].run);
    const auto items = s.read_all(1);
    REQUIRE(items.size() == 16);
    CHECK(items.front() == std::pair<std::uint64_t, std::uint64_t>{1, 15});
    CHECK(items.back() == std::pair<std::uint64_t, std::uint64_t>{16, 30});
    s.maintain_until_quiet(); // deletes the older items
    s.reopen();
  }
  s.append(3);
  CHECK(s.open_spool->last_seq() == 19);
  CHECK(s.read_all(1).back() == std::pair<std::uint64_t, std::uint64_t>{19, 33});
  CHECK(spool::inspect(s.options.path)->forks == 1);
}

TEST_CASE("spool: a copy with nothing of its own begins an empty stream") {
  spool_story s;
  s.reopen();
  s.append(10);
  s.open_spool->acknowledge(10);
  REQUIRE(s.open_spool->fork(11, 0));
  CHECK(s.open_spool->last_seq() == 0);
  CHECK(s.open_spool->state().first_seq == 1);
  s.append(2);
  CHECK(s.read_all(1).front() == std::pair<std::uint64_t, std::uint64_t>{1, 11});
  s.maintain_until_quiet();
  CHECK(s.read_all(1).size() == 2);
  s.open_spool->acknowledge(2);
  REQUIRE(s.open_spool->fork(1'000, 0)); // beyond the end: the same
  CHECK(s.open_spool->last_seq() == 0);
}

TEST_CASE("spool: a fork drops no item that no node has, wherever the node says the copy parted") {
  // Symptom: a gateway was told that its spool had parted beyond its last item while 133,548 items
  // were not acked; it dropped them, had nothing left to send and ended as if all were durable.
  for (const auto& [fork, durable] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
         {1, 0}, {8, 0}, {15, 0}, {31, 0}, {1'000, 0}, {15, 5}, {15, 10}, {15, 400}, {31, 25}}) {
    const auto parted = fork;
    const auto stored = durable;
    CAPTURE(parted);
    CAPTURE(stored);
    spool_story s;
    s.reopen();
    s.append(10);
    s.append(10);
    s.append(10);
    s.open_spool->acknowledge(7);
    REQUIRE(s.open_spool->fork(fork, durable));
    s.maintain_until_quiet();
    s.reopen();
    const auto first = std::min(fork, std::max<std::uint64_t>(durable, 7) + 1);
    const auto items = s.read_all(1);
    REQUIRE(items.size() == 31 - first);
    for (std::size_t i = 0; i < items.size(); ++i)
      CHECK(items[i] == std::pair<std::uint64_t, std::uint64_t>{i + 1, first + i});
    CHECK(s.open_spool->acked_seq() == 0);
  }
}

TEST_CASE("spool: divides records like frames") {
  spool_story s;
  s.reopen();
  std::vector<can::record> records;
  for (std::int64_t i = 1; i <= 5; ++i)
    records.push_back({i, 7, "{}"});
  const std::vector<encoded_group> groups{encoded(records)};
  REQUIRE(s.open_spool->append(groups, {}, nullptr));
  s.open_spool->acknowledge(3);
  REQUIRE(s.open_spool->fork(4, 0));
  const auto blocks = s.open_spool->read(1, 1, 1);
  const auto rest = std::get<std::vector<can::record>>(decoded(blocks->front()));
  REQUIRE(rest.size() == 2);
  CHECK(rest[0] == records[3]);
}

TEST_CASE("spool: saves buses with the frames that named them") {
  spool_story s;
  s.reopen();
  const std::vector<can::bus_name> buses{{0, "can0"}, {1, "vcan-ü"}};
  const std::vector<encoded_group> groups{encoded(numbered_frames(1, 2))};
  REQUIRE(s.open_spool->append(groups, buses, nullptr));
  s.reopen();
  CHECK(s.open_spool->state().buses == buses);
  CHECK(s.open_spool->bus_count() == 2);
}
