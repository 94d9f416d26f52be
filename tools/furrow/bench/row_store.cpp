#include "tools/furrow/bench/row_store.hpp"

#include "tools/furrow-sim/block_pool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <thread>

namespace furrow::cli::bench {

namespace {

using row_clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t pool_blocks_frames = 4'096;
constexpr std::int64_t rows_start_us = 1'700'000'000'000'000;
constexpr auto kept_up_within = 500ms; // after the last rows were due

sim::block_pool pool_of(const ingest_plan& plan) {
  const double rate = plan.rate > 0 ? plan.rate : 300;
  const auto block =
    plan.block_frames > 0 ? plan.block_frames : static_cast<std::uint32_t>(pool_blocks_frames);
  return {1, rate, std::min<std::size_t>(block, 1'000), plan.ids};
}

/// The fleet's frames as rows: machine by machine, in the order of their blocks.
storage::bench_rows rows_of(const ingest_plan& plan) {
  const auto wanted =
    plan.frames > 0 ? std::min(plan.frames, plan.baseline_rows) : plan.baseline_rows;
  const auto pool = pool_of(plan);
  storage::bench_rows rows;
  const auto& blocks = pool.blocks();
  for (std::size_t n = 0; rows.count() < wanted; ++n) {
    const auto base = rows_start_us + static_cast<std::int64_t>(n / blocks.size()) * pool.span_us();
    for (std::uint32_t machine = 0; machine < plan.machines && rows.count() < wanted; ++machine) {
      const auto& one = blocks[(n + machine) % blocks.size()];
      for (std::size_t i = 0; i < one.size() && rows.count() < wanted; ++i) {
        auto frame = one[i];
        frame.time_us += base;
        rows.add(static_cast<std::int32_t>(machine + 1), frame);
      }
    }
  }
  return rows;
}

/// Frames number `from` to `to` of each machine.
storage::bench_rows rows_between(const sim::block_pool& pool,
                                 std::uint32_t machines,
                                 std::size_t from,
                                 std::size_t to) {
  storage::bench_rows rows;
  const auto& blocks = pool.blocks();
  const auto a_block = pool.frames_a_block();
  for (std::uint32_t machine = 0; machine < machines; ++machine)
    for (auto at = from; at < to; ++at) {
      const auto block = at / a_block;
      auto frame = blocks[(block + machine) % blocks.size()][at % a_block];
      frame.time_us +=
        rows_start_us + static_cast<std::int64_t>(block / blocks.size()) * pool.span_us();
      rows.add(static_cast<std::int32_t>(machine + 1), frame);
    }
  return rows;
}

double thread_cpu_s() {
  timespec now{};
  (void)::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double to_tenth(double value) {
  return std::round(value * 10) / 10;
}

/// Sends the rows of the plan's seconds; returns their number. A transaction that is late is followed by the next one at
/// once, as in a program that has kept the frames meanwhile.
result<std::uint64_t> send_at_rate(storage::bench_database& database,
                                   const ingest_plan& plan,
                                   std::chrono::milliseconds interval) {
  const auto pool = pool_of(plan);
  const auto begun = row_clock::now();
  const auto interval_s = std::chrono::duration<double>{interval}.count();
  std::uint64_t sent = 0;
  std::size_t from = 0;
  for (int turn = 1; turn * interval_s <= plan.seconds; ++turn) {
    const auto due = begun + turn * interval;
    if (row_clock::now() > due + 2 * interval + 10s)
      break; // it falls ever further behind
    std::this_thread::sleep_until(due);
    const auto to = static_cast<std::size_t>(turn * interval_s * plan.rate);
    if (to == from)
      continue;
    const auto rows = rows_between(pool, plan.machines, from, to);
    if (const auto stored = database.add_rows(rows); !stored)
      return as_failure(stored.error());
    sent += rows.count();
    from = to;
  }
  return sent;
}

result<json> run_at_rate(storage::bench_database& database,
                         const ingest_plan& plan,
                         std::chrono::milliseconds interval) {
  const auto made = database.begin_rows();
  if (!made)
    return as_failure(made.error());
  if (!*made)
    return json(nullptr);
  const auto server = database.server_process();
  const auto server_before = family_cpu_s(server);
  const auto client_before = thread_cpu_s();
  const auto wal_before = database.wal_position();
  const auto begun = row_clock::now();
  const auto sent = send_at_rate(database, plan, interval);
  const auto took = std::chrono::duration<double>{row_clock::now() - begun};
  const auto wal_after = database.wal_position();
  const auto size = database.rows_disk_bytes();
  if (!sent)
    return sent.error();
  if (!wal_before || !wal_after || !size)
    return as_failure(!size ? size.error() : !wal_after ? wal_after.error() : wal_before.error());
  if (*sent == 0)
    return failure{errc::usage, fmt::format("--seconds must be at least the {} ms between two "
                                            "transactions of rows",
                                            interval.count())};
  const auto count = static_cast<double>(*sent);
  const auto to_us = plan.rate / count * 1e6; // per machine-second
  const auto server_after = family_cpu_s(server);
  json cpu{{"client", to_tenth((thread_cpu_s() - client_before) * to_us)}, {"server", nullptr}};
  if (server_before && server_after)
    cpu["server"] = to_tenth((*server_after - *server_before) * to_us);
  return json{
    {"every_ms", interval.count()},
    {"rows", *sent},
    {"kept_up", took <= std::chrono::duration<double>{plan.seconds} + kept_up_within},
    {"cpu_us_per_machine_second", std::move(cpu)},
    {"wal_bytes_per_row", to_tenth(static_cast<double>(*wal_after - *wal_before) / count)},
    {"bytes_per_row", to_tenth(static_cast<double>(*size) / count)}};
}

} // namespace

result<json> rows_at_once(storage::bench_database& database, const ingest_plan& plan) {
  const auto rows = rows_of(plan);
  const auto server = database.server_process();
  const auto cpu_before = family_cpu_s(server);
  const auto copied = database.copy(rows);
  if (!copied)
    return as_failure(copied.error());
  if (!*copied)
    return json(nullptr);
  const auto& cost = **copied;
  const auto count = static_cast<double>(rows.count());
  const auto cpu_after = family_cpu_s(server);
  return json{{"rows", rows.count()},
              {"seconds", rounded(cost.seconds)},
              {"rows_per_second", std::round(count / cost.seconds)},
              {"server_cpu_seconds", or_null(cpu_before, cpu_after)},
              {"bytes_per_row", rounded(static_cast<double>(cost.disk_bytes) / count)},
              {"wal_bytes_per_row", rounded(static_cast<double>(cost.wal_bytes) / count)}};
}

result<json>
rows_at_rate(storage::bench_database& database, const ingest_plan& plan, progress& progress) {
  json out = json::array();
  for (const auto interval : {150ms, 1'000ms}) {
    progress.say(fmt::format("rows by COPY every {} ms", interval.count()));
    auto one = run_at_rate(database, plan, interval);
    if (!one || one->is_null())
      return one;
    out.push_back(std::move(*one));
  }
  return out;
}

} // namespace furrow::cli::bench
