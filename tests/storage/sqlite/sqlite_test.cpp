// SQLite alone: files, locks, and errors that only a trigger can raise.
#include "storage/frames.hpp"
#include "tests/storage/sqlite/sqlite_bed.hpp"
#include "tests/storage/suite/resuming_writer.hpp"

#include <sqlite3.h>

#include <fstream>
#include <thread>

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

std::unique_ptr<store> open_with_lock_timeout(const store_bed& bed,
                                              std::chrono::milliseconds timeout) {
  store_options options;
  options.url = bed.url();
  options.lock_timeout = timeout;
  return must(open_store(options));
}

} // namespace

TEST_CASE("sqlite: rejects a file that is not a database when it is opened") {
  sqlite_bed bed;
  std::ofstream{bed.file()}
    << "this is a letter, no database, and it is longer than a header of one hundred bytes, "
       "as a letter should be";
  store_options options;
  options.url = bed.url();
  const auto opened = open_store(options);
  CHECK(opened.code() == errc::misconfigured);
  CHECK(opened.error().detail.find("store.db") != std::string::npos);
}

TEST_CASE("sqlite: one node at a time opens a file, whatever path leads to it; commands open it "
          "beside the node") {
  sqlite_bed bed;
  (void)bed.open_migrated();
  namespace fs = std::filesystem;
  const auto symbolic = bed.file() + ".symbolic";
  const auto hard = bed.file() + ".hard";
  fs::create_symlink(bed.file(), symbolic);
  fs::create_hard_link(bed.file(), hard);
  const auto open_for_node = [](const std::string& path) {
    store_options options;
    options.url = "sqlite:" + path;
    options.for_node = true;
    return open_store(options);
  };
  auto first = open_for_node(bed.file());
  REQUIRE(first);
  for (const auto& path : {bed.file(), symbolic, hard}) {
    CAPTURE(path);
    const auto second = open_for_node(path);
    CHECK(second.code() == errc::misconfigured);
    CHECK(second.error().detail
          == path + ": another node serves this file; stop it first, or name another file");
  }
  const auto command = open_with_lock_timeout(bed, std::chrono::milliseconds{1'000});
  CHECK(answer_of<std::vector<migration_row>>([&](auto done) { command->migrate(done); }));
  CHECK(answer_of<std::vector<ledger_row>>([&](auto done) { command->read_ledger("", "", done); }));
  first->reset();
  CHECK(open_for_node(symbolic));
}

TEST_CASE("sqlite: waits for a locked file, then answers retry_later, then recovers") {
  sqlite_bed bed;
  (void)bed.open_migrated();
  const auto store = open_with_lock_timeout(bed, std::chrono::milliseconds{50});
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  sqlite3* other = nullptr;
  REQUIRE(sqlite3_open(bed.file().c_str(), &other) == SQLITE_OK);
  REQUIRE(sqlite3_exec(other, "begin immediate", nullptr, nullptr, nullptr) == SQLITE_OK);
  CHECK(append(*lane, {append_of(claimed, 0, mixed_block(1, 10))}).code() == errc::retry_later);
  const auto refused = answer_of<std::vector<claim_outcome>>(
    [&](auto done) { store->claim({request_for("T1", 1)}, done); });
  CHECK(refused.code() == errc::retry_later);
  CHECK(ledger(*store, "T1")[0].durable == 0); // readers do not wait
  sqlite3_exec(other, "rollback", nullptr, nullptr, nullptr);
  sqlite3_close(other);
  CHECK(must(append(*lane, {append_of(claimed, 0, mixed_block(1, 10))})).fenced.empty());
  CHECK(ledger(*store, "T1")[0].durable == 10);
}

TEST_CASE("sqlite: two stores on one file take turns, and the newest claim wins") {
  sqlite_bed bed;
  const auto one = bed.open_migrated();
  const auto two = bed.open_migrated();
  auto first = std::async(std::launch::async,
                          [&] { return write_until(*one, 40 * block_frames, [](auto) {}); });
  const auto report = write_until(*two, 40 * block_frames, [](auto) {});
  CHECK(report.durable == 40 * block_frames);
  CHECK(first.get().durable == 40 * block_frames);
  check_written(*one, 40 * block_frames);
}

TEST_CASE("sqlite: isolates a frame that the table rejects, and stores its neighbours") {
  sqlite_bed bed;
  const auto store = bed.open_migrated();
  bed.tamper("create trigger no_poison before insert on can_block when instr(new.payload, "
             "x'9a02000000000000') > 0 "
             "begin select raise(abort, 'no 666 here'); end");
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  auto block = mixed_block(1, 500);
  const std::uint64_t bad = 666;
  REQUIRE(block.push(1'700'000'000'000'000, can::pack({.id = 7, .length = 8}),
                     reinterpret_cast<const std::uint8_t*>(&bad)));
  REQUIRE(block.append(mixed_block(2, 400), 0, 400));
  const auto outcome = must(append(*lane, {append_of(claimed, 0, block)}));
  CHECK(outcome.quarantined == 1);
  CHECK(bed.value("select seq || ' ' || reason from quarantine") == "501 no 666 here");
  CHECK(bed.value("select hex(bytes) from quarantine")
        == "00401E18240A060007000000000800009A02000000000000");
  const auto rows = ledger(*store, "T1");
  CHECK(rows[0].stored == 901);
  CHECK(rows[0].lost == 0);
  CHECK(rows[0].doubled == 0);
}

TEST_CASE("sqlite: names a damaged block instead of showing it") {
  sqlite_bed bed;
  const auto store = bed.open_migrated();
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  REQUIRE(append(*lane, {append_of(claimed, 0, mixed_block(1, 10))}));
  bed.tamper("update can_block set payload = substr(payload, 1, 79)");
  const auto page = answer_of<frames_page>([&](auto done) {
    store->frames()->read_frames({"", "T1", std::nullopt, std::nullopt}, {}, done);
  });
  CHECK(page.code() == errc::misconfigured);
  CHECK(page.error().detail.find("block 1") != std::string::npos);
}
