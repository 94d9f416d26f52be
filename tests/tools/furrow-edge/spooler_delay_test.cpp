// How long a frame waits in the gateway before it is saved and can be sent.
#include "tests/tools/furrow-edge/edge_story.hpp"
#include "tools/furrow-edge/source/spooler.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <vector>

using namespace furrow;
using namespace furrow::edge;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

/// A bus in virtual time: a frame each millisecond, for 100 ms, then silence for 100 ms, then the end.
struct steady_bus final : frame_source {
  static constexpr std::uint32_t frames = 100;
  spooler::time_point now{1h};
  std::uint32_t given = 0;
  int quiet = 0;
  source_row row;
  std::string none;

  source_status next(source_frame& out, std::chrono::milliseconds patience) override {
    if (given == frames) {
      now += std::max(patience, 1ms);
      return ++quiet < 10 ? source_status::quiet : source_status::end;
    }
    now += 1ms;
    out = {1, can::pack({.id = ++given, .extended = true}), "can0", nullptr};
    return source_status::frame;
  }
  void taken() override {}
  source_row& progress() override { return row; }
  bool live() const override { return true; }
  void refuse(const char* /*why*/) override {}
  const std::string& trouble() const override { return none; }
};

struct save {
  std::chrono::milliseconds at; // since the beginning
  std::uint64_t frames;         // saved by then
};

std::vector<save> saves_with(std::chrono::milliseconds delay) {
  scratch_folder folder;
  auto opened = spool::open({.path = folder.file("t1.spool"), .equipment = "T1"}, {});
  REQUIRE(opened);
  const auto spool = std::move(*opened);
  steady_bus bus;
  const auto begun = bus.now;
  std::vector<save> saves;
  std::promise<std::optional<edge::failure>> over;
  auto ended = over.get_future();
  spooler moves{*spool,
                bus,
                0,
                {.appended =
                   [&] {
                     saves.push_back(
                       {std::chrono::duration_cast<std::chrono::milliseconds>(bus.now - begun),
                        spool->last_seq()});
                   },
                 .warn = {},
                 .ended = [&](const auto& why) { over.set_value(why); }},
                delay,
                [&] { return bus.now; }};
  moves.start();
  REQUIRE(ended.wait_for(20s) == std::future_status::ready);
  CHECK_FALSE(ended.get());
  return saves;
}

} // namespace

TEST_CASE("spooler: saves frames that arrive steadily after `delay`, not when the source pauses") {
  for (const auto delay : {5ms, 10ms, 40ms}) {
    CAPTURE(delay.count());
    const auto saves = saves_with(delay);
    std::uint64_t before = 0;
    std::size_t flushes = 0;
    for (const auto& one : saves) {
      if (one.frames == before)
        continue; // at the end: nothing new
      // Frame n arrives n ms after the beginning.
      CHECK(one.at - std::chrono::milliseconds{before + 1} <= delay);
      before = one.frames;
      ++flushes;
    }
    CHECK(before == steady_bus::frames);
    // Nor earlier: each save is a flush of the disk.
    CHECK(flushes <= 1 + static_cast<std::size_t>(steady_bus::frames / delay.count()));
  }
}
