// Records per second into a store, commit included: record_bench [seconds]. Single records and batches of 1,000 from
// clients other than gateways, appends of 1,000 from gateways, and the check of a body alone. PostgreSQL runs as in the
// tests (private cluster, fsync on).
#include "can/records/body.hpp"
#include "storage/records.hpp"
#include "storage/store.hpp"
#include "tests/bench/answer.hpp"
#include "tests/support/pg_cluster.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <string>
#include <vector>

namespace can = furrow::can;
using namespace furrow::storage;

namespace {

using furrow::bench::answer_of;
using steady = std::chrono::steady_clock;

const std::string body =
  R"({"mass_flow_kgps":7.25,"moisture_pct":13.5,"width_m":9.1,"speed_mps":1.8,"latitude_deg":52.1234567,"longitude_deg":11.6543217,"crop":"wheat"})";

can::record sample(std::uint64_t number) {
  return {1'777'617'000'000'000 + static_cast<std::int64_t>(number) * 1'000'000,
          can::record_kind_yield, body};
}

/// Calls `once` until the time is over; `records` is what one call stores.
template <class Once>
void measure(
  const char* database, const char* what, std::size_t records, double seconds, Once once) {
  const auto begun = steady::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(steady::now() - begun).count(); };
  std::size_t calls = 0;
  while (elapsed() < seconds)
    once(calls++);
  const auto took = elapsed();
  std::printf("%-11s %-34s %9.0f records/s, %7.2f ms a call\n", database, what,
              static_cast<double>(calls * records) / took, 1e3 * took / static_cast<double>(calls));
  std::fflush(stdout);
}

record_batch batch_of(const std::string& key, std::size_t count) {
  record_batch batch{"bench", "C1", key, {}};
  for (std::size_t i = 0; i < count; ++i)
    batch.records.push_back(sample(i));
  return batch;
}

/// Batches of one record, all sent before the first is answered.
void insert_at_once(store& to, const std::string& key, std::size_t count) {
  std::vector<std::promise<bool>> stored(count);
  for (std::size_t i = 0; i < count; ++i)
    to.records()->insert_records(batch_of(key + "." + std::to_string(i), 1),
                                 [&one = stored[i]](const result<record_batch_outcome>& outcome) {
                                   one.set_value(outcome && outcome->refused[0].empty());
                                 });
  for (auto& one : stored)
    if (!one.get_future().get())
      std::exit(1);
}

void insert(store& to, const std::string& key, std::size_t count) {
  auto batch = batch_of(key, count);
  const auto outcome = answer_of<record_batch_outcome>(
    [&](auto done) { to.records()->insert_records(std::move(batch), done); });
  if (outcome.repeated || !outcome.refused[0].empty())
    std::exit(1);
}

void measure_store(const char* database, const std::string& url, double seconds) {
  store_options options;
  options.url = url;
  auto opened = open_store(options);
  if (!opened)
    std::exit(1);
  auto& to = **opened;
  (void)answer_of<std::vector<migration_row>>([&](auto done) { to.migrate(done); });
  measure(database, "single records, one after another", 1, seconds,
          [&](std::size_t call) { insert(to, "s" + std::to_string(call), 1); });
  measure(database, "single records, 64 at once", 64, seconds,
          [&](std::size_t call) { insert_at_once(to, "m" + std::to_string(call), 64); });
  measure(database, "batches of 1,000", 1'000, seconds,
          [&](std::size_t call) { insert(to, "b" + std::to_string(call), 1'000); });
  const auto lane = to.open_appender("bench");
  const auto claim = answer_of<std::vector<claim_outcome>>([&](auto done) {
                       to.claim({{"bench", "C1", {1}, {}, {{1, 1}}}}, done);
                     })[0]
                       .claim;
  measure(database, "appends of 1,000", 1'000, seconds, [&](std::size_t call) {
    auto batch = std::make_shared<append_batch>(1);
    auto& append = batch->front();
    append.claim = claim;
    append.from = call * 1'000;
    for (std::uint64_t i = 1; i <= 1'000; ++i)
      append.records.push_back({append.from + i, sample(i)});
    append.to = append.sent = append.from + 1'000;
    if (!answer_of<append_outcome>([&](auto done) { lane->append(batch, done); }).fenced.empty())
      std::exit(1);
  });
}

} // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1.0;
  std::size_t refused = 0;
  measure("", "check of a body of 139 bytes", 1'000, seconds, [&](std::size_t) {
    for (std::uint64_t i = 0; i < 1'000; ++i)
      refused += can::refusal_of(sample(i)) ? 1U : 0U;
  });
  if (refused != 0)
    return 1;
  {
    const furrow::tests::pg_cluster cluster;
    measure_store("postgresql", cluster.url(), seconds);
  }
  const auto file = std::filesystem::temp_directory_path() / "furrow-record-bench.db";
  const auto remove = [&file] {
    for (const auto* suffix : {"", "-wal", "-shm"})
      std::filesystem::remove(file.string() + suffix);
  };
  remove();
  measure_store("sqlite", "sqlite:" + file.string(), seconds);
  remove();
}
