// Sealing while others write and read, two sealers at once, and a sealer that dies at any step.
#include "storage/sealing.hpp"
#include "tests/storage/postgres/sealing_bed.hpp"
#include "tests/storage/suite/child.hpp"

#include <atomic>
#include <cstdlib>
#include <thread>

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

const std::string sealing_case = "child: seals until it is done or killed";

std::vector<can::frame_block> some_blocks(unsigned seed, unsigned count) {
  std::vector<can::frame_block> blocks;
  for (unsigned i = 0; i < count; ++i)
    blocks.push_back(
      mixed_block(seed * 100 + i, 600, 1'700'000'000'000'000 + std::int64_t{i} * 800'000));
  return blocks;
}

/// A cut connection may also fail a query; retry_later repeats it.
std::vector<furrow::storage::ledger_row> ledger_in_the_end(store& store) {
  for (int asked = 0;; ++asked) {
    auto rows = answer_of<std::vector<furrow::storage::ledger_row>>(
      [&](auto done) { store.read_ledger({}, {}, done); });
    if (rows || rows.code() != errc::retry_later || asked == 5)
      return must(std::move(rows));
  }
}

void check_sound(store& store, std::uint64_t each) {
  for (const auto& row : ledger_in_the_end(store)) {
    CHECK(row.durable == each);
    CHECK(row.stored == each);
    CHECK(row.lost == 0);
    CHECK(row.doubled == 0);
  }
}

} // namespace

TEST_CASE("child: seals until it is done or killed" * doctest::skip()) {
  const char* url = std::getenv("FURROW_CHILD_URL");
  if (url == nullptr)
    return; // only a parent's child runs this
  store_options options;
  options.url = url;
  const auto store = must(open_store(options));
  must(seal(*store));
}

TEST_CASE("sealing: a sealer that dies at any step leaves each frame in one tier") {
  for (const auto* step : {"seal.read", "seal.inserted", "seal.deleted", "seal.committed"})
    for (const auto* action : {"abort", "error"}) {
      CAPTURE(step);
      CAPTURE(action);
      postgres_bed bed;
      const auto store = bed.open_migrated();
      for (unsigned stream = 1; stream <= 3; ++stream)
        append_blocks(*store, "T1", stream, some_blocks(stream, 4));
      const auto before = frames_digest(bed, "T1");
      const auto runs = read_all(*store, {"", "T1", std::nullopt, std::nullopt});
      child_writer child{bed.url(), std::string{step} + ":2:" + action, sealing_case};
      const auto status = child.wait();
      CHECK(status != 0);
      if (std::string_view{action} == "abort")
        CHECK(status == failpoint_exit);
      const bool committed = std::string_view{step} == "seal.committed";
      const auto chunks = [&] { return bed.value("select count(*) from can_chunk"); };
      CHECK(frames_digest(bed, "T1") == before);
      check_same_runs(read_all(*store, {"", "T1", std::nullopt, std::nullopt}), runs);
      CHECK(chunks() == (committed ? "2" : "1"));
      check_sound(*store, 2'400);
      // and it recovers, and nothing is lost or doubled
      while (bed.value("select count(*) from can_chunk") != "3") {
        const auto again = must(seal(*store));
        CHECK((again.chunks > 0 || again.busy > 0)); // the server may not have seen it die yet
      }
      CHECK(bed.value("select count(*) from can_block") == "0");
      CHECK(frames_digest(bed, "T1") == before);
      check_same_runs(read_all(*store, {"", "T1", std::nullopt, std::nullopt}), runs);
      check_sound(*store, 2'400);
    }
}

TEST_CASE("sealing: a cut connection leaves a chunk sealed as a whole or not at all") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  for (unsigned stream = 1; stream <= 4; ++stream)
    append_blocks(*store, "T1", stream, some_blocks(stream, 4));
  const auto before = frames_digest(bed, "T1");
  std::uint64_t chunks = 0;
  while (bed.value("select count(*) from can_block") != "0") {
    const auto cut = [&] {
      bed.tamper("select pg_terminate_backend(pid) from pg_stat_activity where datname = '"
                 + bed.name() + "' and application_name like '%/seal'");
    };
    auto promised = std::make_shared<std::promise<result<seal_outcome>>>();
    auto answer = promised->get_future();
    store->sealing()->seal({.due_after = {}},
                           [promised](auto outcome) { promised->set_value(outcome); });
    if (chunks < 20) // then let it finish
      cut();
    REQUIRE(answer.wait_for(patience) == std::future_status::ready);
    const auto outcome = answer.get();
    if (!outcome)
      CHECK(outcome.code() == errc::retry_later);
    ++chunks;
    CHECK(frames_digest(bed, "T1") == before);
    check_sound(*store, 2'400);
  }
}

TEST_CASE("sealing: two sealers, a writer and readers do not wait for each other") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  const auto other = bed.open();
  constexpr unsigned streams = 4;
  for (unsigned stream = 1; stream <= streams; ++stream)
    append_blocks(*store, "T" + std::to_string(stream), stream, some_blocks(stream, 6));
  const auto before = frames_digest(bed, "T1");
  const auto runs = read_all(*store, {"", "T1", std::nullopt, std::nullopt});
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> sealed{0};
  std::atomic<std::uint64_t> chunks{0};
  const auto keep_sealing = [&](furrow::storage::store& with) {
    while (!over) {
      const auto outcome = must(seal(with));
      sealed += outcome.frames;
      chunks += outcome.chunks;
    }
  };
  std::thread first{[&] { keep_sealing(*store); }};
  std::thread second{[&] { keep_sealing(*other); }};
  std::uint64_t durable = 3'600;
  for (unsigned round = 0; round < 12; ++round) {
    for (unsigned stream = 2; stream <= streams; ++stream)
      append_blocks(*store, "T" + std::to_string(stream), stream, some_blocks(stream + round, 1));
    durable += 600;
    CHECK(frames_digest(bed, "T1") == before);
    check_same_runs(read_all(*store, {"", "T1", std::nullopt, std::nullopt}), runs);
    for (const auto& row : ledger(*store)) {
      CHECK(row.lost == 0);
      CHECK(row.doubled == 0);
    }
  }
  over = true;
  first.join();
  second.join();
  sealed += must(seal(*store)).frames;
  CHECK(sealed == 3'600 + (streams - 1) * durable);
  CHECK(chunks > streams);
  CHECK(bed.value("select count(*) from can_block") == "0");
  CHECK(bed.value("select sum(frames) from can_segment") == std::to_string(sealed));
  for (unsigned stream = 2; stream <= streams; ++stream) {
    std::uint64_t seq = 0;
    for (const auto& run :
         read_all(*store, {"", "T" + std::to_string(stream), std::nullopt, std::nullopt})) {
      CHECK(run.seq_first == seq + 1);
      seq += run.block.size();
    }
    CHECK(seq == durable);
  }
}

TEST_CASE("sealing: skips a row that another sealer holds, without waiting") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  append_blocks(*store, "T1", 1, some_blocks(1, 2));
  must(seal(*store, {.due_after = std::chrono::hours{1}})); // creates the row
  child_writer stopped{bed.url(), "seal.inserted:1:stop", sealing_case};
  REQUIRE(stopped.wait_stopped());
  const auto outcome = must(seal(*store));
  CHECK(outcome.busy == 1);
  CHECK(outcome.chunks == 0);
  append_blocks(*store, "T1", 1, some_blocks(2, 1)); // the writer does not wait either
  CHECK(ledger(*store)[0].stored == 1'800);
  CHECK(ledger(*store)[0].lost == 0);
  stopped.go_on();
  CHECK(stopped.wait() == 0);
  must(seal(*store));
  CHECK(bed.value("select count(*) from can_block") == "0");
  check_sound(*store, 1'800);
}
