/// The cost of a frame at each stage in a node, on one core, without sockets, disk or database: parse, dedup and pack,
/// live state, COPY encoding; and the cost of a message between two actors.
#include "actors/ingest/stream_intake.hpp"
#include "proto/wire.hpp"
#include "storage/append/append_plan.hpp"
#include "storage/append/frame_row.hpp"
#include "storage/postgres/copy_format.hpp"
#include "tools/furrow-sim/block_pool.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace {

using namespace furrow;

/// Blocks of 10 frames are 100 ms of a slow machine; blocks of 4,096 come from a gateway with a
/// backlog.
void block_sizes(benchmark::internal::Benchmark* bench) {
  bench->Arg(10)->Arg(100)->Arg(4'096);
}

const sim::block_pool& pool_of(std::int64_t frames) {
  static const sim::block_pool small{1, 300, 10, 10};
  static const sim::block_pool middle{1, 300, 100, 10};
  static const sim::block_pool large{1, 300, 4'096, 10};
  return frames == 10 ? small : frames == 100 ? middle : large;
}

void per_frame(benchmark::State& state, std::int64_t frames) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * frames);
}

/// A whole Batch message as received from the socket.
void parse(benchmark::State& state) {
  const auto items =
    *pool_of(state.range(0)).encoded(0, static_cast<std::uint32_t>(state.range(0)), 1'700'000'000);
  const std::string_view groups[] = {items};
  std::string message;
  if (!proto::encode_batch(1, 1'000'000, {}, groups, message))
    state.SkipWithError("cannot encode");
  const std::span body{reinterpret_cast<const std::uint8_t*>(message.data()) + proto::length_bytes,
                       message.size() - proto::length_bytes};
  for (auto _ : state)
    benchmark::DoNotOptimize(proto::decode(body));
  per_frame(state, state.range(0));
}
BENCHMARK(parse)->Apply(block_sizes);

void live_state(benchmark::State& state) {
  const auto& block = pool_of(state.range(0)).blocks().front();
  can::live_state live;
  for (auto _ : state)
    for (std::size_t i = 0; i < block.size(); ++i)
      live.update(block[i]);
  benchmark::DoNotOptimize(live);
  per_frame(state, state.range(0));
}
BENCHMARK(live_state)->Arg(4'096);

/// All decisions of a machine's actor: check numbers, decode for the live view, pack, flush,
/// commit.
void dedup_and_pack(benchmark::State& state) {
  const auto& pool = pool_of(state.range(0));
  actors::stream_intake intake{8'192};
  actors::stream_intake::actions out;
  actors::greeting hello;
  hello.hello.equipment = "T1";
  hello.hello.first_seq = 1;
  intake.greet(1, hello, out);
  storage::claim_outcome claim;
  claim.claim.epoch = 1;
  intake.claimed(1, claim, out);
  can::machine_monitor live;
  std::uint64_t seq = 0;
  // Many at once: stopping the clock costs as much as a small batch.
  constexpr std::size_t batches_a_turn = 99;
  std::vector<proto::batch> batches(batches_a_turn);
  for (auto _ : state) {
    state.PauseTiming();
    for (std::size_t n = 0; n < batches_a_turn; ++n) {
      batches[n] = {};
      batches[n].first_seq = seq + 1;
      seq += static_cast<std::uint64_t>(state.range(0));
      batches[n].last_seq = seq;
      batches[n].items.emplace_back(pool.blocks()[n % pool.blocks().size()]);
    }
    out.clear();
    state.ResumeTiming();
    for (std::size_t n = 0; n < batches_a_turn; ++n) {
      intake.received(1, std::move(batches[n]), {}, live, out);
      if (n % 3 == 2)
        intake.flush(out);
    }
  }
  per_frame(state, state.range(0) * static_cast<std::int64_t>(batches_a_turn));
}
BENCHMARK(dedup_and_pack)->Apply(block_sizes);

void encode_copy(benchmark::State& state) {
  const auto& block = pool_of(state.range(0)).blocks().front();
  storage::frame_slice slice;
  slice.seq_first = 1;
  slice.block = &block;
  slice.count = block.size();
  storage::byte_buffer buffer;
  can::frame_block scratch;
  for (auto _ : state) {
    buffer.clear();
    storage::postgres_copy::put(buffer, storage::row_of(slice, scratch));
    benchmark::DoNotOptimize(buffer.data());
  }
  per_frame(state, state.range(0));
}
BENCHMARK(encode_copy)->Apply(block_sizes);

/// A round trip between two actors: two sends, two handler look-ups, on CAF's own threads.
void actor_hop(benchmark::State& state) {
  caf::actor_system_config config;
  config.set("scheduler.max-threads", std::size_t{2});
  caf::actor_system system{config};
  static constexpr std::int32_t hops = 1'000;
  for (auto _ : state) {
    caf::scoped_actor self{system};
    const caf::actor done{self};
    const auto echo = system.spawn([](caf::event_based_actor*) -> caf::behavior {
      return {[](std::int32_t left) { return left - 1; }};
    });
    system.spawn([echo, done](caf::event_based_actor* me) -> caf::behavior {
      me->send(echo, hops);
      return {[me, echo, done](std::int32_t left) {
        if (left > 0) {
          me->send(echo, left);
          return;
        }
        me->send(done, left);
        me->quit();
      }};
    });
    self->receive([](std::int32_t) {});
    caf::anon_send_exit(echo, caf::exit_reason::user_shutdown);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * hops * 2);
}
BENCHMARK(actor_hop)->Unit(benchmark::kMicrosecond)->UseRealTime();

} // namespace

BENCHMARK_MAIN();
