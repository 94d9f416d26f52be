// Frames imported into PostgreSQL are sealed: SQL sees them, and partitions and retention treat them as before.
#include "tests/storage/postgres/sealing_bed.hpp"
#include "tests/storage/suite/retention_bed.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/tools/furrow/maintenance_suite.hpp"

#include <sys/wait.h>

#include <csignal>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

constexpr std::int64_t may_pg_us = 1'777'617'000'000'000; // 2026-05-01

} // namespace

TEST_CASE("furrow archive import on PostgreSQL: SQL gives the same digest, from separate chunks") {
  const scratch_folder folder;
  postgres_bed bed;
  const auto store = bed.open_migrated();
  std::vector<std::int64_t> times;
  for (int i = 0; i < 6; ++i)
    times.push_back(may_pg_us + i * day_us);
  append_days(*store, "north", "T1", 1, times);
  append_days(*store, "north", "T1", 2, {may_pg_us + 7 * day_us});
  must(seal(*store));
  const auto before = frames_digest(bed, "T1");
  const auto archive = folder.file("all");
  good({"archive", "export", "--equipment", "T1", "--database", bed.url(), archive});
  auto& care = *store;
  keep(care, "north", data_kind::frames, 1);
  (void)must(expire(care, may_pg_us + 4 * day_us));
  CHECK(frames_digest(bed, "T1") != before);
  keep(care, "north", data_kind::frames, std::nullopt);
  good({"archive", "import", "--database", bed.url(), archive});
  CHECK(frames_digest(bed, "T1") == before);
  check_nothing_lost(*store);
  CHECK(bed.value("select count(*) from furrow.expired") == "0");
  CHECK(bed.value("select count(*) from furrow.can_block") == "0");
  // No two chunks of a stream overlap.
  CHECK(bed.value("select count(*) from furrow.can_chunk a join furrow.can_chunk b on b.stream = "
                  "a.stream and b.seq_first > a.seq_first and b.seq_first <= a.seq_last")
        == "0");
  (void)must(keep_partitions(care, may_pg_us + 8 * day_us));
  CHECK(frames_digest(bed, "T1") == before);
  // A retention rule deletes the import as a whole again.
  keep(care, "north", data_kind::frames, 1);
  (void)must(expire(care, may_pg_us + 30 * day_us));
  CHECK(bed.value("select count(*) from furrow.can_segment") == "0");
  check_nothing_lost(*store);
}

TEST_CASE("furrow archive import on PostgreSQL: never stores chunks among fresh frames") {
  const scratch_folder folder;
  postgres_bed bed;
  const auto store = bed.open_migrated();
  append_days(*store, "north", "T1", 1, {may_pg_us, may_pg_us + day_us});
  const auto archive = folder.file("all");
  good({"archive", "export", "--equipment", "T1", "--database", bed.url(), archive});
  // Lose blocks by SQL.
  bed.tamper("delete from furrow.can_block where seq_first = 1");
  CHECK(has(bad({"archive", "import", "--database", bed.url(), archive}), "furrow db seal"));
  must(seal(*store));
  good({"archive", "import", "--database", bed.url(), archive});
  check_nothing_lost(*store);
}

TEST_CASE("furrow archive import on PostgreSQL: a stopped import blocks no append") {
  const scratch_folder folder;
  postgres_bed bed;
  const auto store = bed.open_migrated();
  append_days(*store, "north", "T1", 1, {may_pg_us, may_pg_us + day_us, may_pg_us + 2 * day_us});
  must(seal(*store));
  const auto archive = folder.file("all");
  good({"archive", "export", "--equipment", "T1", "--database", bed.url(), archive});
  auto& care = *store;
  keep(care, "north", data_kind::frames, 1);
  (void)must(expire(care, may_pg_us + 3 * day_us));
  keep(care, "north", data_kind::frames, std::nullopt);
  const auto url = bed.url();
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::setenv("FURROW_FAILPOINT", "return.stored:1:stop", 1);
    ::execl(FURROW_BIN_DIR "/furrow", "furrow", "archive", "import", "--database", url.c_str(),
            archive.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, WUNTRACED) == child);
  REQUIRE(WIFSTOPPED(status));
  append_days(*store, "north", "T1", 1, {may_pg_us + 3 * day_us});
  ::kill(child, SIGKILL);
  REQUIRE(::waitpid(child, &status, 0) == child);
  check_nothing_lost(*store);
  good({"archive", "import", "--database", bed.url(), archive});
  check_nothing_lost(*store);
  CHECK(ledger_of(*store, "north", "T1").stored == 2'400);
}

TEST_CASE("furrow archive import on PostgreSQL: runs beside appends, sealing and retention") {
  const scratch_folder folder;
  postgres_bed bed;
  const auto store = bed.open_migrated();
  std::vector<std::int64_t> times;
  for (int i = 0; i < 40; ++i)
    times.push_back(may_pg_us + i * day_us);
  append_days(*store, "north", "T1", 1, times);
  must(seal(*store));
  const auto before = frames_digest(bed, "T1");
  const auto archive = folder.file("all");
  good({"archive", "export", "--equipment", "T1", "--database", bed.url(), archive});
  auto& care = *store;
  keep(care, "north", data_kind::frames, 1);
  (void)must(expire(care, may_pg_us + 41 * day_us));
  CHECK(bed.value("select sum(stored) from furrow.ledger") == "0");
  keep(care, "north", data_kind::frames, std::nullopt);
  keep(care, "north", data_kind::records, 1);
  program import{{FURROW_BIN_DIR "/furrow", "archive", "import", "--database", bed.url(), archive},
                 {}};
  // The other jobs run at least once each, and until the import ends.
  std::uint64_t appended = 0;
  do {
    append_days(*store, "north", "T1", 1,
                {may_pg_us + (50 + static_cast<std::int64_t>(appended)) * day_us});
    ++appended;
    must(seal(*store));
    (void)must(expire(care, may_pg_us + 60 * day_us));
  } while (bed.value("select coalesce(sum(last - first + 1), 0) from furrow.expired") != "0"
           && appended < 2'000);
  const auto ended = import.wait();
  CHECK(without_progress(ended.errors) == "");
  CHECK(ended.exit_code == 0);
  must(seal(*store));
  check_nothing_lost(*store);
  CHECK(ledger_of(*store, "north", "T1").stored == 600 * (40 + appended));
  CHECK(frames_digest(bed, "T1", "'-infinity', '2026-06-15'") == before);
  good({"db", "validate", "--database", bed.url()});
}
