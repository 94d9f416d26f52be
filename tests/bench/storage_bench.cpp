// Frames per second into a store, commit included: storage_bench [seconds [SQL to try on the
// schema]]. PostgreSQL runs as in the tests (private cluster, fsync on). The same run measures COPY
// of the same frames as rows with an index on (equipment, time).
#include "storage/store.hpp"
#include "tests/bench/answer.hpp"
#include "tests/support/pg_cluster.hpp"

#include <libpq-fe.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <random>
#include <string>
#include <vector>

namespace can = furrow::can;
using namespace furrow::storage;

namespace {

using furrow::bench::answer_of;
using steady = std::chrono::steady_clock;

/// A bus of 40 identifiers: counters, slow signals and bytes that are not available.
can::frame_block tractor_block(unsigned seed, std::size_t count) {
  std::minstd_rand random{seed};
  can::frame_block block;
  std::int64_t time = 1'700'000'000'000'000 + std::int64_t{seed} * 1'000'000;
  while (block.size() < count) {
    const auto id = 0x0CF00400U + static_cast<std::uint32_t>(random() % 40) * 0x100U;
    const std::uint8_t payload[8] = {static_cast<std::uint8_t>(id >> 8U),
                                     static_cast<std::uint8_t>(random()),
                                     static_cast<std::uint8_t>(random() % 4),
                                     0x7D,
                                     0xFF,
                                     0xFF,
                                     0x10,
                                     0xFF};
    time += 500 + static_cast<std::int64_t>(random() % 1'000);
    (void)block.push(time, can::pack({.id = id, .extended = true, .length = 8}), payload);
  }
  return block;
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Appends blocks of `frames` frames, `blocks` per transaction, one transaction after the other on
/// each lane.
void measure(store& store,
             const char* what,
             std::size_t frames,
             std::size_t blocks,
             unsigned lanes,
             double seconds) {
  struct lane_state {
    std::unique_ptr<appender> lane;
    stream_claim claim;
    std::uint64_t seq = 0;
  };
  static std::uint8_t stream = 0;
  std::vector<lane_state> all(lanes);
  for (auto& one : all) {
    claim_request request{"bench", "M", {}, {}, {{1, 1}}};
    request.stream_id[0] = ++stream;
    one.lane = store.open_appender("bench");
    one.claim =
      answer_of<std::vector<claim_outcome>>([&](auto done) { store.claim({request}, done); })[0]
        .claim;
  }
  std::vector<can::frame_block> made;
  for (unsigned i = 0; i < 64; ++i)
    made.push_back(tractor_block(i, frames));
  const auto batch_after = [&](lane_state& one) {
    auto batch = std::make_shared<append_batch>(1);
    auto& append = batch->front();
    append.claim = one.claim;
    append.from = one.seq;
    for (std::size_t i = 0; i < blocks; ++i, one.seq += frames)
      append.frames.push_back({one.seq + 1, made[i % made.size()]});
    append.to = append.sent = one.seq;
    return batch;
  };
  const auto begun = steady::now();
  const auto cpu = cpu_seconds();
  const auto elapsed = [&] { return std::chrono::duration<double>(steady::now() - begun).count(); };
  std::size_t transactions = 0;
  while (elapsed() < seconds) {
    std::vector<std::future<void>> answers;
    for (auto& one : all) {
      auto promised = std::make_shared<std::promise<void>>();
      answers.push_back(promised->get_future());
      one.lane->append(batch_after(one), [promised](const result<append_outcome>& outcome) {
        if (!outcome || !outcome->fenced.empty())
          std::exit(1);
        promised->set_value();
      });
    }
    for (auto& answer : answers)
      answer.get();
    transactions += answers.size();
  }
  const auto took = elapsed();
  const auto total = static_cast<double>(transactions * blocks * frames);
  std::printf("%-34s %5zu frames x %4zu blocks, %u lane(s): %6.2f M frames/s, %5.1f ms a "
              "transaction, client cpu %4.0f ns a frame\n",
              what, frames, blocks, lanes, total / took / 1e6,
              1e3 * took * lanes / static_cast<double>(transactions),
              1e9 * (cpu_seconds() - cpu) / total);
  std::fflush(stdout);
}

/// The usual layout: one row per frame, text COPY, an index on (equipment, time).
void measure_rows(const furrow::tests::pg_cluster& cluster) {
  cluster.exec("create table frame (equipment int, time timestamptz, bus smallint, can_id bigint, "
               "dlc smallint, "
               "payload bytea, seq bigint); create index on frame (equipment, time)");
  std::string text;
  std::size_t count = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    const auto block = tractor_block(seed, 1'000);
    for (std::size_t i = 0; i < block.size(); ++i) {
      const auto frame = block[i];
      char line[160];
      const auto seconds = frame.time_us / 1'000'000;
      std::tm parts{};
      const auto whole = static_cast<time_t>(seconds);
      ::gmtime_r(&whole, &parts);
      char stamp[40];
      std::strftime(stamp, sizeof stamp, "%F %T", &parts);
      std::snprintf(line, sizeof line, "1\t%s.%06d+00\t0\t%u\t8\t\\\\x%016llx\t%zu\n", stamp,
                    static_cast<int>(frame.time_us % 1'000'000), frame.header.id(),
                    static_cast<unsigned long long>(__builtin_bswap64(block.slots[i])), ++count);
      text += line;
    }
  }
  PGconn* db = PQconnectdb(cluster.url().c_str());
  const auto begun = steady::now();
  PQclear(PQexec(db, "copy frame from stdin"));
  for (std::size_t at = 0; at < text.size(); at += 1U << 20U)
    PQputCopyData(db, text.data() + at,
                  static_cast<int>(std::min<std::size_t>(1U << 20U, text.size() - at)));
  PQputCopyEnd(db, nullptr);
  PGresult* outcome = PQgetResult(db);
  const bool stored = PQresultStatus(outcome) == PGRES_COMMAND_OK;
  PQclear(outcome);
  PQfinish(db);
  const auto took = std::chrono::duration<double>(steady::now() - begun).count();
  std::printf("%-34s %s: %6.2f M frames/s\n", "postgresql, rows by text COPY",
              stored ? "300 k rows" : "FAILED", static_cast<double>(count) / took / 1e6);
}

std::unique_ptr<store> open_migrated(const std::string& url) {
  store_options options;
  options.url = url;
  auto opened = open_store(options);
  if (!opened)
    std::exit(1);
  (void)answer_of<std::vector<migration_row>>([&](auto done) { (*opened)->migrate(done); });
  return std::move(*opened);
}

} // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1.0;
  {
    furrow::tests::pg_cluster cluster;
    const auto store = open_migrated(cluster.url());
    if (argc > 2)
      cluster.exec(argv[2]);
    measure_rows(cluster);
    for (const unsigned lanes : {1U, 2U})
      measure(*store, "postgresql", 1'000, 200, lanes, seconds);
    measure(*store, "postgresql", 8'000, 25, 1, seconds);
    measure(*store, "postgresql", 100, 500, 1, seconds);
    measure(*store, "postgresql", 20, 500, 1, seconds);
    const auto frames = std::stod(cluster.value("select sum(frames) from furrow.can_block"));
    const auto bytes =
      std::stod(cluster.value("select pg_total_relation_size('furrow.can_block')"));
    std::printf("%-34s %.1f B a frame on disk, indexes included\n", "postgresql", bytes / frames);
  }
  const auto file = std::filesystem::temp_directory_path() / "furrow-bench.db";
  for (const auto* suffix : {"", "-wal", "-shm"})
    std::filesystem::remove(file.string() + suffix);
  {
    const auto store = open_migrated("sqlite:" + file.string());
    measure(*store, "sqlite", 1'000, 200, 1, seconds);
    measure(*store, "sqlite", 1'000, 20, 1, seconds);
    measure(*store, "sqlite", 100, 100, 1, seconds);
  }
  for (const auto* suffix : {"", "-wal", "-shm"})
    std::filesystem::remove(file.string() + suffix);
}
