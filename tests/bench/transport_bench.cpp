/// Frames per second through reassembly, live state and the whole monitor, on one core, in memory.
///
/// Shape: a tractor's traffic (single frames and some broadcasts), a bus full of long messages, and
///   two real logs, repeated, if the captures are present.
#include "can/live/machine_monitor.hpp"
#include "can/logs/bus_table.hpp"
#include "can/logs/candump.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace furrow::can;

namespace {

struct held_frame {
  std::int64_t time_us = 0;
  frame_header header;
  std::uint8_t data[8] = {};
  [[nodiscard]] frame_view view() const { return {time_us, header, data}; }
};

void push(std::vector<held_frame>& to, std::uint32_t id, std::initializer_list<std::uint8_t> data) {
  auto& one = to.emplace_back();
  one.time_us = static_cast<std::int64_t>(to.size()) * 600;
  one.header = pack({.id = id, .extended = true, .length = 8});
  std::memset(one.data, 0xFF, sizeof one.data);
  std::copy(data.begin(), data.end(), one.data);
}

std::vector<held_frame> single_frames() {
  constexpr std::uint32_t ids[] = {0x0CF00400, 0x0CF00300, 0x0CEFFF00, 0x18FEF200,
                                   0x18FEDF00, 0x0CFE48F0, 0x18FEF100, 0x09F8011C};
  std::vector<held_frame> out;
  for (std::uint8_t i = 0; out.size() < 10'000; ++i)
    push(out, ids[i % 8], {i, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70});
  return out;
}

/// 32 senders, each with a running broadcast of 34 bytes; no other traffic.
std::vector<held_frame> broadcasts() {
  std::vector<held_frame> out;
  while (out.size() < 10'000) {
    for (std::uint32_t source = 0; source < 32; ++source)
      push(out, 0x1CECFF00 | source, {32, 34, 0, 5, 255, 0xE3, 0xFE, 0});
    for (std::uint8_t packet = 1; packet <= 5; ++packet)
      for (std::uint32_t source = 0; source < 32; ++source)
        push(out, 0x1CEBFF00 | source, {packet, 1, 2, 3, 4, 5, 6, 7});
  }
  return out;
}

std::vector<held_frame> fast_packets() {
  std::vector<held_frame> out;
  for (std::uint32_t counter = 0; out.size() < 10'000; ++counter)
    for (std::uint32_t packet = 0; packet < 7; ++packet)
      for (std::uint32_t source = 0; source < 8; ++source)
        push(out, 0x0DF80500 | source,
             {static_cast<std::uint8_t>(counter % 8 << 5U | packet), 43, 1, 2, 3, 4, 5, 6});
  return out;
}

std::vector<held_frame> log_frames(const std::string& name) {
  const char* given = std::getenv("FURROW_DATA");
  const auto root = given != nullptr
                      ? std::filesystem::path{given}
                      : std::filesystem::path{FURROW_SOURCE_DIR} / ".." / "shared" / "data";
  std::ifstream in{root / name, std::ios::binary};
  std::ostringstream text;
  text << in.rdbuf();
  const auto log = text.str();
  candump_reader reader{log};
  log_line line;
  log_payload payload;
  std::vector<held_frame> out;
  while (reader.next(line, payload)) {
    if (line.kind != line_kind::frame || line.header.length() > 8)
      continue;
    auto& one = out.emplace_back();
    one.time_us = line.time_us;
    one.header = line.header;
    std::memcpy(one.data, payload.data(), line.header.payload_bytes());
  }
  return out;
}

template <class Each>
void run(benchmark::State& state, const std::vector<held_frame>& frames, Each each) {
  if (frames.empty())
    return state.SkipWithError("the captures are not here (set FURROW_DATA)");
  // Time continues from one repetition to the next, as on a bus.
  const auto length_us = frames.back().time_us - frames.front().time_us + 600;
  std::int64_t shift_us = 0;
  for (auto _ : state) {
    for (const auto& frame : frames) {
      auto view = frame.view();
      view.time_us += shift_us;
      each(view);
    }
    shift_us += length_us;
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(frames.size()));
}

void reassemble(benchmark::State& state, const std::vector<held_frame>& frames) {
  reassembler whole;
  std::uint64_t sum = 0;
  run(state, frames, [&](const frame_view& frame) {
    if (const auto one = whole.feed(frame))
      sum += one->pgn + one->data.size();
  });
  benchmark::DoNotOptimize(sum);
}

void reassemble_single(benchmark::State& state) {
  reassemble(state, single_frames());
}
BENCHMARK(reassemble_single);
void reassemble_broadcasts(benchmark::State& state) {
  reassemble(state, broadcasts());
}
BENCHMARK(reassemble_broadcasts);
void reassemble_fast_packets(benchmark::State& state) {
  reassemble(state, fast_packets());
}
BENCHMARK(reassemble_fast_packets);
void reassemble_tractor_log(benchmark::State& state) {
  reassemble(state, log_frames("j1939/jd5055e/tractoronSitUp.candump.log"));
}
BENCHMARK(reassemble_tractor_log);
void reassemble_isobus_log(benchmark::State& state) {
  reassemble(state, log_frames("isobus/agisostack-1.candump.log"));
}
BENCHMARK(reassemble_isobus_log);

void live_state_tractor_log(benchmark::State& state) {
  live_state live;
  run(state, log_frames("j1939/jd5055e/tractoronSitUp.candump.log"),
      [&](const frame_view& frame) { live.update(frame); });
  benchmark::DoNotOptimize(live);
}
BENCHMARK(live_state_tractor_log);

void monitor_isobus_log(benchmark::State& state) {
  machine_monitor machine;
  run(state, log_frames("isobus/agisostack-1.candump.log"),
      [&](const frame_view& frame) { machine.update(frame); });
  benchmark::DoNotOptimize(machine);
}
BENCHMARK(monitor_isobus_log);

/// As in a node: blocks of a given size.
void monitor_blocks(benchmark::State& state, const std::string& log) {
  const auto frames = log_frames(log);
  if (frames.empty())
    return state.SkipWithError("the captures are not here (set FURROW_DATA)");
  const auto block_frames = static_cast<std::size_t>(state.range(0));
  std::vector<frame_block> blocks;
  for (const auto& frame : frames) {
    if (blocks.empty() || blocks.back().size() == block_frames)
      blocks.emplace_back();
    if (!blocks.back().push(frame.time_us, frame.header, frame.data))
      return state.SkipWithError("a frame does not fit its block");
  }
  const auto length_us = frames.back().time_us - frames.front().time_us + 600;
  machine_monitor machine;
  for (auto _ : state)
    for (auto& block : blocks) {
      machine.update(block, 0);
      block.time_base_us += length_us;
    }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(frames.size()));
  benchmark::DoNotOptimize(machine);
}

void monitor_blocks_tractor_log(benchmark::State& state) {
  monitor_blocks(state, "j1939/jd5055e/tractoronSitUp.candump.log");
}
BENCHMARK(monitor_blocks_tractor_log)->Arg(10)->Arg(4096);
void monitor_blocks_isobus_log(benchmark::State& state) {
  monitor_blocks(state, "isobus/agisostack-1.candump.log");
}
BENCHMARK(monitor_blocks_isobus_log)->Arg(10)->Arg(4096);

/// The cost of the live state alone, frame by frame: a node's former way.
void live_state_isobus_log(benchmark::State& state) {
  live_state live;
  run(state, log_frames("isobus/agisostack-1.candump.log"),
      [&](const frame_view& frame) { live.update(frame); });
  benchmark::DoNotOptimize(live);
}
BENCHMARK(live_state_isobus_log);

} // namespace

BENCHMARK_MAIN();
