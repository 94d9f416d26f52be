// What charts and replays ask for: a signal over a day and over a season of 100 days (8 hours a day) as 1,000 points,
// from rollups; a day of telemetry of eight machines, every 10 s and every row. series_bench [URL], default: a
// PostgreSQL of its own. A SQLite database must be a new file.
#include "can/dbc/catalogue.hpp"
#include "can/live/stream_digest.hpp"
#include "storage/dbc/signal_rows.hpp"
#include "storage/digest_store.hpp"
#include "storage/series/series.hpp"
#include "tests/bench/answer.hpp"
#include "tests/support/pg_cluster.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <functional>
#include <optional>
#include <string>

namespace can = furrow::can;
using namespace furrow::storage;

namespace {

using furrow::bench::answer_of;
using steady = std::chrono::steady_clock;
constexpr std::int64_t base_us = 1'767'225'600'000'000; // 2026-01-01
constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t day_us = 86'400 * second_us;
constexpr std::int64_t morning_us = 6 * 3'600 * second_us;
constexpr std::uint32_t signals = 10;
constexpr int machines = 8;

std::string name_of(int machine) {
  return "T" + std::to_string(machine + 1);
}

/// A stream with so many items; one digest commit takes each.
stream_claim make_stream(store& store, int machine, std::uint64_t items) {
  const auto claimed = answer_of<std::vector<claim_outcome>>([&](auto done) {
    store.claim({{"bench", name_of(machine), {}, {}, {{1, 1}}}}, done);
  });
  can::frame_block block;
  const std::uint8_t payload[8] = {};
  for (std::uint64_t i = 0; i < items; ++i)
    (void)block.push(base_us, can::pack({.id = 0x0CF00400, .extended = true, .length = 8}),
                     payload);
  auto batch = std::make_shared<append_batch>();
  auto& append = batch->emplace_back();
  append.claim = claimed[0].claim;
  append.to = append.sent = items;
  append.frames.push_back({1, std::move(block)});
  const auto lane = store.open_appender("bench");
  (void)answer_of<append_outcome>([&](auto done) { lane->append(batch, done); });
  return claimed[0].claim;
}

void commit(store& store, const stream_claim& of, std::uint64_t item, can::digest_rows rows) {
  auto batch = std::make_shared<digest_batch>();
  batch->push_back({of.stream, of.equipment, item, item + 1, {}, std::move(rows)});
  (void)answer_of<std::vector<bool>>([&](auto done) { store.digest()->commit(batch, done); });
}

/// 480 minutes of a day, of each signal; times of ten values a second.
can::digest_rows rollups_of(int day, const std::vector<std::int32_t>& ids) {
  can::digest_rows rows;
  for (std::uint32_t signal = 0; signal < signals; ++signal)
    for (std::int64_t minute = 0; minute < 480; ++minute) {
      const auto time = base_us + day * day_us + morning_us + minute * 60 * second_us;
      const auto mean = 1'400 + static_cast<double>(minute % 60);
      rows.rollups.push_back({static_cast<std::uint32_t>(ids[signal]), time, 600, mean - 100,
                              mean + 100, mean * 600, mean, time + 59 * second_us});
    }
  return rows;
}

/// An hour of telemetry, one row a second.
can::digest_rows telemetry_of(std::int64_t hour) {
  can::digest_rows rows;
  for (std::int64_t second = 0; second < 3'600; ++second) {
    auto& row = rows.telemetry.emplace_back();
    row.time_us = base_us + (hour * 3'600 + second) * second_us;
    row.heard_us = row.time_us;
    row.seq = static_cast<std::uint64_t>(hour) + 1;
    row.mode = can::operating_mode::working;
    for (std::size_t i = 0; i < row.values.size(); ++i)
      row.values[i] = 10.0 * static_cast<double>(i) + static_cast<double>(second) / 7;
  }
  return rows;
}

void fill(store& store) {
  const auto file = can::parse_dbc(can::catalogue_dbc(), "catalogue", can::dbc_mode::strict);
  const can::dbc_file* files[] = {&*file};
  const auto plan = can::decode_plan::compile(files);
  auto named = digest_signals_of(*file, *plan);
  const auto engine = std::find_if(named.begin(), named.end(),
                                   [](const auto& one) { return one.name == "EEC1.engine_speed"; });
  std::swap(*named.begin(), *engine);
  named.resize(signals);
  const auto ids = answer_of<std::vector<std::int32_t>>(
    [&](auto done) { store.digest()->signal_ids(named, done); });
  constexpr int days = 100;
  constexpr int hours = 24;
  const auto first = make_stream(store, 0, days + hours);
  for (int day = 0; day < days; ++day)
    commit(store, first, static_cast<std::uint64_t>(day), rollups_of(day, ids));
  for (int machine = 0; machine < machines; ++machine) {
    const auto of = machine == 0 ? first : make_stream(store, machine, hours);
    for (int hour = 0; hour < hours; ++hour)
      commit(store, of, static_cast<std::uint64_t>(machine == 0 ? days + hour : hour),
             telemetry_of(hour));
  }
}

/// The best of five, and the CPU time of this process in it: with SQLite all of the work.
void time_it(const char* what, const std::function<std::size_t()>& ask) {
  double best_ms = 1e12;
  double cpu_ms = 0;
  std::size_t rows = 0;
  for (int i = 0; i < 5; ++i) {
    const auto begun = steady::now();
    const auto cpu_begun = std::clock();
    rows = ask();
    const auto took = std::chrono::duration<double, std::milli>(steady::now() - begun).count();
    if (took > best_ms)
      continue;
    best_ms = took;
    cpu_ms = 1e3 * static_cast<double>(std::clock() - cpu_begun) / CLOCKS_PER_SEC;
  }
  std::printf("%s: %.1f ms (CPU here %.1f ms), %zu rows\n", what, best_ms, cpu_ms, rows);
  std::fflush(stdout);
}

std::size_t signal_rows(store& store, std::int64_t to_us) {
  const signal_wish wish{"bench", "T1", "EEC1.engine_speed", base_us, to_us, 1'000};
  return answer_of<signal_series>(
           [&](auto done) { series_of(store)->read_signal_series(wish, done); })
    .time_us.size();
}

/// A day of every machine, as Replay asks for it, one after the other.
std::size_t telemetry_rows(store& store, std::int64_t every_us) {
  std::size_t rows = 0;
  for (int machine = 0; machine < machines; ++machine) {
    telemetry_wish wish{"bench", name_of(machine), base_us,           base_us + day_us, {}, {},
                        true,    every_us,         telemetry_rows_max};
    for (std::size_t i = 0; i < can::telemetry_columns.size(); ++i)
      wish.columns.push_back(i);
    for (;;) {
      const auto page = answer_of<telemetry_series>(
        [&](auto done) { series_of(store)->read_telemetry_series(wish, done); });
      rows += page.time_us.size();
      if (!page.next_us)
        break;
      wish.after_us = page.next_us;
    }
  }
  return rows;
}

} // namespace

int main(int argc, char** argv) {
  std::optional<furrow::tests::pg_cluster> cluster;
  store_options options;
  if (argc > 1)
    options.url = argv[1];
  else
    options.url = cluster.emplace().url();
  auto opened = open_store(options);
  if (!opened)
    return 1;
  auto& store = **opened;
  (void)answer_of<std::vector<migration_row>>([&](auto done) { store.migrate(done); });
  fill(store);
  if (cluster)
    cluster->exec("vacuum analyze");
  time_it("a signal over a day, 1,000 points",
          [&] { return signal_rows(store, base_us + day_us); });
  time_it("a signal over 100 days, 1,000 points",
          [&] { return signal_rows(store, base_us + 100 * day_us); });
  time_it("a day of 8 machines every 10 s, 20 columns",
          [&] { return telemetry_rows(store, 10 * second_us); });
  time_it("a day of 8 machines, every row", [&] { return telemetry_rows(store, 0); });
}
