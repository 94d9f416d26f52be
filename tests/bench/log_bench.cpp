/// Lines per second of reading and writing logs, on one core, in memory.
///
/// Shape: the frames imitate a tractor's traffic: 29-bit identifiers, eight bytes, 300 frames per
///   second.
#include "can/logs/candump.hpp"
#include "can/logs/log_format.hpp"

#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <vector>

using namespace furrow::can;

namespace {

constexpr std::size_t frames_count = 100'000;
constexpr std::int64_t start_us = 1'700'000'000'715'009;

struct held_frame {
  std::int64_t time_us = 0;
  frame_header header;
  std::uint8_t data[8] = {};
};

std::vector<held_frame> tractor_frames() {
  constexpr std::uint32_t ids[] = {0x0CF00400, 0x0CF00300, 0x0CEFFF00, 0x18FEF200,
                                   0x18FEDF00, 0x1CECFF00, 0x18FEF100};
  std::vector<held_frame> frames(frames_count);
  std::uint64_t random = 1;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    random = random * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
    frames[i].time_us = start_us + static_cast<std::int64_t>(i) * 3'333;
    frames[i].header = pack({.id = ids[random >> 33U & 3U], .extended = true, .length = 8});
    std::memcpy(frames[i].data, &random, sizeof random);
  }
  return frames;
}

std::string log_of(const std::vector<held_frame>& frames) {
  std::string text;
  for (const auto& frame : frames)
    append_candump(text, {frame.time_us, frame.header, frame.data}, "can0");
  return text;
}

void candump_read(benchmark::State& state) {
  const auto text = log_of(tractor_frames());
  log_line line;
  log_payload payload;
  for (auto _ : state) {
    candump_reader reader{text};
    std::uint64_t seen = 0;
    while (reader.next(line, payload))
      seen += line.header.bits + payload[7];
    benchmark::DoNotOptimize(seen);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(frames_count));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(candump_read);

void candump_write(benchmark::State& state) {
  const auto frames = tractor_frames();
  std::string text;
  for (auto _ : state) {
    text.clear();
    for (const auto& frame : frames)
      append_candump(text, {frame.time_us, frame.header, frame.data}, "can0");
    benchmark::DoNotOptimize(text.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(frames_count));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(candump_write);

/// Reads through format detection, in pieces as from a file.
void any_read(benchmark::State& state, log_format format) {
  const auto frames = tractor_frames();
  std::string text;
  log_writer writer{format};
  for (const auto& frame : frames)
    if (writer.append(text, {frame.time_us, frame.header, frame.data}, "can0") != nullptr)
      state.SkipWithError("a frame has no form");
  writer.finish(text);
  constexpr std::size_t piece = std::size_t{64} * 1024;
  log_line line;
  log_payload payload;
  for (auto _ : state) {
    log_reader reader;
    std::uint64_t seen = 0;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      reader.feed(std::string_view{text}.substr(at, piece));
      while (reader.next(line, payload))
        seen += line.header.bits + payload[7];
    }
    benchmark::DoNotOptimize(seen);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(frames_count));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK_CAPTURE(any_read, candump, log_format::candump);
BENCHMARK_CAPTURE(any_read, asc, log_format::asc);
BENCHMARK_CAPTURE(any_read, trc, log_format::trc);
BENCHMARK_CAPTURE(any_read, canboat, log_format::canboat);
BENCHMARK_CAPTURE(any_read, ydwg, log_format::ydwg);

} // namespace

BENCHMARK_MAIN();
