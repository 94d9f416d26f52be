/// Frames to physical values on one core: logs of a real tractor, repeated in memory, with the
/// reference DBC; and the time to load DBC files.
#include "can/dbc/decode.hpp"
#include "can/dbc/file.hpp"
#include "can/logs/candump.hpp"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>

namespace {

using namespace furrow::can;

std::filesystem::path data_root() {
  const char* given = std::getenv("FURROW_DATA");
  return given != nullptr ? std::filesystem::path{given}
                          : std::filesystem::path{FURROW_SOURCE_DIR} / ".." / "shared" / "data";
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

struct frame {
  frame_header header;
  std::uint8_t data[8];
};

/// The frames that the plan knows; unknown frames would improve the figure.
std::vector<frame> known_frames(const decode_plan& plan) {
  std::vector<frame> frames;
  for (const auto* log : {"idle10sec", "tractoronSitUp", "transmission1and2and3InGear"}) {
    const auto text =
      read_file(data_root() / "j1939/jd5055e" / (std::string{log} + ".candump.log"));
    candump_reader reader{text};
    log_line line;
    log_payload payload;
    while (reader.next(line, payload)) {
      if (line.kind != line_kind::frame || plan.find(line.header) == nullptr)
        continue;
      auto& to = frames.emplace_back();
      to.header = line.header;
      std::copy_n(payload.begin(), line.header.payload_bytes(), to.data);
    }
  }
  return frames;
}

void decode_tractor(benchmark::State& state) {
  const auto text = read_file(data_root() / "dbc/ref_j1939_iso11783.dbc");
  const auto file = parse_dbc(text, "ref");
  if (!file || file->messages.empty()) {
    state.SkipWithError("no data (set FURROW_DATA)");
    return;
  }
  const dbc_file* files[] = {&*file};
  const auto plan = decode_plan::compile(files);
  const auto frames = known_frames(*plan);
  std::vector<decoded_signal> out(plan->signals_max());
  std::size_t signals = 0;
  double sum = 0;
  for (auto _ : state) {
    for (const auto& frame : frames) {
      const frame_view view{0, frame.header, frame.data};
      const auto count = plan->decode(view, out);
      signals += count;
      for (std::size_t i = 0; i < count; ++i) // reads every value
        sum += out[i].state == signal_state::value ? out[i].physical : 0;
    }
  }
  benchmark::DoNotOptimize(sum);
  const auto count = static_cast<double>(state.iterations()) * static_cast<double>(frames.size());
  state.counters["frames/s"] = benchmark::Counter(count, benchmark::Counter::kIsRate);
  state.counters["signals/s"] =
    benchmark::Counter(static_cast<double>(signals), benchmark::Counter::kIsRate);
  state.counters["signals a frame"] = static_cast<double>(signals) / count;
}
BENCHMARK(decode_tractor);

void load_dbc(benchmark::State& state, const std::string& name) {
  const auto text = read_file(data_root() / name);
  if (text.empty()) {
    state.SkipWithError("no data (set FURROW_DATA)");
    return;
  }
  for (auto _ : state)
    benchmark::DoNotOptimize(parse_dbc(text, name));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK_CAPTURE(load_dbc, ref_264_KB, std::string{"dbc/ref_j1939_iso11783.dbc"})
  ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(load_dbc, canboat_512_KB, std::string{"n2k/canboat.dbc"})
  ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(load_dbc, canmatrix_509_KB, std::string{"dbc/canmatrix-j1939.dbc"})
  ->Unit(benchmark::kMillisecond);

void append(std::string& to, std::initializer_list<std::string_view> pieces) {
  for (const auto piece : pieces)
    to += piece;
}

/// An 800 KB file as car makers write them: messages of 16 signals, labels, comments, attributes.
void load_800_kb(benchmark::State& state) {
  std::string text = "VERSION \"\"\nNS_ :\nBS_:\nBU_: engine\nBA_DEF_ SG_ \"SPN\" INT 0 524287;\n";
  std::string tail;
  for (unsigned message = 0; text.size() + tail.size() < 800'000; ++message) {
    const auto id = std::to_string(0x98F00000U + message * 256U);
    append(text, {"BO_ ", id, " some_message_", std::to_string(message), ": 8 engine\n"});
    for (unsigned signal = 0; signal < 16; ++signal) {
      const auto number = std::to_string(signal);
      append(text, {" SG_ engine_signal_number_", number, " : ", std::to_string(signal * 4),
                    "|4@1+ (0.125,-40) [-40|210.5] \"kPa\" Vector__XXX\n"});
      append(tail, {"CM_ SG_ ", id, " engine_signal_number_", number, " \"What it is for.\";\n"});
      append(tail, {"BA_ \"SPN\" SG_ ", id, " engine_signal_number_", number, " 4242;\n"});
      if (signal % 4 == 0)
        append(tail, {"VAL_ ", id, " engine_signal_number_", number,
                      " 0 \"off\" 1 \"on\" 2 \"error\" 3 \"not available\";\n"});
    }
  }
  text += tail;
  for (auto _ : state)
    benchmark::DoNotOptimize(parse_dbc(text, "made"));
  state.counters["KB"] = static_cast<double>(text.size()) / 1000;
}
BENCHMARK(load_800_kb)->Unit(benchmark::kMillisecond);

} // namespace

BENCHMARK_MAIN();
