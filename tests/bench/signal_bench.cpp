// One signal of one machine among 30 other identifiers, each at 10 Hz: furrow.signal and signal_bucket beside the same
// answers from rows indexed on (equipment, time). Then hourly buckets over the whole time, from a digest's rollups and
// from frames. signal_bench [hours, default 3] [identifiers, default 31]. Rows are read by the index, as in a table
// with several machines, and every query runs without parallel workers.
#include "can/dbc/catalogue.hpp"
#include "can/live/stream_digest.hpp"
#include "storage/dbc/signal_rows.hpp"
#include "storage/digest_store.hpp"
#include "storage/sealing.hpp"
#include "storage/store.hpp"
#include "tests/bench/answer.hpp"
#include "tests/support/pg_cluster.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

namespace can = furrow::can;
using namespace furrow::storage;

namespace {

using furrow::bench::answer_of;
using steady = std::chrono::steady_clock;
constexpr std::int64_t base_us = 1'700'000'000'000'000;

/// Ten minutes of a bus: `ids` identifiers every 100 ms, with a jitter of up to 2 ms.
can::frame_block
ten_minutes(std::int64_t number, std::minstd_rand& random, int part, unsigned ids) {
  can::frame_block block;
  for (int tick = part * 1'500; tick < (part + 1) * 1'500; ++tick)
    for (unsigned id = 0; id < ids; ++id) {
      const auto value = 6'000 + random() % 4'000;
      const std::uint8_t payload[8] = {
        static_cast<std::uint8_t>(random() % 4), 0x7D, 0x7D, static_cast<std::uint8_t>(value),
        static_cast<std::uint8_t>(value >> 8U),  0xFF, 0x0F, 0xFF};
      const auto time = base_us + number * 600'000'000 + tick * 100'000LL + id * 3'000LL
                        + static_cast<std::int64_t>(random() % 2'000);
      if (!block.push(time,
                      can::pack({.id = 0x0CF00400 + id * 0x100, .extended = true, .length = 8}),
                      payload))
        std::exit(1);
    }
  return block;
}

/// The best of five on one warm connection, by the server's clock.
double timed_ms(furrow::tests::pg_cluster& cluster, const std::string& sql, std::string& answer) {
  answer = cluster.value(sql);
  return std::stod(cluster.value("select public.best_ms($q$" + sql + "$q$)"));
}

/// Does the work of a node's digest at once.
void digest(store& store) {
  const auto file = can::parse_dbc(can::catalogue_dbc(), "catalogue", can::dbc_mode::strict);
  const can::dbc_file* files[] = {&*file};
  const auto plan = std::make_shared<const can::decode_plan>(*can::decode_plan::compile(files));
  auto* const lane = store.digest();
  const auto ids = answer_of<std::vector<std::int32_t>>(
    [&](auto done) { lane->signal_ids(digest_signals_of(*file, *plan), done); });
  for (;;) {
    const auto streams =
      answer_of<std::vector<digest_stream>>([&](auto done) { lane->pending(0, 1, done); });
    if (streams.empty())
      return;
    const auto& of = streams[0];
    const auto pages = answer_of<std::vector<digest_page>>([&](auto done) {
      lane->read({{of.stream, of.digested, of.durable}}, done);
    });
    can::stream_digest one{plan, {}};
    if (!of.state.empty() && !one.resume(of.digested, of.state))
      std::exit(1);
    for (const auto& run : pages[0].runs)
      one.take_frames(run.seq_first, run.block, pages[0].to);
    one.pass(pages[0].to);
    auto rows = one.take();
    for (auto& row : rows.rollups)
      row.signal = static_cast<std::uint32_t>(ids[row.signal]);
    auto batch = std::make_shared<digest_batch>();
    batch->push_back(
      {of.stream, of.equipment, of.digested, pages[0].to, one.save(), std::move(rows)});
    (void)answer_of<std::vector<bool>>([&](auto done) { lane->commit(batch, done); });
  }
}

void fill(store& store, int hours, unsigned ids) {
  const auto claimed = answer_of<std::vector<claim_outcome>>([&](auto done) {
    store.claim({{"bench", "T1", {}, {}, {{1, 1}}}}, done);
  });
  const auto lane = store.open_appender("bench");
  std::minstd_rand random{7};
  std::uint64_t seq = 0;
  for (int number = 0; number < hours * 6; ++number) {
    auto batch = std::make_shared<append_batch>();
    for (int part = 0; part < 4; ++part) {
      stream_append append;
      append.claim = claimed[0].claim;
      append.from = seq;
      append.frames.push_back({seq + 1, ten_minutes(number, random, part, ids)});
      seq += append.frames.back().block.size();
      append.to = append.sent = seq;
      batch->push_back(std::move(append));
    }
    (void)answer_of<append_outcome>([&](auto done) { lane->append(batch, done); });
  }
}

} // namespace

int main(int argc, char** argv) {
  const int hours = argc > 1 ? std::atoi(argv[1]) : 3;
  const auto ids = static_cast<unsigned>(argc > 2 ? std::atoi(argv[2]) : 31);
  furrow::tests::pg_cluster cluster;
  store_options options;
  options.url = cluster.url();
  auto opened = open_store(options);
  if (!opened)
    return 1;
  auto& store = **opened;
  (void)answer_of<std::vector<migration_row>>([&](auto done) { store.migrate(done); });
  fill(store, hours, ids);
  digest(store);
  const auto begun = steady::now();
  const auto sealed = answer_of<seal_outcome>([&](auto done) {
    seal_request request;
    request.due_after = {};
    store.sealing()->seal(request, done);
  });
  const auto took = std::chrono::duration<double>(steady::now() - begun).count();
  std::printf(
    "%d h, %llu frames sealed in %.1f s (%.2f M frames/s), %s bytes a frame\n", hours,
    static_cast<unsigned long long>(sealed.frames), took,
    static_cast<double>(sealed.frames) / took / 1e6,
    cluster
      .value("select round((pg_total_relation_size('furrow.can_segment_default') + "
             "pg_total_relation_size('furrow.can_chunk'))::numeric / sum(frames), 2) from "
             "furrow.can_chunk")
      .c_str());
  cluster.exec("create table frame as select 1 as equipment, time, bus, can_id, dlc, payload from "
               "furrow.frames('T1', '-infinity', 'infinity') order by time");
  cluster.exec("create index on frame (equipment, time)");
  cluster.exec("alter database furrow set max_parallel_workers_per_gather = 0");
  cluster.exec("alter database furrow set enable_seqscan = off");
  cluster.exec("vacuum analyze");
  cluster.exec("create function public.best_ms(sql text) returns float8 language plpgsql as $$ "
               "declare best float8 := 1e12; begun timestamptz; begin for i in 1..5 loop begun := "
               "clock_timestamp(); execute sql; best := least(best, extract(epoch from "
               "clock_timestamp() - begun) * 1000); end loop; return best; end $$");
  const auto name = cluster.value("select m.name || '.' || s.name from furrow.definition_signal s "
                                  "join furrow.definition_message m using (version, message) where "
                                  "m.pgn = 61444 and lsb_byte = 3");
  const std::string of_row = "(get_byte(payload, 3) | (get_byte(payload, 4) << 8))";
  const std::string rows = " from (select time, case when " + of_row + " <= 64255 then " + of_row
                           + " * 0.125::float8 end as value from frame where equipment = 1 and "
                             "can_id = x'0CF00400'::bigint and time between ";
  std::string slow;
  std::string fast;
  const auto all = std::string{"'-infinity' and 'infinity') r"};
  const auto row_ms =
    timed_ms(cluster, "select count(value) || ' ' || sum(value)" + rows + all, slow);
  const auto signal_ms =
    timed_ms(cluster,
             "select count(value) || ' ' || sum(value) from furrow.signal('T1', '" + name
               + "', '-infinity', 'infinity')",
             fast);
  std::printf("all of it: rows %.0f ms, furrow.signal %.0f ms: %.1f times faster%s\n", row_ms,
              signal_ms, row_ms / signal_ms, slow == fast ? "" : " (OTHER ANSWER)");
  const std::string hour = "timestamptz '2023-11-14 22:30:00+00'";
  const auto bucket_ms =
    timed_ms(cluster,
             "select count(*) || ' ' || sum(count) from furrow.signal_bucket('T1', '" + name + "', "
               + hour + ", " + hour + " + interval '1 hour', '1 minute')",
             fast);
  const auto row_bucket_ms = timed_ms(
    cluster,
    "select count(*) || ' ' || sum(n) from (select date_bin('1 minute', time, '2000-01-01'), "
    "count(*) n, min(value), max(value), avg(value)"
      + rows + hour + " and " + hour + " + interval '1 hour') r group by 1) b",
    slow);
  std::printf("an hour by the minute: rows %.1f ms, signal_bucket %.1f ms (%s; rows %s)\n",
              row_bucket_ms, bucket_ms, fast.c_str(), slow.c_str());
  const auto day = "select count(*) || ' ' || sum(count) || ' ' || sum(min) || ' ' || sum(max) || "
                   "' ' || sum(last) "
                   "from furrow.signal_bucket('T1', '"
                   + name + "', '-infinity', 'infinity', '1 hour')";
  const auto rolled_ms = timed_ms(cluster, day, fast);
  cluster.exec("insert into furrow.rollup_definition select id, 'another' from furrow.signal_name");
  const auto frames_ms = timed_ms(cluster, day, slow);
  std::printf("all of it by the hour: rollups %.1f ms, frames %.1f ms (%s)%s\n", rolled_ms,
              frames_ms, fast.c_str(), fast == slow ? "" : " (OTHER ANSWER)");
}
