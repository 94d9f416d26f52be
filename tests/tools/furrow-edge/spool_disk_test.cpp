// A spool on a disk that damages it, or that is full.
#include "tests/tools/furrow-edge/small_disk.hpp"
#include "tests/tools/furrow-edge/spool_story.hpp"

#include <sys/resource.h>

#include <csignal>
#include <optional>

using namespace furrow;
using namespace furrow::edge;
using namespace furrow::tests;

namespace {

/// While it lives no file of this process grows beyond so much: a disk that is full.
class full_disk {
public:
  explicit full_disk(std::uintmax_t bytes) {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGXFSZ, &ignore, &standard_);
    REQUIRE(getrlimit(RLIMIT_FSIZE, &unlimited_) == 0);
    const rlimit tight{bytes, unlimited_.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &tight) == 0);
  }
  full_disk(const full_disk&) = delete;
  full_disk& operator=(const full_disk&) = delete;
  ~full_disk() {
    setrlimit(RLIMIT_FSIZE, &unlimited_);
    sigaction(SIGXFSZ, &standard_, nullptr);
  }

private:
  struct sigaction standard_ {};
  rlimit unlimited_{};
};

/// Maintains the spool for 10 s of its clock, as the gateway does, and appends in between. Returns whether an append
/// succeeded.
bool recovers(spool_story& s) {
  for (int quarter = 0; quarter < 40; ++quarter) {
    s.now += std::chrono::milliseconds{250};
    const auto more = s.open_spool->maintain();
    if (!more) // no other error than a full disk
      REQUIRE_MESSAGE(more.code() == errc::full, more.error().detail);
    if (s.try_append(4'000))
      return true;
  }
  return false;
}

/// One step in the life of a spool. On a full disk it may have no effect, and it never fails otherwise.
void live(spool_story& s, int step) {
  if (step % 7 == 6) {
    s.reopen();
  } else if (step % 7 == 4) {
    s.open_spool->acknowledge(s.open_spool->last_seq() / 2);
    REQUIRE(s.open_spool->welcomed(s.open_spool->acked_seq() + 1, s.open_spool->run()));
  } else if (step % 7 == 5) {
    s.now += std::chrono::seconds{1};
    const auto more = s.open_spool->maintain();
    REQUIRE_MESSAGE((more || more.code() == errc::full), more.error().detail);
  } else {
    const auto ok = s.try_append(4'000);
    REQUIRE_MESSAGE((ok || ok.code() == errc::full), ok.error().detail);
  }
}

} // namespace

TEST_CASE("spool: fills its own disk, and has room again as soon as its items are durable") {
  for (const auto* size : {"6m", "16m"}) {
    CAPTURE(std::string{size});
    spool_story s;
    const small_disk disk{s.folder.file("disk"), size};
    if (!disk.mounted())
      return;
    s.options.path = disk.file("t1.spool");
    s.options.bytes_max = 1ULL << 30U; // the disk is the limit
    s.reopen();
    for (int round = 0; round < 2; ++round) {
      CAPTURE(round);
      while (s.try_append(4'000) || recovers(s)) {
      }
      const auto held = s.given;
      const auto unacked = s.open_spool->acked_seq() + 1;
      CHECK(s.read_all(unacked).size() == held - unacked + 1); // these are never deleted
      CHECK(held - unacked > 20'000);
      s.open_spool->acknowledge(held);
      CHECK(recovers(s));
      CHECK(s.read_all(held + 1).size() == 4'000);
    }
  }
}

TEST_CASE("spool: recovers when its disk becomes full at any moment, and the disk stays full") {
  // Goal: whenever somebody else takes the last byte of the disk, acked items can be deleted, and new items are saved
  // in their place. Method: fill the disk after each of the first steps of a spool's life, live on for a while, let a
  // node have everything.
  for (int stage = 1; stage < 24; ++stage) {
    CAPTURE(stage);
    spool_story s;
    const small_disk disk{s.folder.file("disk"), "24m"};
    if (!disk.mounted())
      return;
    s.options.path = disk.file("t1.spool");
    s.reopen();
    int step = 0;
    while (step < stage)
      live(s, step++);
    disk.fill();
    for (const int end = step + 14; step < end; ++step)
      live(s, step);
    const auto held = s.open_spool->last_seq();
    CHECK(s.read_all(s.open_spool->state().first_seq).size()
          == held - s.open_spool->state().first_seq + 1);
    s.open_spool->acknowledge(held);
    CHECK(recovers(s));
    CHECK(s.read_all(held + 1).size() == 4'000);
  }
}

TEST_CASE("spool: by default holds at most half of the free disk") {
  spool_story s;
  const small_disk disk{s.folder.file("disk"), "16m"};
  if (!disk.mounted())
    return;
  s.options.path = disk.file("t1.spool");
  s.reopen();
  while (s.try_append(1'000)) {
  }
  const auto held = spool::inspect(s.options.path)->bytes;
  CHECK(held <= 8U << 20U);
  CHECK(held > 7U << 20U);
}

TEST_CASE("spool: cannot be made on a full disk, and says so") {
  spool_story s;
  const small_disk disk{s.folder.file("disk"), "4m"};
  if (!disk.mounted())
    return;
  disk.fill();
  s.options.path = disk.file("t1.spool");
  CHECK(spool::open(s.options, {}).code() == errc::full);
  disk.free_again();
  s.reopen();
  s.append(10);
}

TEST_CASE("spool: counts and reports a damaged block, and puts records of the loss in its place") {
  for (const auto* harm : {"update item_block set bytes = zeroblob(length(bytes)) where place = 11",
                           "update item_block set count = 9 where place = 11",
                           "update item_block set count = 900 where place = 11",
                           "update item_block set checksum = checksum + 1 where place = 11",
                           "delete from item_block where place = 11"}) {
    CAPTURE(harm);
    spool_story s;
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
    REQUIRE(s.damage.size() == 1); // reported once
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

TEST_CASE("spool: numbers nothing at its limit, and has room again when items are acked") {
  spool_story s;
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

TEST_CASE("spool: a full disk loses no numbered item, and the same append succeeds later") {
  spool_story s;
  s.reopen();
  s.append(100);
  std::optional<full_disk> disk{std::filesystem::file_size(s.options.path + "-wal") + 300'000};
  edge::result<done> refused = done{};
  for (int i = 0; i < 200 && refused; ++i)
    refused = s.try_append(4'000);
  const auto held = s.given;
  const auto again = s.try_append(4'000);
  disk.reset();
  CHECK_MESSAGE(refused.code() == errc::full, refused.error().detail);
  CHECK(again.code() == errc::full);
  CHECK(s.open_spool->last_seq() == held);
  CHECK(s.read_all(1).size() == held);
  s.append(4'000);
  s.reopen();
  CHECK(s.read_all(1).size() == held + 4'000);
}

TEST_CASE("spool: opens on a full disk, gives its items, and begins its run when there is room") {
  spool_story s;
  s.reopen();
  s.append(4'000);
  const auto before = s.open_spool->state().runs;
  s.copy_to("killed.spool"); // as after kill -9: saved items are in the write-ahead log
  s.options.path = s.folder.file("killed.spool");
  std::optional<full_disk> disk{std::filesystem::file_size(s.options.path + "-wal")};
  auto opened = spool::open(s.options, {});
  const auto refused = opened ? (*opened)->append({}, {}, nullptr) : edge::result<done>{done{}};
  const auto runs = opened ? (*opened)->state().runs : std::vector<can::run_mark>{};
  const auto readable = opened && (*opened)->read(1, 1U << 20U, 64);
  disk.reset();
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
