#include "can/stream.hpp"
#include "tests/tools/edge_story.hpp"
#include "tools/furrow-edge/spool.hpp"

#include <doctest/doctest.h>

#include <sqlite3.h>
#include <sys/resource.h>

#include <csignal>

using namespace furrow;
using namespace furrow::edge;
using namespace furrow::tests;

namespace {

struct story {
  scratch_folder folder;
  spool_options options{.path = folder.file("t1.spool"), .equipment = "T1"};
  std::chrono::system_clock::time_point now{std::chrono::seconds{1'700'000'000}};
  std::vector<std::pair<std::uint64_t, std::uint64_t>> damage;
  std::unique_ptr<spool> open_spool;
  std::uint64_t given = 0; // frames appended so far: numbered_frames goes on from here

  spool& reopen() {
    open_spool.reset();
    auto opened = spool::open(
      options, [this](auto first, auto count) { damage.emplace_back(first, count); },
      [this] { return now; });
    if (!opened)
      FAIL(opened.error().detail);
    open_spool = std::move(*opened);
    return *open_spool;
  }

  edge::result<done> try_append(std::size_t count, source_row* progress = nullptr) {
    const std::vector<encoded_group> groups{encoded(numbered_frames(given + 1, count))};
    auto ok = open_spool->append(groups, {}, progress);
    given += ok ? count : 0;
    return ok;
  }
  void append(std::size_t count) { REQUIRE(try_append(count)); }

  /// All that is there from `from` on: {number in the stream, number that the frame tells}.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> read_all(std::uint64_t from) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> out;
    for (auto next = from; next <= open_spool->last_seq();) {
      const auto blocks = open_spool->read(next, 1U << 18U, 64);
      REQUIRE(blocks);
      REQUIRE_FALSE(blocks->empty());
      for (const auto& block : *blocks) {
        REQUIRE(block.seq_first <= next);
        const auto group = decoded(block);
        for (std::uint32_t i = 0; i < block.count; ++i) {
          const auto* frames = std::get_if<can::frame_block>(&group);
          out.emplace_back(block.seq_first + i, frames != nullptr ? frames->header(i).id() : 0);
        }
        next = block.seq_last() + 1;
      }
    }
    return out;
  }

  void sql(const std::string& statement) {
    open_spool.reset();
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(options.path.c_str(), &database) == SQLITE_OK);
    const auto code = sqlite3_exec(database, statement.c_str(), nullptr, nullptr, nullptr);
    CHECK_MESSAGE(code == SQLITE_OK, sqlite3_errmsg(database));
    sqlite3_close(database);
  }

  void copy_to(const std::string& name) const {
    for (const auto* ending : {"", "-wal"})
      if (std::filesystem::exists(options.path + ending))
        std::filesystem::copy_file(options.path + ending, folder.file(name) + ending);
  }

  void maintain_until_quiet() {
    for (int step = 0; step < 10'000; ++step) {
      const auto more = open_spool->maintain();
      REQUIRE(more);
      if (!*more)
        return;
    }
    FAIL("maintenance never ends");
  }
};

} // namespace

TEST_CASE("spool: items are numbered 1, 2, 3 ... over any number of openings") {
  story s;
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

TEST_CASE("spool: reading from inside a block gives the whole block, from above the last nothing") {
  story s;
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
  "spool: killed at any moment it holds a prefix of what was written, and numbers on from there") {
  // A copy of the files between any two steps is what a kill -9 leaves behind.
  story s;
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
    story after;
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

TEST_CASE("spool: every opening is a run; what a node knows is forgotten but for the last") {
  story s;
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
  CHECK(later[0] == runs[1]); // the one that a node knows stays
}

TEST_CASE("spool: two processes cannot have it open, and a look inside disturbs no one") {
  story s;
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

TEST_CASE("spool: files that are no spool of this machine and program are refused and left alone") {
  story s;
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

TEST_CASE(
  "spool: acked items stay for their time, then go in small steps; un-acked ones never go") {
  story s;
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
  "spool: acked items above the bytes to retain go at once, a block that is acked in part stays") {
  story s;
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

TEST_CASE("spool: after a rewind the items are un-acked again and stay") {
  story s;
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
  s.open_spool->rewind(15); // never takes back what was not acked
  CHECK(s.open_spool->acked_seq() == 10);
}

TEST_CASE("spool: a copy that parted moves its own items to a new stream, numbered from 1") {
  story s;
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
    s.maintain_until_quiet(); // drops what was before
    s.reopen();
  }
  s.append(3);
  CHECK(s.open_spool->last_seq() == 19);
  CHECK(s.read_all(1).back() == std::pair<std::uint64_t, std::uint64_t>{19, 33});
  CHECK(spool::inspect(s.options.path)->forks == 1);
}

TEST_CASE("spool: a copy with nothing of its own begins an empty stream") {
  story s;
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

TEST_CASE("spool: a fork drops nothing that no node has, wherever the node says the copy parted") {
  // Symptom: a gateway was told that its spool had parted beyond its last item while 133,548 items
  // were not acked; it dropped them, had nothing left to send and ended as if all were durable.
  for (const auto& [fork, durable] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
         {1, 0}, {8, 0}, {15, 0}, {31, 0}, {1'000, 0}, {15, 5}, {15, 10}, {15, 400}, {31, 25}}) {
    const auto parted = fork;
    const auto stored = durable;
    CAPTURE(parted);
    CAPTURE(stored);
    story s;
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

TEST_CASE("spool: records are divided as frames are") {
  story s;
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

TEST_CASE("spool: a damaged block is counted and reported, and records say so in its place") {
  for (const auto* harm : {"update item_block set bytes = zeroblob(length(bytes)) where place = 11",
                           "update item_block set count = 9 where place = 11",
                           "update item_block set count = 900 where place = 11",
                           "update item_block set checksum = checksum + 1 where place = 11",
                           "delete from item_block where place = 11"}) {
    CAPTURE(harm);
    story s;
    s.reopen();
    for (int block = 0; block < 4; ++block)
      s.append(10);
    s.sql(harm);
    s.reopen();
    const auto items = s.read_all(1);
    REQUIRE(items.size() == 40);
    for (std::size_t i = 0; i < 40; ++i) {
      CHECK(items[i].first == i + 1);
      CHECK(items[i].second == (i >= 10 && i < 20 ? 0 : i + 1));
    }
    CHECK(s.read_all(1) == items);
    REQUIRE(s.damage.size() == 1); // told once
    CHECK(s.damage[0] == std::pair<std::uint64_t, std::uint64_t>{11, 10});
    CHECK(spool::inspect(s.options.path)->lost_items == 10);
    const auto lost =
      std::get<std::vector<can::record>>(decoded(s.open_spool->read(15, 1, 1)->front()));
    CHECK(lost[0].kind == can::record_kind_lost);
    s.reopen();
    s.read_all(1);
    CHECK(spool::inspect(s.options.path)->lost_items == 10); // counted once
  }
}

TEST_CASE("spool: at its limit nothing is numbered, and room comes back when items are acked") {
  story s;
  s.options.bytes_max = 10'000;
  s.reopen();
  while (s.try_append(10)) {
  }
  const auto held = s.given;
  CHECK(held > 200);
  CHECK(s.try_append(10).code() == errc::full);
  CHECK(s.open_spool->last_seq() == held);
  CHECK(s.read_all(1).size() == held);
  s.maintain_until_quiet();
  CHECK(s.open_spool->state().first_seq == 1); // un-acked ones never go
  s.open_spool->acknowledge(100);
  s.now += std::chrono::seconds{2};
  s.maintain_until_quiet(); // though they are to be retained: room is short
  CHECK(s.open_spool->state().first_seq == 101);
  s.append(10);
  CHECK(s.read_all(101).back() == std::pair<std::uint64_t, std::uint64_t>{held + 10, held + 10});
}

TEST_CASE(
  "spool: a full disk loses nothing that was promised, and the same append succeeds later") {
  story s;
  s.reopen();
  s.append(100);
  struct sigaction before {};
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGXFSZ, &ignore, &before);
  rlimit unlimited{};
  getrlimit(RLIMIT_FSIZE, &unlimited);
  const auto limit = std::filesystem::file_size(s.options.path + "-wal") + 300'000;
  const rlimit tight{limit, unlimited.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &tight) == 0);
  edge::result<done> refused = done{};
  for (int i = 0; i < 200 && refused; ++i)
    refused = s.try_append(4'000);
  const auto held = s.given;
  const auto again = s.try_append(4'000);
  setrlimit(RLIMIT_FSIZE, &unlimited);
  sigaction(SIGXFSZ, &before, nullptr);
  CHECK_MESSAGE(refused.code() == errc::full, refused.error().detail);
  CHECK(again.code() == errc::full);
  CHECK(s.open_spool->last_seq() == held);
  CHECK(s.read_all(1).size() == held);
  s.append(4'000);
  s.reopen();
  CHECK(s.read_all(1).size() == held + 4'000);
}

TEST_CASE(
  "spool: on a full disk it opens, gives what it holds, and begins its run when there is room") {
  story s;
  s.reopen();
  s.append(4'000);
  const auto before = s.open_spool->state().runs;
  s.copy_to("killed.spool"); // as kill -9 leaves it: what was saved is in the log of writes
  s.options.path = s.folder.file("killed.spool");
  struct sigaction standard {};
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGXFSZ, &ignore, &standard);
  rlimit unlimited{};
  getrlimit(RLIMIT_FSIZE, &unlimited);
  const rlimit none{std::filesystem::file_size(s.options.path + "-wal"), unlimited.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &none) == 0);
  auto opened = spool::open(s.options, {});
  const auto refused = opened ? (*opened)->append({}, {}, nullptr) : edge::result<done>{done{}};
  const auto runs = opened ? (*opened)->state().runs : std::vector<can::run_mark>{};
  const auto readable = opened && (*opened)->read(1, 1U << 20U, 64);
  setrlimit(RLIMIT_FSIZE, &unlimited);
  sigaction(SIGXFSZ, &standard, nullptr);
  REQUIRE_MESSAGE(opened, opened.error().detail);
  CHECK(refused.code() == errc::full);
  CHECK(runs == before);
  CHECK(readable);
  s.open_spool = std::move(*opened);
  s.append(10);
  const auto after = s.open_spool->state().runs;
  REQUIRE(after.size() == before.size() + 1);
  CHECK(after.back().first_seq == 4'001);
  CHECK(s.open_spool->run() == after.back().run);
}

TEST_CASE("spool: buses are saved with the frames that named them") {
  story s;
  s.reopen();
  const std::vector<can::bus_name> buses{{0, "can0"}, {1, "vcan-ü"}};
  const std::vector<encoded_group> groups{encoded(numbered_frames(1, 2))};
  REQUIRE(s.open_spool->append(groups, buses, nullptr));
  s.reopen();
  CHECK(s.open_spool->state().buses == buses);
  CHECK(s.open_spool->bus_count() == 2);
}
