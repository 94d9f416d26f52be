#include "can/dbc/decode.hpp"

#include "can/dbc/catalogue.hpp"
#include "can/dbc/file.hpp"
#include "can/live/live_state.hpp"
#include "tools/furrow-sim/block_pool.hpp"
#include "tools/furrow/bench/benches.hpp"

#include <fmt/format.h>

#include <cmath>
#include <ctime>

namespace furrow::cli::bench {

namespace {

/// CPU of this thread: other work of the computer does not count.
double cpu_now_s() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// Goes over the blocks until this much CPU is spent. `each(frame)` returns a value, so that the compiler cannot remove
/// the work.
template <class Each>
json measure(const sim::block_pool& pool, double seconds, Each each) {
  const auto begun = cpu_now_s();
  std::uint64_t frames = 0;
  double taken = 0;
  double sum = 0;
  while (taken < seconds) {
    for (const auto& block : pool.blocks()) {
      for (std::size_t i = 0; i < block.size(); ++i)
        sum += each(block[i]);
      frames += block.size();
    }
    taken = cpu_now_s() - begun;
  }
  const auto count = static_cast<double>(frames);
  return {{"frames", frames},
          {"cpu_seconds", std::round(taken * 1e3) / 1e3},
          {"frames_per_second", std::round(count / taken)},
          {"ns_per_frame", std::round(taken / count * 1e10) / 10},
          {"sum", std::isfinite(sum)}};
}

} // namespace

result<json> bench_decode(double seconds, progress& progress) {
  const auto file = can::parse_dbc(can::catalogue_dbc(), "catalogue");
  if (!file)
    return failure{errc::failed, "the catalogue cannot be read: " + file.error().detail};
  const can::dbc_file* files[] = {&*file};
  const auto plan = can::decode_plan::compile(files);
  if (!plan)
    return failure{errc::failed, "the catalogue cannot be used: " + plan.error().detail};
  const sim::block_pool pool{1, 300, 4'096};
  json out{{"benchmark", "decode"}};
  progress.say("decode: live state");
  can::live_state live;
  out["live_state"] = measure(pool, seconds, [&live](const can::frame_view& frame) {
    live.update(frame);
    return 0.0;
  });
  out["live_state"]["sum"] = live.engine_speed_rpm.has_value();
  progress.say("decode: catalogue");
  std::vector<can::decoded_signal> signals(plan->signals_max());
  std::uint64_t found = 0;
  out["catalogue"] = measure(pool, seconds, [&](const can::frame_view& frame) {
    const auto count = plan->decode(frame, signals);
    found += count;
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i)
      sum += signals[i].state == can::signal_state::value ? signals[i].physical : 0;
    return sum;
  });
  const auto frames = out["catalogue"]["frames"].get<double>();
  out["catalogue"]["signals_per_frame"] =
    std::round(static_cast<double>(found) / frames * 1e3) / 1e3;
  for (const auto* part : {"live_state", "catalogue"})
    out[part].erase("sum");
  return out;
}

} // namespace furrow::cli::bench
